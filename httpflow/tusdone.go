package httpflow

import (
	"sync"
	"time"
)

// maxDone is how many uploads that are complete are remembered.
const maxDone = 1000

// doneUploads are uploads whose file has appeared, so that a client which has not got the last answer
// finds out that it is done. They are not worth a file in the folder: after a restart, such a client
// sends the file again.
type doneUploads struct {
	mu    sync.Mutex
	m     map[string]*upload // by path
	order []string
}

// add remembers u, in place of the oldest one if there are enough.
func (d *doneUploads) add(u *upload) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.m == nil {
		d.m = map[string]*upload{}
	}
	if len(d.order) >= maxDone {
		delete(d.m, d.order[0])
		d.order = d.order[1:]
	}
	d.m[u.path] = u
	d.order = append(d.order, u.path)
}

// find returns the upload of the file called name, if it is known and has not expired.
func (d *doneUploads) find(path, name string) (*upload, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.m[path]
	switch {
	case u == nil || u.Name != name:
		return nil, errNoUpload
	case !u.expires.IsZero() && !time.Now().Before(u.expires):
		return nil, errExpired
	}
	found := *u
	return &found, nil
}

func (d *doneUploads) forget(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.m, path)
}
