// Package stages has the stages that need only the standard library
// (and golang.org/x/time/rate): gzip compression and decompression, cutting, hashing,
// observing and rate-limiting a stream. Codecs with a dependency are packages below this one.
//
// Constructors only store their arguments. An invalid argument fails the run,
// with an error that names it. A stage may be shared
// between flows and run any number of times, also concurrently.
//
// Chunk boundaries have no meaning: the output is the same bytes however the input is
// cut, provided that this holds for the function given to [Map]. The comment of each
// stage says, where it matters,
//
//   - Emits: when output leaves it,
//   - Waits: for what, other than input and room downstream,
//   - Ends: when it is complete,
//   - Stops: what it does when downstream stops it; unless noted, it ends immediately,
//     and so does everything upstream,
//   - Holds: how much memory, beyond the chunk in hand,
//   - Fails: its own errors; an upstream error is never taken for an end.
package stages
