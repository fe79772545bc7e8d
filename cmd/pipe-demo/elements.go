package main

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"strings"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// elements is the registry: every source, stage and sink that a flow can name, in the order of the list.
var elements []*element

func init() {
	elements = []*element{
		{role: sourceRole, name: "PATH", doc: "the bytes of a file", example: "access.log ! gzip ! access.log.gz", source: fileSource},
		{role: sourceRole, name: "-", doc: "standard input", example: "- ! gzip ! out.gz",
			source: func(*build, string) (pipeline.Source, error) { return sources.Stdin(), nil }},
		{role: sourceRole, name: "file:", doc: "a file by URL; %21 in it is a !", example: "file:wow%21 ! copy", source: fileSource},
		{role: sourceRole, name: "http:", doc: "a download, which goes on where it breaks off", example: "http://127.0.0.1:8080/in.gz ! gunzip ! in", network: true, source: httpSource},
		{role: sourceRole, name: "https:", doc: "a download, which goes on where it breaks off", example: "https://host/in.gz ! gunzip ! in", network: true, source: httpSource},

		{role: stageRole, name: "digest", doc: "lets the stream pass and reports its digest at the end",
			options: []option{{name: "a", doc: "the algorithm", kind: oneOf(algorithms()...), byDef: "sha256", example: "sha512"}},
			example: "in.bin ! digest a=md5 ! gzip ! in.bin.gz", keeps: true, stage: digestStage},
		{role: stageRole, name: "gunzip", doc: "decompresses gzip, all its members; anything else fails",
			example: "in.gz ! gunzip ! in", codec: true, stage: func(*build, values) pipeline.Stage { return stages.Gunzip() }},
		{role: stageRole, name: "gzip", doc: "compresses to gzip",
			options: []option{{name: "level", doc: "0 stores, 1 is fast, 9 is small", kind: wholeNumber(0, 9), byDef: "6", example: "6"}},
			example: "in ! gzip level=9 ! in.gz", codec: true, stage: func(_ *build, v values) pipeline.Stage { return stages.Gzip(v.number("level")) }},
		{role: stageRole, name: "limit", doc: "lets the stream pass no faster than a rate",
			options: []option{{name: "rate", doc: "bytes per second", kind: rateKind, needed: true, example: "10M"}},
			example: "big.iso ! limit rate=10M ! copy.iso", keeps: true,
			stage: func(_ *build, v values) pipeline.Stage { return stages.Limit(v.size("rate")) }},
		sumElement("md5"),
		{role: stageRole, name: "rechunk", doc: "cuts the stream into chunks of one size",
			options: []option{{name: "size", doc: "bytes in a chunk", kind: positiveSize(64 << 20), needed: true, example: "64k"}},
			example: "in ! rechunk size=64k ! out", keeps: true,
			stage: func(_ *build, v values) pipeline.Stage { return stages.Rechunk(int(v.size("size"))) }},
		sumElement("sha1"), sumElement("sha256"), sumElement("sha512"),
		{role: stageRole, name: "skip", doc: "drops the first bytes",
			options: []option{{name: "bytes", doc: "how many bytes to drop", kind: sizeKind, needed: true, example: "4k"}},
			example: "in ! skip bytes=4k ! out", stage: func(_ *build, v values) pipeline.Stage { return stages.Skip(v.size("bytes")) }},
		{role: stageRole, name: "take", doc: "passes the first bytes and stops; fewer are no error",
			options: []option{{name: "bytes", doc: "how many bytes to pass", kind: sizeKind, needed: true, example: "1M"}},
			example: "/dev/urandom ! take bytes=1M ! noise.bin", stage: func(_ *build, v values) pipeline.Stage { return stages.Take(v.size("bytes")) }},
		{role: stageRole, name: "tee", doc: "copies the stream into branches; all appear, or none",
			example: "in ! tee [ gzip ! in.gz ] [ sha256 ! sums ] ! copy", keeps: true},

		{role: sinkRole, name: "PATH", doc: "a file, which appears when it is complete", example: "in ! gzip ! in.gz", sink: fileSink},
		{role: sinkRole, name: "-", doc: "standard output", example: "in.gz ! gunzip ! -",
			sink: func(*build, string) (pipeline.Sink, error) { return sinks.Stdout(), nil }},
		{role: sinkRole, name: "file:", doc: "a file by URL; %21 in it is a !", example: "copy ! file:wow%21", sink: fileSink},
		{role: sinkRole, name: "http:", doc: "uploads with PUT", example: "in ! gzip ! http://127.0.0.1:8080/in.gz", network: true, sink: httpSink},
		{role: sinkRole, name: "https:", doc: "uploads with PUT", example: "in ! gzip ! https://host/in.gz", network: true, sink: httpSink},
	}
}

// hashes are the digest algorithms, in the order of the help.
var hashes = []struct {
	name string
	new  func() hash.Hash
}{
	{"sha256", sha256.New}, {"sha512", sha512.New}, {"sha384", sha512.New384}, {"sha224", sha256.New224}, {"sha1", sha1.New}, {"md5", md5.New},
}

func algorithms() []string {
	names := make([]string, len(hashes))
	for i, h := range hashes {
		names[i] = h.name
	}
	return names
}

func newHash(name string) hash.Hash {
	for _, h := range hashes {
		if h.name == name {
			return h.new()
		}
	}
	panic("no digest algorithm " + name)
}

func fileSource(_ *build, name string) (pipeline.Source, error) {
	path, err := localPath(name)
	return sources.File(path), err
}

func fileSink(b *build, name string) (pipeline.Sink, error) {
	path, err := localPath(name)
	return sinks.FileWith(path, sinks.FileOptions{NoClobber: !b.force}), err
}

func httpSource(b *build, address string) (pipeline.Source, error) {
	if _, err := serverURL("source", address); err != nil {
		return pipeline.Source{}, err
	}
	return sources.HTTPWith(address, b.httpOptions(address)), nil
}

func httpSink(b *build, address string) (pipeline.Sink, error) {
	req, err := http.NewRequestWithContext(b.ctx, http.MethodPut, address, nil)
	switch {
	case isA[*url.Error](err):
		return pipeline.Sink{}, fmt.Errorf("broken URL: %w", errors.Unwrap(err))
	case err != nil:
		return pipeline.Sink{}, err
	case req.URL.Host == "":
		return pipeline.Sink{}, errors.New("URL without a host; write http://HOST/NAME")
	}
	req.Header.Set("User-Agent", userAgent)
	return sinks.HTTPWith(b.http(), req, sinks.HTTPOptions{Digest: "sha-256"}), nil
}

// sumElement is a stage that replaces the stream by its digest.
func sumElement(algorithm string) *element {
	return &element{
		role: stageRole, name: algorithm, doc: "replaces the stream by the line that " + algorithm + "sum prints",
		options: []option{{name: "name", doc: "the name in the line; else the source's, or - for changed bytes", kind: textKind, example: "out.gz"}},
		example: "in ! tee [ " + algorithm + " ! sums ] ! copy",
		stage: func(b *build, v values) pipeline.Stage {
			name := b.origin
			if v.given("name") {
				name = v.text("name")
			}
			return pipeline.NewStage(algorithm, func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				h := newHash(algorithm)
				if err := in.CopyTo(ctx, h); err != nil {
					return err
				}
				line := sumLine(h.Sum(nil), name)
				out.SetSize(int64(len(line)))
				return out.Send(ctx, pipeline.ChunkOf([]byte(line)))
			})
		},
	}
}

// sumLine is what sha256sum and its like print: a name with a line break or a backslash is escaped, and the line then
// starts with a backslash.
func sumLine(sum []byte, name string) string {
	escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	mark := ""
	if escaped != name {
		mark = `\`
	}
	return fmt.Sprintf("%s%x  %s\n", mark, sum, escaped)
}

// digestStage leaves its digest with the build, and only when it has seen the whole stream. It is a node of its own, not
// a stages.Digest inside one, so that the size of the stream is passed on.
func digestStage(b *build, v values) pipeline.Stage {
	algorithm := v.text("a")
	seen := b.digest(algorithm)
	return digestInto(func() hash.Hash { return newHash(algorithm) }, func(h hash.Hash) { seen.sum = hex.EncodeToString(h.Sum(nil)) })
}

// digestInto lets a stream pass, writes it to a hash, and hands that on when it has seen the whole stream.
func digestInto(begin func() hash.Hash, done func(hash.Hash)) pipeline.Stage {
	return pipeline.NewStage("digest", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		h := begin()
		err := passOn(ctx, in, out, func(c pipeline.Chunk) error {
			h.Write(c.Bytes())
			return out.Send(ctx, c)
		})
		if err == nil {
			done(h)
		}
		return err
	})
}
