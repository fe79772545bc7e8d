/*
Package flow is a language for flows: a list of words that becomes a checked plan, and then a
pipeline.

	access.log ! gzip level=9 ! access.log.gz
	https://host/a.csv.gz ! gunzip ! take bytes=1M ! head.csv
	in ! tee [ gzip ! in.gz ] [ sha256 ! sums ] ! copy

# The language

The first word is the source, the last word of each chain a sink: a path, - for standard input or
output, or a URL by its scheme. Between them stand stages: a name and its options, key=value. The
marks ! [ ] are words of their own, and shells pass them on without quotes.

A fan-out, such as tee, ends a chain and has branches in brackets. Each of them is a chain that ends
with a sink or another fan-out; what follows behind a ! is one more branch.

	flow    = source { "!" stage } "!" end
	end     = sink | fanout
	stage   = NAME { key=value }
	fanout  = NAME { key=value } branch { branch } [ { "!" stage } "!" end ]
	branch  = "[" { stage "!" } end "]"

A word that starts or ends with ! is taken for a missing space. A file of such a name is written as a
URL, with %21; a file that is called like a stage as ./gzip.

# Elements

The package knows no element by name. A [Registry] has them, each an [Element] that says all about
itself in its fields; package std has the ones that come with the module.

	reg := std.Registry()
	err := reg.Add(&flow.Element{
		Name: "rot13", Doc: "turns letters by 13", Example: "in ! rot13 ! out", Pure: true,
		Stage: func(*flow.Build, flow.Values) (pipeline.Stage, error) { return stages.Map(rot13), nil },
	})

# From words to a run

[Registry.Parse] checks all names and options, and opens nothing. [Flow.Build] makes a pipeline of
the flow, for one run, and [Built.Explain] writes what that would do. What is wrong with a flow is an
[*Error]: which word, what about it, and what to do. What goes wrong while it runs is the pipeline's.

	f, err := reg.Parse("in.txt", "!", "rot13", "!", "out.txt")
	p, err := f.Pipeline(flow.BuildOptions{})
	report, err := p.Run(ctx)

[Registry.ParseSource] is for programs that have a sink of their own, such as the response to a
request, and [Registry.Stage] makes a stage of a line of configuration.
*/
package flow
