// Package fusetest mounts file systems that refuse what some file systems refuse: hard links, a rename that
// replaces nothing, locks, a change of the mode, a sync, long names. It is for tests, and for Linux.
package fusetest
