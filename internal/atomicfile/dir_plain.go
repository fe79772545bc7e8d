//go:build (!unix && !windows) || aix || solaris

package atomicfile

// renameNew cannot be done here.
func (d *dir) renameNew(string, *dir, string) (done bool, err error) { return false, nil }

func patiently(f func() error) error { return f() }
