package transfer

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/atomicfile"
)

// An uploadRecord is a small file in the user's cache directory that says where the upload of a file to
// a URL is, for a run after this one. A nil record knows nothing and keeps nothing.
type uploadRecord struct {
	path   string // of the record: it is named after the file as it is, and the URL
	Upload string // the URL of the upload
}

// newUploadRecord is the record of a file as it is now. It is nil where the user has no cache directory, and where it cannot
// be told whether the file has changed.
func newUploadRecord(file, target string) *uploadRecord {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	identity, err := cli.Fingerprint(file, f)
	if err != nil || identity == "" {
		return nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	name := sha256.Sum256([]byte(identity + "\n" + urlDigest(target)))
	r := &uploadRecord{path: filepath.Join(cache, "pipe-demo", fmt.Sprintf("put-%x.json", name))}
	if os.MkdirAll(filepath.Dir(r.path), 0o700) != nil {
		return nil
	}
	return r
}

// upload is the URL that an earlier run has left; "" if it has not.
func (r *uploadRecord) upload() string {
	if r == nil {
		return ""
	}
	b, err := os.ReadFile(r.path)
	var left uploadRecord
	if err != nil || json.Unmarshal(b, &left) != nil {
		return ""
	}
	return left.Upload
}

// save writes the record, which only the user may read: anyone with the URL may write to the upload.
func (r *uploadRecord) save(upload string) error {
	r.sweep()
	r.Upload = upload
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(nil, r.path, b, atomicfile.Options{Mode: 0o600})
}

func (r *uploadRecord) forget() {
	if r != nil {
		os.Remove(r.path)
	}
}

// recordAge is the age at which hardly any server still has an upload.
const recordAge = 30 * 24 * time.Hour

// sweep removes the records of uploads that were never resumed.
func (r *uploadRecord) sweep() {
	old, _ := filepath.Glob(filepath.Join(filepath.Dir(r.path), "put-*.json")) // the pattern is a good one
	for _, name := range old {
		if info, err := os.Lstat(name); err == nil && time.Since(info.ModTime()) > recordAge {
			os.Remove(name)
		}
	}
}

// urlDigest does not depend on the user in the URL.
func urlDigest(address string) string {
	if u, err := url.Parse(address); err == nil {
		u.User = nil
		address = u.String()
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(address)))
}
