package flow

import (
	"fmt"
	"mime"
	"path"
	"path/filepath"
	"strings"
)

// A Codec is what a stage that encodes or decodes says about its format.
type Codec struct {
	Decodes bool   // from the format; else the stage encodes to it
	Suffix  string // of the names of encoded files: .gz
	Type    string // the media type of encoded streams: application/gzip
	Coding  string // the name of the format as a content coding of HTTP (RFC 9110 §8.4.1); "" is none
	Magic   string // the bytes that an encoded stream starts with; "" if there are none
}

func (c *Codec) String() string {
	if c.Decodes {
		return fmt.Sprintf("decodes %s, %s", c.Suffix, c.Type)
	}
	return fmt.Sprintf("encodes to %s, %s", c.Suffix, c.Type)
}

// Content is what is known about a stream that has not been read.
type Content struct {
	Name    string // as a file, without directories; "" is none
	Type    string // its media type; "" is unknown
	Coding  string // the content coding that its last stage encodes to, if it is one; "" is none
	Decoded string // where there is a Coding, the media type of what is encoded
}

// Content returns what is known about the stream at the end of the flow's chain: its name and type
// as a file. The name of the source gives both. A stage that keeps the bytes keeps them, an element's
// Content function decides, a codec adds or removes its suffix; behind any other stage the name stays
// and the type is unknown. Stages in the branches of a fan-out do not count.
func (f *Flow) Content() Content {
	var c Content
	if name := f.source.FileName(); name != "" {
		c.Name = filepath.Base(name)
		c.Type = typeOf(c.Name)
	}
	for _, s := range f.chain.steps {
		c = s.Element.content(c)
	}
	return c
}

func (e *Element) content(c Content) Content {
	switch {
	case e.Keeps:
		return c
	case e.Content != nil:
		return e.Content(c)
	case e.Codec == nil:
		return Content{Name: c.Name}
	case e.Codec.Decodes:
		name := strings.TrimSuffix(c.Name, e.Codec.Suffix)
		return Content{Name: name, Type: typeOf(name)}
	}
	encoded := Content{Name: c.Name, Type: e.Codec.Type}
	if c.Name != "" {
		encoded.Name += e.Codec.Suffix
	}
	if e.Codec.Coding != "" {
		encoded.Coding, encoded.Decoded = e.Codec.Coding, c.Type
	}
	return encoded
}

// typeOf is the media type that a file name suggests. Logs are text, although no table says so.
func typeOf(name string) string {
	if ext := strings.ToLower(path.Ext(name)); ext != ".log" {
		return mime.TypeByExtension(ext)
	}
	return "text/plain; charset=utf-8"
}
