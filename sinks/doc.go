// Package sinks has the sinks that flows end in: files, writers, memory, channels, the process's standard
// output, the response to a request, and uploads over HTTP.
//
// What a constructor gets is looked at when the flow runs; a bad argument fails the run and not the
// constructor. A description may be run any number of times, at once too, unless its comment says otherwise.
//
// A sink's result becomes visible only when the whole run has succeeded. Those that pass bytes on as they
// come cannot keep that promise, and say so.
package sinks
