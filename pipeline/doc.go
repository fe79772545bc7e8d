/*
Package pipeline composes byte-stream flows and runs them.

# The model

A [Source] emits chunks of bytes, a [Stage] reads a stream and emits another, a
[Sink] consumes one. Each is a description: a name and a function, or a chain
of such. Descriptions compose with Via and To; nothing happens before
[Pipeline.Run].

	source ──channel──▶ stage ──channel──▶ stage ──channel──▶ sink

[Pipeline.Start] starts one goroutine a node under an errgroup and puts a bounded channel
between neighbours. A node receives from its [Inlet] and sends to its [Outlet]. When a
channel is full its producer waits: that is the backpressure, so the slowest node sets the
pace and memory stays flat. When [Run.Wait] returns, all of it is gone; [Pipeline.Run] is
both in one.

A channel here is not a Go chan. It is bounded by bytes of buffer capacity and not by a number of
chunks, it tells "ended well" from "ended", and it counts what passes; a chan does none of
the three, and with an atomic budget and counters beside it costs more.

# A chunk's way

A source makes a [Chunk] with [NewChunk], fills it and hands it to [Outlet.Send]; from
then on the chunk no longer belongs to the source. It waits in the channel. The stage's
[Inlet.Next] gives it out, and the stage owns it: it may send it on, read it and
[Chunk.Release] it, or ask [Chunk.Mutable] for one that it may write to. Buffers
come from a pool in size classes of 4, 16, 64 and 256 KiB and 1 MiB and return to it with the last
Release, so a chunk that passes through allocates nothing. With WEIR_POISON=1
released buffers are filled with 0xDB, misuse panics with both stacks, and a run that loses
chunks fails.

Readers and writers need no chunks: [Outlet.CopyFrom], [Outlet.Writer],
[Inlet.CopyTo] and [Inlet.Reader] adapt them.

# How a flow ends

A run function decides with its return value: nil is done, [Enough] stops upstream, an error
has failed.

  - Every node returns nil: the run has succeeded. io.EOF reaches a node only
    after everything upstream of it has ended well, so EOF is proof.
  - A node fails: the run's context is cancelled with that cause, every other node ends,
    and Run returns the cause as an [*Error] with the node's name. What followed
    from it never masks it. A panic is such a failure too.
  - A consumer needs no more input and returns [Enough]: its upstream is stopped with
    [ErrStopped], which is not a failure. An endless source behind it ends.
  - A node returns nil and has not received io.EOF: it has failed with [ErrInputLeft], because
    an error that it forgot, of a scanner for instance, must not look like the end of the stream.
  - The caller's context ends: Run returns context.Cause of it.

# Two phases

A node does all that can fail before it returns, and registers its last step
with AtEnd. When every node has returned, the last steps are called one at a time:
with nil if the run succeeded, to publish (rename the temporary file, complete
the upload), else with the run's error, to undo. So a [Tee] to three files
publishes all three or none. A sink that passes bytes on as they come cannot undo
and says so in its comment.

# Branches

[Tee] gives every chunk to every branch. It is strict: all must succeed, and the
slowest sets the pace. [BestEffort] around a branch lets it fail without the
rest; [Lossy] also lets it miss chunks instead of slowing the others. [Concat]
and [Merge] join sources. A node may run other nodes inside itself with
[Source.Run], [Stage.Run] and [Sink.Run].

# What the engine promises

 1. EOF is proof: it arrives only after everything upstream has ended well.
 2. Nothing short is published: results become visible when the whole run has succeeded.
 3. The first cause wins, with the name of its node.
 4. Stopping is not failing, and it is explicit: [Enough].
 5. No goroutine outlives Run. A node that blocks outside the engine must honour
    its context.
 6. A panic, and runtime.Goexit, are errors.
 7. Memory is bounded by bytes: a channel holds at most [Pipeline.Buffer] bytes of buffer
    capacity, or one chunk; a flow at most that and two chunks for each channel.
 8. Order and content are kept, and where chunks are cut carries no meaning.
 9. A chunk that passes through allocates nothing.
 10. Run functions decide with their return value. nil with input unread is a failure,
    [ErrInputLeft]; so is bare io.EOF, which becomes io.ErrUnexpectedEOF.

# Seeing a flow

[Pipeline.Describe] returns its shape, which package draw draws. [Run.Snapshot], at any time, and the final [Report] tell for
every node how long it was busy, idle or backpressured, and for every channel what passed;
[Report.Bottleneck] names the node that sets the pace. Each node's goroutine carries the pprof label "node".
*/
package pipeline
