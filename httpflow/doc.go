// Package httpflow has HTTP handlers that are made of flows: every response with content is a run
// of a source into [sinks.Response].
//
// [FileServer] serves a folder, [File] a single file and [Bytes] what is in memory. They answer GET
// and HEAD with conditions and byte ranges (RFC 9110 §13 and §14), so a player can seek, a cache
// can revalidate and an interrupted download can go on. What they answer is decided before anything
// is sent, from one look at the open file; what is sent then is that or an error that the client
// notices:
//
//   - The status goes out after the first bytes were read. A file that cannot be read is an error
//     status.
//   - A file that shrinks, or a read that fails, breaks the response off: on HTTP/1 the connection
//     is closed, on HTTP/2 the stream is reset. A file that grows is sent in the length that was
//     promised.
//   - A client that leaves ends the flow, and the file is closed before the handler returns.
//   - A client that stops reading is waited for as long as [Limits] say, a minute by default.
//
// A client that does not read holds 24 KiB of chunks of a large file, 48 KiB at most, besides what
// net/http has for a connection. [LimitListener] bounds how many there are.
//
// [Receiver] is the other direction: it takes uploads into a folder, in one request (PUT) or in
// several (tus 1.0), and a file appears there when it is complete, verified and on the disk, or not at
// all.
//
// The handlers may be used by any number of requests at once, over HTTP/1 and HTTP/2, and mounted
// with [http.StripPrefix].
package httpflow
