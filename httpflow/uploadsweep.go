package httpflow

import (
	"os"
	"strings"
	"sync"
	"time"

	"github.com/weirflow/weir/internal/atomicfile"
)

const (
	sweepShare = 100     // reading a directory takes at most one part of this many of the time
	sweepNames = 100_000 // of a directory that are read
	sweepDirs  = 1000    // that are remembered
)

// A sweeper remembers when to look for expired uploads again.
type sweeper struct {
	mu  sync.Mutex
	due map[string]time.Time // by directory
}

// begin reports whether it is time to read the directory, and keeps others from it meanwhile.
func (s *sweeper) begin(dir string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.due[dir]) {
		return false
	}
	if s.due == nil || len(s.due) >= sweepDirs {
		s.due = map[string]time.Time{}
	}
	s.due[dir] = now.Add(time.Hour)
	return true
}

func (s *sweeper) end(dir string, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.due[dir] = now.Add(sweepShare * now.Sub(began))
}

// expire removes the uploads in the directory that have expired, and the temporary files that killed
// processes left of them. Errors are ignored: the next request tries again.
func (s *uploadStore) expire(dir string) {
	began := time.Now()
	if s.keep < 0 || !s.sweeper.begin(dir, began) {
		return
	}
	defer s.sweeper.end(dir, began)
	d, err := s.root.OpenFile(dir, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return
	}
	defer d.Close()
	for seen := 0; seen < sweepNames; {
		names, err := d.Readdirnames(1000)
		for _, name := range names {
			s.expireFile(dir+string(os.PathSeparator), name)
		}
		if seen += len(names); err != nil {
			return
		}
	}
}

// expireFile looks at one name in the directory.
func (s *uploadStore) expireFile(dir, name string) {
	old := func(path string) bool {
		info, err := s.root.Lstat(path)
		return err != nil || info.Mode().IsRegular() && !time.Now().Before(s.expiry(info.ModTime()))
	}
	if file, ok := atomicfile.TemporaryOf(name); ok && strings.HasPrefix(file, uploadPrefix) {
		atomicfile.Sweep(s.root, dir+file)
		return
	}
	id, ok := strings.CutPrefix(strings.TrimSuffix(name, ".json"), uploadPrefix)
	if !ok || !isUploadID(id) {
		return
	}
	u := newUpload(dir+name, id)
	if !old(u.path) || !old(u.recordPath()) {
		return
	}
	if release, other := s.locks.try(id, nil); other == nil {
		defer release()
		if old(u.path) && old(u.recordPath()) {
			_ = s.remove(u)
		}
	}
}
