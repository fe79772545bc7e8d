package std

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
)

func sourceElements(opts Options) []*flow.Element {
	file := flow.Element{Name: flow.Path, Doc: "the bytes of a file", Example: "access.log ! gzip ! access.log.gz", File: localPath, FileName: fileName, Source: fileSource}
	byURL := file
	byURL.Name, byURL.Doc, byURL.Example = "file:", "a file by URL; %21 in it is a !", "file:wow%21 ! copy"
	download := flow.Element{Name: "http:", Doc: "a download, resumed where it breaks off", Example: "http://127.0.0.1:8080/in.gz ! gunzip ! in",
		Network: true, FileName: urlName, Shown: text.RedactURL, Source: opts.download}
	secure := download
	secure.Name, secure.Example = "https:", "https://host/in.gz ! gunzip ! in"
	return []*flow.Element{
		&file,
		{Name: flow.Stdio, Doc: "standard input", Example: "- ! gzip ! out.gz", Stdio: true,
			Source: func(b *flow.Build, _ string) (pipeline.Source, error) {
				return sources.StdinWith(sources.StdinOptions{MayChange: b.MayChange}), nil
			}},
		&byURL, &download, &secure,
	}
}

func fileSource(b *flow.Build, word string) (pipeline.Source, error) {
	path, err := localPath(word)
	return sources.FileWith(path, sources.FileOptions{MayChange: b.MayChange}), err
}

func (o Options) download(b *flow.Build, address string) (pipeline.Source, error) {
	u, err := parseURL(address)
	if err != nil {
		return pipeline.Source{}, err
	}
	opts := sources.HTTPOptions{Header: o.header()}
	if b.OnWarning != nil {
		opts.OnAnswer = func(r sources.Remote) {
			if coding := r.Validator.Coding; coding != "" {
				b.OnWarning(text.RedactURL(address), fmt.Sprintf("emitted as it comes, in the content coding %.50q", coding))
			}
		}
	}
	if b.OnRetry != nil {
		opts.Retry.OnRetry = func(attempt int, wait time.Duration, cause error) {
			b.OnRetry("GET "+httpclient.PlainURL(u), attempt, wait, cause)
		}
	}
	return sources.HTTPWith(address, opts), nil
}

func (o Options) header() http.Header {
	h := http.Header{}
	if o.UserAgent != "" {
		h.Set("User-Agent", o.UserAgent)
	}
	return h
}

// parseURL checks the URL of a server.
func parseURL(address string) (*url.URL, error) {
	u, err := url.Parse(httpclient.EscapePercent(address))
	switch e, broken := err.(*url.Error); { //nolint:errorlint // Parse returns it bare
	case broken:
		return nil, &flow.Error{Message: "broken URL: " + e.Err.Error()}
	case err != nil:
		return nil, err
	case u.Host == "":
		return nil, &flow.Error{Message: "URL without a host", Hint: "write " + u.Scheme + "://HOST/NAME"}
	}
	return u, nil
}

func urlName(address string) string {
	u, err := url.Parse(httpclient.EscapePercent(address))
	if err != nil {
		return ""
	}
	return text.URLName(u)
}
