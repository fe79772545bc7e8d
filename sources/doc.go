// Package sources has the sources that flows begin with: files, readers, memory, channels, the
// process's standard input, the body of a request, and downloads over HTTP.
//
// What a constructor gets is looked at when the flow runs; a bad argument fails the run and not the
// constructor. A description may be run any number of times, at once too, unless its comment says
// otherwise. A source that knows how many bytes it will deliver promises that
// ([pipeline.Outlet.SetSize]), so that sinks and progress displays know it too.
package sources
