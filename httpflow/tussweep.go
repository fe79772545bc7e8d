package httpflow

import (
	"os"
	"strings"
	"sync"
	"time"
)

const (
	sweepShare   = 100     // looking through a folder takes at most one part of this many of the time
	sweepNames   = 100_000 // of a folder that are looked at
	sweepFolders = 1000    // that are remembered
)

// A sweeper remembers when to look for expired uploads again.
type sweeper struct {
	mu  sync.Mutex
	due map[string]time.Time // by folder
}

// begin tells whether it is time to look through the folder, and has others not do it meanwhile.
func (s *sweeper) begin(folder string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.due[folder]) {
		return false
	}
	if s.due == nil || len(s.due) >= sweepFolders {
		s.due = map[string]time.Time{}
	}
	s.due[folder] = now.Add(time.Hour)
	return true
}

func (s *sweeper) end(folder string, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.due[folder] = now.Add(sweepShare * now.Sub(began))
}

// expire removes the uploads in the folder that have expired, and what killed processes left of
// them. What goes wrong is of no account: the next request tries again.
func (rc *receiver) expire(folder string) {
	began := time.Now()
	if rc.opts.Expires < 0 || !rc.sweeper.begin(folder, began) {
		return
	}
	defer rc.sweeper.end(folder, began)
	dir, err := rc.root.OpenFile(folder, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return
	}
	defer dir.Close()
	for seen := 0; seen < sweepNames; {
		names, err := dir.Readdirnames(1000)
		for _, name := range names {
			rc.expireFile(folder+string(os.PathSeparator), name)
		}
		if seen += len(names); err != nil {
			return
		}
	}
}

// expireFile looks at one name in the folder.
func (rc *receiver) expireFile(folder, name string) {
	old := func(path string) bool {
		info, err := rc.root.Lstat(path)
		return err != nil || info.Mode().IsRegular() && !time.Now().Before(rc.expiry(info.ModTime()))
	}
	if strings.HasPrefix(name, "."+uploadPrefix) && old(folder+name) { // a sink's temporary file
		_ = rc.root.Remove(folder + name)
		return
	}
	id, ok := strings.CutPrefix(strings.TrimSuffix(name, ".json"), uploadPrefix)
	if !ok || !isUploadID(id) {
		return
	}
	u := &upload{path: folder + uploadPrefix + id}
	if !old(u.path) || !old(u.recordPath()) {
		return
	}
	if release, other := rc.uploads.try(id, nil); other == nil {
		defer release()
		if old(u.path) && old(u.recordPath()) {
			_ = rc.remove(u)
		}
	}
}
