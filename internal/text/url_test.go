package text_test

import (
	"net/url"
	"testing"

	"github.com/weirflow/weir/internal/text"
)

func TestRedactURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://h/a": "http://h/a", "http://u:secret@h/a": "http://u:xxxxx@h/a", "http://u@h/a": "http://u@h/a",
		"https://h/a?key=secret#f": "https://h/a?…#f", "http://h/%7e": "http://h/%7e", "http://h/%zz?a": "http://h/%zz?…", "http://u:sec/ret%zz@h": "http://u:sec/ret%zz@h", "http://u:secret%zz@h:8/a?b": "http://xxxxx@h:8/a?…", "a b": "a b",
	} {
		if got := text.RedactURL(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestURLName(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"http://h/a.gz", "a.gz"}, {"http://h/x/a.gz?q=1#f", "a.gz"}, {"http://h/a%20b", "a b"}, {"http://h/", ""}, {"http://h", ""},
		{"http://h/a/", ""}, {"http://h/a%2Fb", "a%2Fb"}, {"http://h/%2F", ""}, {"http://h/..%2F..", "..%2F.."}, {"http://h/..", ""}, {"http://h/%2e%2e", ""}, {"http://h/.", ""},
		{"http://h/a%5Cb", ""}, {"http://h/a%00b", "a%00b"}, {"http://h/a%0Ab", "a%0Ab"}, {"http://h/.hidden", ".hidden"}, {"http://h/-", "-"},
	} {
		u, err := url.Parse(test.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := text.URLName(u); got != test.want {
			t.Errorf("%s: %q, want %q", test.in, got, test.want)
		}
	}
}
