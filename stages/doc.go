// Package stages holds the stages that need nothing but the standard library
// (and golang.org/x/time/rate): gzip and back, cutting, counting, watching and
// slowing a stream. Codecs with a dependency live in packages below this one.
//
// Every constructor only remembers its arguments. An argument that makes no sense
// shows when the flow runs, as an error that names it. The stages may be shared
// between flows and run any number of times, at once too.
//
// Where chunks are cut carries no meaning: however the input is cut, the output is
// the same bytes, provided that the function given to [Map] plays along. The
// comments tell of each stage what matters of
//
//   - Emits: when output leaves it,
//   - Waits: what for, other than input and room downstream,
//   - Ends: when it is complete,
//   - Stops: what it does when downstream has enough; all end at once, and so does
//     what is upstream,
//   - Holds: how much memory, beyond the chunk in hand,
//   - Fails: its own errors; an error from upstream never looks like an end.
package stages
