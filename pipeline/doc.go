/*
Package pipeline composes byte-stream flows and runs them.

# The model

A [Source] emits chunks of bytes, a [Stage] reads a stream and emits another, a
[Sink] consumes one. Each is a description: a name and a function, or a chain
of such. Descriptions compose with Via and To; nothing happens before
[Pipeline.Run].

	source ──channel──▶ stage ──channel──▶ stage ──channel──▶ sink

[Pipeline.Start] starts one goroutine for each node and connects neighbours with a bounded
channel. A node receives from its [Inlet] and sends to its [Outlet]. While a
channel is full, its producer waits: this is the backpressure, so the slowest node sets the
pace and memory is bounded. When [Run.Wait] returns, no goroutine of the flow is left;
[Pipeline.Run] combines the two.

A channel here is not a Go chan. It is bounded by bytes of buffer capacity and not by a number of
chunks, it distinguishes a complete stream from one that merely ended, and it counts what
passes. A chan does none of these, and with an atomic budget and counters added it costs more.

# The life of a chunk

A source makes a [Chunk] with [NewChunk], fills it and passes it to [Outlet.Send], which takes
its ownership. It waits in the channel. The stage's
[Inlet.Next] returns it, and the stage owns it: it may send it on, read it and
[Chunk.Release] it, or call [Chunk.Mutable] for one that it may write to. Buffers
come from a pool in size classes of 4, 16, 64 and 256 KiB and 1 MiB and return to it with the last
Release, so a chunk that passes through allocates nothing. With WEIR_POISON=1
released buffers are filled with 0xDB, misuse panics with both stacks, and a run that loses
chunks fails.

For code with readers and writers, [Outlet.CopyFrom], [Outlet.Writer],
[Inlet.CopyTo] and [Inlet.Reader] convert to and from chunks. [Inlet.Lines] yields lines, whose length is
limited; a bufio.Scanner stops at 64 KiB, and only its Err says so.

# How a flow ends

The return value of a run function decides: nil is success, [Enough] stops upstream, any other
error is a failure.

  - Every node returns nil: the run has succeeded. A node receives io.EOF only
    after every node upstream of it has succeeded, so EOF proves a complete stream.
  - A node fails: the run's context is cancelled with that cause, every other node ends,
    and Run returns the cause as an [*Error] with the node's name. Errors that follow
    from it never replace it. A panic is a failure too.
  - A consumer needs no more input and returns [Enough]: its upstream is stopped with
    [ErrStopped], which is not a failure. This also ends an endless source.
  - A node returns nil and has not received io.EOF: it has failed with [ErrInputLeft], because
    a dropped error, of a scanner for instance, must not look like the end of the stream.
  - The caller's context ends: Run returns context.Cause of it.

# Two phases

A node does all that can fail before it returns, and registers its last step
with AtEnd. When every node has returned, the last steps are called one at a time:
with nil if the run succeeded, to publish (rename the temporary file, complete
the upload), else with the run's error, to undo. So a [Tee] to three files
publishes all three or none. A sink that passes bytes on as they come cannot undo;
its comment must document that.

# Branches

[Tee] passes every chunk to every branch. It is strict: all must succeed, and the
slowest sets the pace. A [BestEffort] branch may fail without failing the run;
a [Lossy] one also misses chunks instead of slowing the others. [Concat]
and [Merge] join sources. A node may run other nodes inside itself with
[Source.Run], [Stage.Run] and [Sink.Run].

# Files

This package knows no files, but a node can say which one it reads ([Source.Reads]) or writes ([Sink.Writes]). A run that would
write in place what it also reads, or one file twice, fails with a [*SameFileError] before any node starts.

# What the engine promises

 1. EOF is proof: a node receives it only after every node upstream has succeeded.
 2. Nothing short is published: results become visible when the whole run has succeeded.
 3. The first cause wins, with the name of its node.
 4. Stopping is not failing, and it is explicit: [Enough].
 5. No goroutine outlives Run. A node that blocks outside the engine must honour
    its context.
 6. A panic, and runtime.Goexit, are errors.
 7. Memory is bounded by bytes: a channel holds at most [Pipeline.Buffer] bytes of buffer
    capacity, or one chunk; a flow at most that and two chunks for each channel.
 8. Order and content are kept; chunk boundaries have no meaning.
 9. A chunk that passes through allocates nothing.
 10. The return value of a run function decides. nil with input unread is a failure,
    [ErrInputLeft]; so is bare io.EOF, which becomes io.ErrUnexpectedEOF.

# Seeing a flow

[Pipeline.Describe] returns its shape, which package draw draws. [Run.Snapshot], at any time, and the final [Report]
have for every node how long it was busy, idle or backpressured, and for every channel what passed;
[Report.Bottleneck] returns the node that sets the pace. Each node's goroutine has the pprof label "node".
*/
package pipeline
