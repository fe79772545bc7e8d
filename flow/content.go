package flow

import (
	"fmt"
	"mime"
	"path"
	"path/filepath"
	"strings"
)

// A Codec describes the format of a stage that encodes or decodes.
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

// Content is what is known about a stream before it is read.
type Content struct {
	Name    string // as a file, without directories; "" is none
	Type    string // its media type; "" is unknown
	Coding  string // the content coding of its last stage; "" if that encodes to none
	Decoded string // with a Coding, the media type of the encoded content
}

// Content returns what is known about the stream at the end of the flow's chain: its name and type
// as a file. Both derive from the name of the source. A stage that keeps the bytes does not change
// them; an element's Content function returns new ones; a codec adds or removes its suffix; any other
// stage keeps the name and makes the type unknown. The branches of a fan-out are not considered.
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

// typeOf returns the media type for a file name. Log files, which the tables lack, are text.
func typeOf(name string) string {
	if ext := strings.ToLower(path.Ext(name)); ext != ".log" {
		return mime.TypeByExtension(ext)
	}
	return "text/plain; charset=utf-8"
}
