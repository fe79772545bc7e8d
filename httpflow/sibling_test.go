package httpflow

import (
	"strings"
	"testing"
)

func TestAcceptEncoding(t *testing.T) {
	for _, test := range []struct{ rule, field, want string }{
		{"§12.5.3: empty: no content coding is wanted", "", "identity"},
		{"§12.5.3: listed", "gzip", "gzip identity"},
		{"§12.5.3: of equal weight, the smaller one", "gzip, deflate, br, zstd", "br zstd gzip identity"},
		{"§12.4.2: the highest weight is preferred", "br;q=0.5, gzip;q=0.8", "gzip br identity"},
		{"§12.4.2: three decimals", "br;q=0.998, gzip;q=0.999", "gzip br identity"},
		{"§12.4.2: 0 is not acceptable", "br;q=0, gzip", "gzip identity"},
		{"§12.4.2: in all its forms", "br;q=0.000, zstd;q=0., gzip;q=0.001", "gzip identity"},
		{"§12.5.3: * is any that is not listed", "*", "br zstd gzip identity"},
		{"§12.5.3: and not those that are", "*, br;q=0", "zstd gzip identity"},
		{"§12.5.3: * with a weight", "gzip, *;q=0.1", "gzip br zstd identity"},
		{"§12.5.3: *;q=0", "*;q=0, zstd", "zstd identity"},
		{"§12.5.3: identity preferred", "identity, gzip;q=0.5", "identity"},
		{"§12.5.3: identity in the middle", "br;q=0.9, identity;q=0.5, gzip;q=0.1", "br identity"},
		{"§12.5.3: identity forbidden, and nothing else there", "identity;q=0", "identity"},
		{"§12.5.3: identity forbidden", "identity;q=0, gzip", "gzip identity"},
		{"§8.4.1: codings are case-insensitive", "GZIP;Q=1", "gzip identity"},
		{"§8.4.1.3: x-gzip is gzip", "x-gzip", "gzip identity"},
		{"§5.6.3: white space", " gzip\t; q=0.5 ,\tbr ; q=0.1", "gzip br identity"},
		{"§5.6.1.2: empty elements", ",,gzip,", "gzip identity"},
		{"an element in error does not count", "gzip;q=2, br;q=x, zstd;level=3", "identity"},
		{"nor one with too many decimals", "gzip;q=0.0001", "identity"},
		{"nor a weight above 1", "gzip;q=1.001", "identity"},
	} {
		var got []string
		for _, c := range accepted([]string{test.field}) {
			if c.name == "" {
				c.name = "identity"
			}
			got = append(got, c.name)
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%s: %q: %s, want %s", test.rule, test.field, s, test.want)
		}
	}
	if list := accepted(nil); len(list) != 1 || list[0].name != "" {
		t.Errorf("§12.5.3: without the field: %v", list)
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	f.Add("gzip;q=0.5, *;q=0")
	f.Fuzz(func(t *testing.T, field string) {
		list := accepted([]string{field})
		if list[len(list)-1].name != "" {
			t.Errorf("%q: %v does not end with the identity", field, list)
		}
	})
}
