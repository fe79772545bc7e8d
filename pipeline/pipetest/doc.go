// Package pipetest tests sources, stages and sinks for package pipeline, which tests
// its own with it.
//
// Conformance: given the expected output, [TestStage], [TestSource] and [TestSink] run a
// node in every way that must not change it, and end the run in every possible way:
//
//	func TestUpper(t *testing.T) {
//		pipetest.TestStage(t, Upper,
//			pipetest.Case{In: []byte("weir"), Out: []byte("WEIR")},
//			pipetest.Case{In: []byte("\xff"), Err: ErrNotUTF8})
//	}
//
// The options of the …With variants leave out promises that a node does not make.
// [TestReaderSource] and [TestWriterSink] add tests for nodes made from an
// io.Reader or io.Writer.
//
// Values: [Apply] runs bytes through a stage, [Collect] runs a source, [Source] and
// [Collector] are the ends of a flow in memory.
//
// Waiting: [SourceProbe] and [SinkProbe] are ends that a test drives step by step, in a
// bubble of testing/synctest.
//
// Failure: [TestFaults] fails a flow at a given place, in every way and at every
// chunk, with a [Fault].
//
// Importing the package switches poison mode on (WEIR_POISON=1) for the test binary,
// unless the environment sets WEIR_POISON or the binary runs benchmarks: released
// buffers are overwritten and checked on reuse, and a run that loses chunks fails. What
// counts goroutines is not for tests that run in parallel with others.
package pipetest
