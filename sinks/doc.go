// Package sinks has the sinks that flows end in: files, writers, memory, channels, the process's standard
// output, the response to a request, and uploads over HTTP.
//
// Constructors only store their arguments: an invalid one fails the run. A description may be run any number of
// times, also concurrently, unless its comment says otherwise.
//
// A sink's result becomes visible only when the whole run has succeeded. Those that pass bytes on as they
// come cannot keep that promise; their comments document it.
package sinks
