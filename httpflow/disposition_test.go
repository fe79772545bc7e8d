package httpflow

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAttachment(t *testing.T) {
	for _, test := range []struct{ rule, name, want string }{
		{"RFC 6266 §4.1", "a.txt", `attachment; filename="a.txt"`},
		{"RFC 6266 §4.3: a quoted-string", "a b;c=d.txt", `attachment; filename="a b;c=d.txt"`},
		{"RFC 8187 §3.2.3", "€ rates", `attachment; filename="_ rates"; filename*=UTF-8''%E2%82%AC%20rates`},
		{"quotes", `a"b`, `attachment; filename="a_b"; filename*=UTF-8''a%22b`},
		{"appendix D: no percent sign in the short form", "50%41", `attachment; filename="50_41"; filename*=UTF-8''50%2541`},
		{"RFC 8187 §3.2.1: attr-char", "é'()*!#$&+-.^_`|~", "attachment; filename=\"_'()*!#$&+-.^_`|~\"; filename*=UTF-8''%C3%A9%27%28%29%2A!#$&+-.^_`|~"},
		{"CR and LF", "a\r\nSet-Cookie: x=1", `attachment; filename="a__Set-Cookie: x=1"`},
		{"other controls", "a\x00\x1b\x7f\u0085b", `attachment; filename="a____b"`},
		{"§4.3: no path", `..\..\a`, `attachment; filename=".._.._a"`},
		{"bytes that are no text", "a\xffé", `attachment; filename="a__"; filename*=UTF-8''a_%C3%A9`},
	} {
		if got := attachment(test.name); got != test.want {
			t.Errorf("%s: %q: %s, want %s", test.rule, test.name, got, test.want)
		}
	}
}

func FuzzAttachment(f *testing.F) {
	f.Add("a\"\r\n.txt")
	f.Fuzz(func(t *testing.T, name string) {
		field := attachment(name)
		for i := range len(field) {
			if field[i] < ' ' || field[i] >= 0x7f {
				t.Fatalf("%q: %q", name, field)
			}
		}
		kind, params, err := mime.ParseMediaType(field)
		if err != nil || kind != "attachment" || !utf8.ValidString(params["filename"]) ||
			strings.ContainsAny(params["filename"], "/\\\r\n") {
			t.Errorf("%q: %s: %v, %q", name, field, err, params)
		}
	})
}
