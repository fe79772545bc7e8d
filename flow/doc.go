/*
Package flow is a language for flows. It parses a list of words into a checked plan, from which it
builds a pipeline.

	access.log ! gzip level=9 ! access.log.gz
	https://host/a.csv.gz ! gunzip ! take bytes=1M ! head.csv
	in ! tee [ gzip ! in.gz ] [ sha256 ! sums ] ! copy

# The language

The first word is the source, the last word of each chain a sink: a path, - for standard input or
output, or a URL. Between them are stages: a name followed by options, key=value. The
marks ! [ ] are separate words, which shells pass on without quotes.

A fan-out, such as tee, ends a chain and has branches in brackets. Each of them is a chain that ends
with a sink or another fan-out; a ! after the last bracket starts one more branch.

	flow    = source { "!" stage } "!" end
	end     = sink | fanout
	stage   = NAME { key=value }
	fanout  = NAME { key=value } branch { branch } [ { "!" stage } "!" end ]
	branch  = "[" { stage "!" } end "]"

A word that starts or ends with ! is an error, because a space is probably missing. A file with such
a name is written as a URL, with %21, and a file with the name of a stage as a path, ./gzip.

# Elements

The package has no elements of its own. A [Registry] has them, each an [Element] whose fields
describe it completely; package std has the ones that come with the module.

	reg := std.Registry()
	err := reg.Add(&flow.Element{
		Name: "rot13", Doc: "turns letters by 13", Example: "in ! rot13 ! out", Pure: true,
		Stage: func(*flow.Build, flow.Values) (pipeline.Stage, error) { return stages.Map(rot13), nil },
	})

# From words to a run

[Registry.Parse] checks all names and options, and opens nothing. [Flow.Build] builds a pipeline for
one run, and [Built.Explain] describes what it would do. An error in a flow is an
[*Error], with the word, a message and a hint. Errors of the run are those of package pipeline.

	f, err := reg.Parse("in.txt", "!", "rot13", "!", "out.txt")
	p, err := f.Pipeline(flow.BuildOptions{})
	report, err := p.Run(ctx)

[Registry.ParseSource] is for programs that have a sink of their own, such as the response to a
request, and [Registry.Stage] makes a stage of a line of configuration.
*/
package flow
