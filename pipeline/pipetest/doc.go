// Package pipetest is a test kit for whoever writes a source, a stage or a sink for
// package pipeline. It is what that package tests itself with.
//
// Conformance: say what must come out, and [TestStage], [TestSource] and [TestSink]
// run it in every way that must make no difference, and end it in every way there is:
//
//	func TestUpper(t *testing.T) {
//		pipetest.TestStage(t, Upper,
//			pipetest.Case{In: []byte("weir"), Out: []byte("WEIR")},
//			pipetest.Case{In: []byte("\xff"), Err: ErrNotUTF8})
//	}
//
// What cannot be asked of a node is switched off in the options of the …With
// variants. [TestReaderSource] and [TestWriterSink] add what matters around an
// io.Reader or io.Writer.
//
// Values: [Apply] runs bytes through a stage, [Collect] runs a source, [Source] and
// [Collector] are the ends of a flow in memory.
//
// Waiting: [SourceProbe] and [SinkProbe] are ends that a test drives step by step, in a
// bubble of testing/synctest.
//
// Failure: [TestFaults] puts a [Fault] at a place in a flow and lets it fail there at
// every chunk, in every way.
//
// Importing the package switches poison mode on (WEIR_POISON=1) for the test binary,
// unless the environment sets WEIR_POISON or the binary runs benchmarks: released
// buffers are overwritten and checked on reuse, and a run that loses chunks fails. Nothing
// here is for tests that run in parallel with others, where it counts goroutines; the comments say so.
package pipetest
