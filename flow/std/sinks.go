package std

import (
	"net/http"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

func sinkElements(opts Options) []*flow.Element {
	file := flow.Element{Name: flow.Path, Doc: "a file, which appears when it is complete", Example: "in ! gzip ! in.gz", File: localPath, Sink: fileSink}
	byURL := file
	byURL.Name, byURL.Doc, byURL.Example = "file:", "a file by URL; %21 in it is a !", "copy ! file:wow%21"
	upload := flow.Element{Name: "http:", Doc: "uploads with PUT", Example: "in ! gzip ! http://127.0.0.1:8080/in.gz",
		Network: true, Late: true, Shown: text.RedactURL, Sink: opts.upload}
	secure := upload
	secure.Name, secure.Example = "https:", "in ! gzip ! https://host/in.gz"
	return []*flow.Element{
		&file,
		{Name: flow.Stdio, Doc: "standard output", Example: "in.gz ! gunzip ! -", Stdio: true,
			Sink: func(*flow.Build, string) (pipeline.Sink, error) { return sinks.Stdout(), nil }},
		&byURL, &upload, &secure,
	}
}

func fileSink(b *flow.Build, word string) (pipeline.Sink, error) {
	path, err := localPath(word)
	if err == nil && b.File != nil {
		return b.File(path), nil
	}
	return sinks.FileWith(path, sinks.FileOptions{NoClobber: !b.Replace}), err
}

func (o Options) upload(b *flow.Build, address string) (pipeline.Sink, error) {
	u, err := parseURL(address)
	if err != nil {
		return pipeline.Sink{}, err
	}
	req := (&http.Request{Method: http.MethodPut, URL: u, Header: o.header()}).WithContext(b.Context)
	opts := sinks.HTTPOptions{Digest: "sha-256"}
	if b.NoClobber {
		return create(o.Client, req, opts), nil
	}
	return sinks.HTTPWith(o.Client, req, opts), nil
}
