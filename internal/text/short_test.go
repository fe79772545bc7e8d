package text_test

import (
	"strings"
	"testing"

	"github.com/weirflow/weir/internal/text"
)

func TestShort(t *testing.T) {
	long := strings.Repeat("directory/", 7)
	for _, test := range []struct {
		short    func(string) string
		in, want string
	}{
		{text.ShortPath, "", `""`},
		{text.ShortPath, "a.log", "a.log"},
		{text.ShortPath, long + "a.log", "…/directory/directory/directory/directory/directory/a.log"},
		{text.ShortPath, strings.Repeat("x", 60), "…" + strings.Repeat("x", 59)},
		{text.ShortPath, strings.Repeat("ä", 59), strings.Repeat("ä", 59)},
		{text.ShortPath, strings.Repeat("ä", 61), "…" + strings.Repeat("ä", 59)},
		{text.ShortURL, "http://host/a", "http://host/a"},
		{text.ShortURL, "http://host/" + long + "a.log", "http://host/…/directory/directory/directory/directory/a.log"},
		{text.ShortURL, "http://host", "http://host"},
		{text.ShortURL, "http://" + strings.Repeat("h", 70) + "/" + long + "a", "http://" + strings.Repeat("h", 70) + "/…/directory/a"},
		{text.ShortURL, "GET http://host/" + long + "a.log", "GET http://host/…/directory/directory/directory/a.log"},
	} {
		if got := test.short(test.in); got != test.want {
			t.Errorf("of %q: %q, want %q", test.in, got, test.want)
		}
	}
}
