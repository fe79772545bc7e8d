/*
Package weir is the landing page of a library for composing byte-stream flows: a
source emits chunks, stages pass them on, a sink consumes them, and the bounded
channels between them are the backpressure.

	report, err := sources.File("access.log").
		Via(stages.Gzip(6)).
		To(sinks.File("access.log.gz")).
		Run(ctx)

Nothing truncated is ever published, nothing is left running, memory stays flat.

  - [github.com/weirflow/weir/pipeline] is the engine and the model: start with
    its page.
  - [github.com/weirflow/weir/sources], [github.com/weirflow/weir/stages] and
    [github.com/weirflow/weir/sinks] are what flows are made of.
  - [github.com/weirflow/weir/httpflow] has http.Handlers made of flows.
  - [github.com/weirflow/weir/flow] is a language for flows, to parse, check, explain
    and run them; its elements are in [github.com/weirflow/weir/flow/std].
  - [github.com/weirflow/weir/pipeline/pipetest] tests a source, stage or sink of
    your own against everything that the engine expects of it.
  - cmd/pipe-demo is a command that runs flows from the shell.
*/
package weir
