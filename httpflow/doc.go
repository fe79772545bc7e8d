// Package httpflow has HTTP handlers that are made of flows.
//
// [FileServer] serves a directory, [File] a single file and [Bytes] bytes in memory. They answer GET
// and HEAD with conditions and byte ranges (RFC 9110 §13 and §14), so a player can seek, a cache
// can revalidate and an interrupted download can be resumed. [Handler] answers every GET with a run of
// a flow.
//
// The answer is decided before anything is sent; a client gets that answer or an error that it
// notices:
//
//   - The status goes out after the first bytes were read. What cannot be read is an error status.
//   - A file that shrinks, a read that fails and a flow that fails break the response off: on HTTP/1
//     the connection is closed, on HTTP/2 the stream is reset. A file that grows is sent in the length
//     that was promised; one that is overwritten meanwhile is broken off before its last bytes, so that what arrives
//     is no mixture. (A rename, a chmod and a further link do not matter.)
//   - Entity tags change with the content, also when its size and its times do not (RFC 9110 §8.8.1). They are
//     weak where the file system does not tell: FUSE, FAT, images, and network file systems within 2 s of a change.
//   - A file whose size is not that of its content (/proc, /sys) is read to its end first, up to 1 MiB.
//   - A client that leaves ends the flow, and the file is closed before the handler returns.
//   - A client that stops reading is waited for as long as the limits allow, a minute by default.
//
// Where nothing stands between a file and the client, no flow is run: the handler sends the file by
// the same rules, and the kernel copies it where it can.
//
// A client that does not read holds 24 KiB of chunks of a large file, 48 KiB at most, besides the
// buffers that net/http has for a connection. [LimitListener] bounds the number of connections.
//
// [Receiver] is the other direction: it takes uploads into a directory, in one request (PUT) or in
// several (tus 1.0). A file appears there when it is complete, verified and durable, or not at all.
//
// The handlers may be used by any number of requests at once, over HTTP/1 and HTTP/2, and mounted
// with [http.StripPrefix].
package httpflow
