package flow

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weirflow/weir/internal/text"
)

// An Option is a key=value of a stage or a fan-out.
type Option struct {
	Name     string
	Doc      string // what it sets, in one line without a full stop
	Type     Type   // its values
	Default  string // the value if it is omitted, as it would be written; "" is none
	Required bool   // it must not be omitted
	Example  string // a value for documentation
}

func (o *Option) check() error {
	switch {
	case o.Name == "" || strings.ContainsAny(o.Name, " \t\n=!"):
		return fmt.Errorf("%q is not a name for an option", o.Name)
	case o.Type.Parse == nil:
		return fmt.Errorf("option %s has no type", o.Name)
	case o.Required && o.Default != "":
		return fmt.Errorf("option %s is required and has a default", o.Name)
	}
	for _, value := range []string{o.Default, o.Example} {
		if value == "" {
			continue
		}
		if _, err := o.Type.Parse(value); err != nil {
			return fmt.Errorf("option %s: its own value %q: %w", o.Name, value, err)
		}
	}
	return nil
}

// Values are the parsed options of one element of a flow, including defaults.
type Values map[string]any

// Size returns an option of type [Size], [SizeUpTo] or [Rate]; 0 when it was not given.
func (v Values) Size(name string) int64 { n, _ := v[name].(int64); return n }

// Int returns an option of type [Int]; 0 when it was not given.
func (v Values) Int(name string) int { n, _ := v[name].(int); return n }

// Text returns an option of type [Text] or [OneOf]; "" when it was not given.
func (v Values) Text(name string) string { s, _ := v[name].(string); return s }

// Has reports whether the option was given, or has a default.
func (v Values) Has(name string) bool { _, ok := v[name]; return ok }

// parseOptions reads the words behind an element's name.
func (r *resolver) parseOptions(s *Step) (Values, *Error) {
	e := s.Element
	v := Values{}
	for _, a := range s.args {
		key, got, ok := strings.Cut(a.text, "=")
		if !ok {
			hint := e.optionHint(key)
			if strings.HasPrefix(key, "--") {
				hint = flagsFirst
			}
			return nil, r.fail(a.at, fmt.Sprintf("%s: %q is not an option: an option is written key=value", e.Name, a.text), hint)
		}
		i := slices.IndexFunc(e.Options, func(o Option) bool { return o.Name == key })
		if i < 0 {
			return nil, r.fail(a.at, fmt.Sprintf("%s has no option %q", e.Name, key), e.optionHint(key))
		}
		if v.Has(key) {
			return nil, r.fail(a.at, fmt.Sprintf("%s: option %s is given twice", e.Name, key), "")
		}
		o := e.Options[i]
		value, err := o.Type.Parse(got)
		if err != nil {
			hint := text.DidYouMean(got, o.Type.Words)
			if bare, ok := strings.CutSuffix(got, "!"); ok {
				hint = fmt.Sprintf("! is a separate word: write %s=%s !", key, bare)
			}
			return nil, r.fail(a.at, fmt.Sprintf("%s: option %s got %q and takes %s: %v", e.Name, key, got, o.Type.Takes, err), hint)
		}
		v[key] = value
	}
	for _, o := range e.Options {
		switch {
		case v.Has(o.Name):
		case o.Required:
			return nil, r.fail(s.name.at, fmt.Sprintf("%s needs its option %s: %s", e.Name, o.Name, o.Type.Takes), "for example: "+e.usage())
		case o.Default != "":
			v[o.Name], _ = o.Type.Parse(o.Default) // it parses: see check
		}
	}
	return v, nil
}

// optionHint suggests the option with the nearest name, or lists all options.
func (e *Element) optionHint(key string) string {
	if len(e.Options) == 0 {
		return e.Name + " has no options"
	}
	var names, forms []string
	for _, o := range e.Options {
		names = append(names, o.Name)
		forms = append(forms, o.Name+"="+o.Type.Name)
	}
	if hint := text.DidYouMean(key, names); hint != "" && !slices.Contains(names, key) {
		return hint
	}
	return e.Name + " takes " + strings.Join(forms, " ")
}

// A Type is the type of an option's values. Programs may define their own.
type Type struct {
	Name  string                    // in capitals, for lists: SIZE
	Takes string                    // ends the sentence "it takes …"
	Words []string                  // all values, if they are few
	Parse func(string) (any, error) // returns the value for [Values]; the error ends the sentence "got …:"
}

// Size is a number of bytes, an int64.
func Size() Type {
	return Type{Name: "SIZE", Takes: "a number of bytes such as 4096, 64k, 1M or 1.5GiB", Parse: func(s string) (any, error) { return anyOf(text.ParseSize(s)) }}
}

// SizeUpTo is a number of bytes from 1 to most, an int64.
func SizeUpTo(most int64) Type {
	return Type{Name: "SIZE", Takes: "1 byte to " + text.Size(most) + ", such as 64k", Parse: func(s string) (any, error) {
		n, err := text.ParseSize(s)
		if err == nil && (n < 1 || n > most) {
			err = fmt.Errorf("%s is out of range", text.Size(n))
		}
		return anyOf(n, err)
	}}
}

// Rate is a number of bytes per second, at least 1, an int64.
func Rate() Type {
	return Type{Name: "RATE", Takes: "bytes per second such as 500k or 10M", Parse: func(s string) (any, error) { return anyOf(text.ParseRate(s)) }}
}

// Text is any text, a string.
func Text() Type {
	return Type{Name: "TEXT", Takes: "any text", Parse: func(s string) (any, error) { return s, nil }}
}

// Int is a whole number from least to most, an int.
func Int(least, most int) Type {
	return Type{Name: "N", Takes: fmt.Sprintf("a whole number from %d to %d", least, most), Parse: func(s string) (any, error) {
		n, err := strconv.Atoi(s)
		switch {
		case err != nil:
			return nil, errors.New("not a whole number")
		case n < least || n > most:
			return nil, fmt.Errorf("%d is out of range", n)
		}
		return n, nil
	}}
}

// OneOf is one of a few words, a string.
func OneOf(words ...string) Type {
	return Type{Name: "NAME", Takes: text.OrList(words), Words: words, Parse: func(s string) (any, error) {
		if !slices.Contains(words, s) {
			return nil, errors.New("unknown value")
		}
		return s, nil
	}}
}

func anyOf(n int64, err error) (any, error) { return n, err }
