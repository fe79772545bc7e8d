package httpflow

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The tests of what is answered are inside the package: decide is where the rules of RFC 9110 are
// kept, and a pure function shows them best. The handlers' tests show that it is what arrives.

var (
	modTime  = time.Date(2024, 2, 29, 12, 30, 15, 123456789, time.UTC)
	now      = modTime.Add(time.Hour)
	thousand = representation{size: 1000, modTime: modTime, etag: `"v1"`, kind: "audio/mpeg"}
)

const modified = "Thu, 29 Feb 2024 12:30:15 GMT"

// full, part and so on are what the answers to requests for thousand look like in short.
const (
	full          = `200 0+1000`
	notModified   = "304"
	failed        = "412"
	unsatisfiable = "416 bytes */1000"
)

func part(first, last int) string {
	return "206 " + strconv.Itoa(first) + "+" + strconv.Itoa(last-first+1) +
		" bytes " + strconv.Itoa(first) + "-" + strconv.Itoa(last) + "/1000"
}

func parts(length int, ranges ...string) string {
	return "206 0+" + strconv.Itoa(length) + " parts " + strings.Join(ranges, " ")
}

// singles are n ranges of one byte with gaps.
func singles(n int) (specs []string) {
	for i := range n {
		specs = append(specs, strconv.Itoa(2*i)+"-"+strconv.Itoa(2*i))
	}
	return specs
}

func short(a answer) string {
	s := []string{strconv.Itoa(a.status)}
	if a.status == 200 || a.status == 206 {
		s = append(s, strconv.FormatInt(a.offset, 10)+"+"+strconv.FormatInt(a.length, 10))
	}
	if r := a.header.Get("Content-Range"); r != "" {
		s = append(s, r)
	}
	if len(a.parts) > 0 {
		s = append(s, "parts")
	}
	for _, r := range a.parts {
		s = append(s, strconv.FormatInt(r.First, 10)+"-"+strconv.FormatInt(r.Last, 10))
	}
	return strings.Join(s, " ")
}

// fields makes a header of "Name: value" lines.
func fields(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h.Add(name, strings.TrimPrefix(value, " "))
	}
	return h
}

func TestRange(t *testing.T) {
	for _, test := range []struct{ rule, field, want string }{
		{"§14.1.2: the first 500 bytes", "bytes=0-499", part(0, 499)},
		{"§14.1.2: the second 500 bytes", "bytes=500-999", part(500, 999)},
		{"§14.1.2: the final 500 bytes", "bytes=-500", part(500, 999)},
		{"§14.1.2: the final bytes, open", "bytes=950-", part(950, 999)},
		{"§14.1.2: one byte", "bytes=0-0", part(0, 0)},
		{"§14.1.2: the last byte", "bytes=-1", part(999, 999)},
		{"§14.1.2: all of it is a range too", "bytes=0-", part(0, 999)},
		{"§14.1.2: last-pos at or beyond the length is the remainder", "bytes=10-1000", part(10, 999)},
		{"§14.1.2: and if it overflows", "bytes=10-99999999999999999999", part(10, 999)},
		{"§14.1.2: a suffix longer than the content is all of it", "bytes=-1001", part(0, 999)},
		{"§14.1.2: and if it overflows", "bytes=-99999999999999999999", part(0, 999)},
		{"§14.1.2: a first-pos at the length is unsatisfiable", "bytes=1000-", unsatisfiable},
		{"§14.1.2: and beyond it", "bytes=1001-2000", unsatisfiable},
		{"§14.1.2: and if it overflows", "bytes=99999999999999999999-", unsatisfiable},
		{"§14.1.2: a suffix of zero is unsatisfiable", "bytes=-0", unsatisfiable},
		{"§14.1.2: and with more zeros", "bytes=-000", unsatisfiable},
		{"§14.1: units are case-insensitive", "ByTeS=0-9", part(0, 9)},
		{"§14.2: MUST ignore a unit it does not understand", "lines=0-9", full},
		{"§14.2: the unit is a token", "bytes =0-9", full},
		{"§14.1.1: last-pos less than first-pos is invalid", "bytes=9-0", full},
		{"§14.1.1: also where both overflow", "bytes=99999999999999999999-99999999999999999998", full},
		{"§14.1.1: equal, with a leading zero, is one byte", "bytes=9-09", part(9, 9)},
		{"§14.2: MAY ignore an invalid field", "bytes=", full},
		{"", "bytes", full},
		{"", "", full},
		{"", "bytes=-", full},
		{"", "bytes=a-b", full},
		{"", "bytes=5", full},
		{"", "bytes=+1-5", full},
		{"", "bytes=1--5", full},
		{"", "bytes=--5", full},
		{"", "bytes=0x1-5", full},
		{"", "bytes=1 - 5", full},
		{"", "bytes=1-5;", full},
		{"", "bytes=١-٥", full},
		{"§14.1.1: one invalid range makes the field invalid", "bytes=0-9,x", full},
		{"§5.6.1.2: empty list elements do not count", "bytes=,0-9 ,, ", part(0, 9)},
		{"§5.6.1.2: but one element is needed", "bytes=,", full},
		{"§14.1.2: one satisfiable range is enough", "bytes=5000-,0-9,-0", part(0, 9)},
		{"§14.1.2: none of several", "bytes=5000-,-0", unsatisfiable},
		{"§15.3.7.2: MAY coalesce overlapping ranges", "bytes=5-20,0-9", part(0, 20)},
		{"§15.3.7.2: and nested ones", "bytes=0-99,10-19,20-29", part(0, 99)},
		{"§15.3.7.2: and those without a gap", "bytes=10-19,0-9", part(0, 19)},
		{"§15.3.7.2: several ranges are parts", "bytes=0-9,20-29", parts(238, "0-9", "20-29")},
		{"§15.3.7.2: SHOULD send them in the order of the field", "bytes=20-29,0-9", parts(238, "20-29", "0-9")},
		{"§15.3.7.2: coalesced, where the first of them was", "bytes=500-509,-1,0-9,510-519,5-14", parts(352, "500-519", "999-999", "0-14")},
		{"§15.3.7.2: MUST NOT for a single range, coalesced or not", "bytes=0-9,5000-", part(0, 9)},
		{"§15.3.7.2: without the unsatisfiable ones", "bytes=0-9,5000-,20-29", parts(238, "0-9", "20-29")},
		{"§17.15: MAY ignore what is larger than the whole, framing included", "bytes=0-799,801-999", full},
		{"§17.15: also with many small ones", "bytes=" + strings.Join(singles(16), ","), full},
	} {
		t.Run(test.rule+" "+test.field, func(t *testing.T) {
			h := http.Header{"Range": {test.field}}
			if diff := cmp.Diff(test.want, short(decide("GET", h, thousand, now))); diff != "" {
				t.Error(diff)
			}
			// §14.2: a Range field is defined for GET alone.
			if diff := cmp.Diff(full, short(decide("HEAD", h, thousand, now))); diff != "" {
				t.Error("HEAD:", diff)
			}
		})
	}
}

// §17.15: more than 16 ranges, after coalescing, are ignored.
func TestManyRanges(t *testing.T) {
	c := representation{size: 1 << 20, kind: "text/plain"}
	for _, test := range []struct {
		specs []string
		want  int // parts
	}{
		{singles(16), 16},
		{singles(17), 0},
		{append(singles(16), singles(16)...), 16},
		{append(singles(17), "1-1"), 16}, // joins the first two
	} {
		a := decide("GET", http.Header{"Range": {"bytes=" + strings.Join(test.specs, ",")}}, c, now)
		if len(a.parts) != test.want || test.want == 0 && (a.status != 200 || a.length != c.size) {
			t.Errorf("%d ranges: %d, %d parts, want %d", len(test.specs), a.status, len(a.parts), test.want)
		}
	}
}

func TestRangeTwice(t *testing.T) { // §5.3: a field that is not a list occurs once
	h := fields("Range: bytes=0-9", "Range: bytes=0-9")
	if diff := cmp.Diff(full, short(decide("GET", h, thousand, now))); diff != "" {
		t.Error(diff)
	}
}

func TestRangeOfNothing(t *testing.T) {
	for _, field := range []string{"bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-"} {
		a := decide("GET", fields("Range: "+field), representation{kind: "text/plain"}, now)
		if diff := cmp.Diff("200 0+0", short(a)); diff != "" {
			t.Error(field, diff)
		}
	}
}

func TestConditions(t *testing.T) {
	const (
		same    = ": " + modified
		earlier = ": Thu, 29 Feb 2024 12:30:14 GMT"
		later   = ": Thu, 29 Feb 2024 12:30:16 GMT"
		ten     = "Range: bytes=0-9"
	)
	for _, test := range []struct {
		rule   string
		header http.Header
		want   string
	}{
		{"no condition", nil, full},

		{"§13.1.1: If-Match with the tag", fields(`If-Match: "v1"`), full},
		{"§13.1.1: with *", fields(`If-Match: *`), full},
		{"§13.1.1: with a list", fields(`If-Match: "v0" , "v1"`), full},
		{"§5.3: in two fields", fields(`If-Match: "v0"`, `If-Match: "v1"`), full},
		{"§13.1.1: with another tag", fields(`If-Match: "v0"`), failed},
		{"§13.1.1: MUST use the strong comparison", fields(`If-Match: W/"v1"`), failed},
		{"§13.1.1: without quotes", fields(`If-Match: v1`), failed},
		{"§13.1.1: empty", fields(`If-Match:`), failed},
		{"§8.8.3: a comma may be in a tag", fields(`If-Match: "v0,", "v1"`), full},
		{"§8.8.3: tags are case-sensitive", fields(`If-Match: "V1"`), failed},

		{"§13.1.4: If-Unmodified-Since at the date", fields("If-Unmodified-Since" + same), full},
		{"§13.1.4: after the date", fields("If-Unmodified-Since" + later), full},
		{"§13.1.4: before the date", fields("If-Unmodified-Since" + earlier), failed},
		{"§13.1.4: MUST ignore what is no date", fields("If-Unmodified-Since: yesterday"), full},
		{"§13.1.4: a list is no date", fields("If-Unmodified-Since"+earlier, "If-Unmodified-Since"+earlier), full},
		{"§13.1.4: MUST ignore with If-Match", fields(`If-Match: "v1"`, "If-Unmodified-Since"+earlier), full},

		{"§13.1.2: If-None-Match with the tag", fields(`If-None-Match: "v1"`), notModified},
		{"§13.1.2: MUST use the weak comparison", fields(`If-None-Match: W/"v1"`), notModified},
		{"§13.1.2: with *", fields(`If-None-Match: *`), notModified},
		{"§13.1.2: with a list", fields(`If-None-Match: "v0",W/"v1"`), notModified},
		{"§5.6.1.2: with empty elements", fields(`If-None-Match: ,, "v1"`), notModified},
		{"§13.1.2: with another tag", fields(`If-None-Match: "v0"`), full},
		{"§8.8.3: W is case-sensitive", fields(`If-None-Match: w/"v1"`), full},
		{"an unclosed tag", fields(`If-None-Match: "v1`), full},
		{"two tags without a comma", fields(`If-None-Match: "v0" "v1"`), full},

		{"§13.1.3: If-Modified-Since at the date", fields("If-Modified-Since" + same), notModified},
		{"§13.1.3: after the date", fields("If-Modified-Since" + later), notModified},
		{"§13.1.3: before the date", fields("If-Modified-Since" + earlier), full},
		{"§5.6.7: MUST accept RFC 850 dates", fields("If-Modified-Since: Thursday, 29-Feb-24 12:30:15 GMT"), notModified},
		{"§5.6.7: and asctime dates", fields("If-Modified-Since: Thu Feb 29 12:30:15 2024"), notModified},
		{"§13.1.3: MUST ignore what is no date", fields("If-Modified-Since: 0"), full},
		{"§13.1.3: MUST ignore with If-None-Match", fields(`If-None-Match: "v0"`, "If-Modified-Since"+same), full},

		{"§13.2.2: If-Match comes before If-None-Match", fields(`If-Match: "v0"`, `If-None-Match: "v1"`), failed},
		{"§13.2.2: If-Match holds, If-None-Match decides", fields(`If-Match: "v1"`, `If-None-Match: "v1"`), notModified},
		{"§13.2.2: If-Unmodified-Since before If-None-Match", fields("If-Unmodified-Since"+earlier, `If-None-Match: "v1"`), failed},
		{"§13.2.2: conditions before the range", fields(`If-None-Match: "v1"`, ten), notModified},
		{"§13.2.2: also before one that is unsatisfiable", fields(`If-Match: "v0"`, "Range: bytes=5000-"), failed},

		{"§13.1.5: If-Range with the tag", fields(`If-Range: "v1"`, ten), part(0, 9)},
		{"§13.1.5: with another tag", fields(`If-Range: "v0"`, ten), full},
		{"§13.1.5: MUST use the strong comparison", fields(`If-Range: W/"v1"`, ten), full},
		{"§13.1.5: one tag, not a list", fields(`If-Range: "v1", "v1"`, ten), full},
		{"§13.1.5: not *", fields(`If-Range: *`, ten), full},
		{"§13.1.5: with the exact date", fields("If-Range"+same, ten), part(0, 9)},
		{"§13.1.5: a later date is not exact", fields("If-Range"+later, ten), full},
		{"§13.1.5: an earlier one neither", fields("If-Range"+earlier, ten), full},
		{"§13.1.5: neither tag nor date", fields("If-Range: v1", ten), full},
		{"§13.1.5: twice", fields(`If-Range: "v1"`, `If-Range: "v1"`, ten), full},
		{"§13.1.5: MUST ignore without Range", fields(`If-Range: "v0"`), full},
		{"§13.1.5: holds for an unsatisfiable range", fields(`If-Range: "v1"`, "Range: bytes=5000-"), unsatisfiable},
		{"§13.1.5: fails for an unsatisfiable range", fields(`If-Range: "v0"`, "Range: bytes=5000-"), full},
	} {
		t.Run(test.rule, func(t *testing.T) {
			if diff := cmp.Diff(test.want, short(decide("GET", test.header, thousand, now))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// §8.8.2.2: within the second, a date does not tell versions apart.
func TestIfRangeDateMustBeStrong(t *testing.T) {
	h := fields("If-Range: "+modified, "Range: bytes=0-9")
	for at, want := range map[time.Time]string{
		modTime:                                   full,
		modTime.Truncate(time.Second).Add(999e6):  full,
		modTime.Truncate(time.Second).Add(1000e6): part(0, 9),
	} {
		if diff := cmp.Diff(want, short(decide("GET", h, thousand, at))); diff != "" {
			t.Error(at, diff)
		}
	}
}

// §8.8.2.2: a file that has changed since may have got its date back.
func TestIfRangeDateOfAFileThatChangedLater(t *testing.T) {
	h := fields("If-Range: "+modified, "Range: bytes=0-9")
	for changed, want := range map[time.Time]string{
		modTime:                                  part(0, 9),
		modTime.Truncate(time.Second).Add(999e6): part(0, 9),
		modTime.Truncate(time.Second).Add(1e9):   full,
		now:                                      full,
	} {
		c := thousand
		c.changed = changed
		if diff := cmp.Diff(want, short(decide("GET", h, c, now))); diff != "" {
			t.Error(changed, diff)
		}
	}
}

// §8.8.3.2: a weak tag is good for caches, and for nothing else.
func TestWeakTag(t *testing.T) {
	c := thousand
	c.etag = `W/"v1"`
	for _, test := range []struct {
		header http.Header
		want   string
	}{
		{fields(`If-None-Match: W/"v1"`), notModified},
		{fields(`If-None-Match: "v1"`), notModified},
		{fields(`If-Match: W/"v1"`), failed},
		{fields(`If-Match: "v1"`), failed},
		{fields(`If-Match: *`), full},
		{fields(`If-Range: W/"v1"`, "Range: bytes=0-9"), full},
		{fields(`If-Range: "v1"`, "Range: bytes=0-9"), full},
		{fields("If-Range: "+modified, "Range: bytes=0-9"), full},
		{fields("Range: bytes=0-9"), part(0, 9)},
	} {
		if diff := cmp.Diff(test.want, short(decide("GET", test.header, c, now))); diff != "" {
			t.Error(test.header, diff)
		}
	}
}

func TestWithoutValidators(t *testing.T) {
	c := representation{size: 1000, kind: "audio/mpeg"}
	for _, test := range []struct {
		rule   string
		header http.Header
		want   string
	}{
		{"§13.1.3: MUST ignore without a date", fields("If-Modified-Since: " + modified), full},
		{"§13.1.4: MUST ignore without a date", fields("If-Unmodified-Since: " + modified), full},
		{"no tag to match", fields(`If-Match: ""`), failed},
		{"§13.1.1: * matches any content", fields(`If-Match: *`), full},
		{"§13.1.2: * matches any content", fields(`If-None-Match: *`), notModified},
		{"nothing to be the same", fields("If-Range: "+modified, "Range: bytes=0-9"), full},
		{"nothing to be the same", fields(`If-Range: ""`, "Range: bytes=0-9"), full},
	} {
		if diff := cmp.Diff(test.want, short(decide("GET", test.header, c, now))); diff != "" {
			t.Error(test.rule, diff)
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, test := range []struct {
		rule   string
		method string
		header http.Header
		want   http.Header
	}{
		{"200", "GET", nil, fields(
			"Accept-Ranges: bytes", "Content-Type: audio/mpeg", "X-Content-Type-Options: nosniff",
			`Etag: "v1"`, "Last-Modified: "+modified)},
		{"§9.3.2: HEAD: SHOULD send the fields of GET", "HEAD", fields("Range: bytes=0-9"), fields(
			"Accept-Ranges: bytes", "Content-Type: audio/mpeg", "X-Content-Type-Options: nosniff",
			`Etag: "v1"`, "Last-Modified: "+modified)},
		{"§15.3.7: MUST send ETag in 206", "GET", fields("Range: bytes=0-9"), fields(
			"Accept-Ranges: bytes", "Content-Type: audio/mpeg", "X-Content-Type-Options: nosniff",
			`Etag: "v1"`, "Last-Modified: "+modified, "Content-Range: bytes 0-9/1000")},
		{"§15.4.5: MUST send ETag in 304", "GET", fields(`If-None-Match: "v1"`), fields(
			`Etag: "v1"`, "Last-Modified: "+modified)},
		{"§15.5.17: SHOULD send Content-Range in 416", "GET", fields("Range: bytes=5000-"), fields(
			"Accept-Ranges: bytes", "Content-Range: bytes */1000",
			"Content-Type: text/plain; charset=utf-8", "X-Content-Type-Options: nosniff")},
		{"§15.3.7.2: MUST NOT send Content-Range with parts", "GET", fields("Range: bytes=0-0,2-2"), fields(
			"Accept-Ranges: bytes", "X-Content-Type-Options: nosniff", `Etag: "v1"`, "Last-Modified: "+modified)},
		{"§15.5.13: 412 has no validators of what it did not send", "HEAD", fields(`If-Match: "v0"`), http.Header{}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			a := decide(test.method, test.header, thousand, now)
			if diff := cmp.Diff(test.want, a.header); diff != "" {
				t.Error(diff)
			}
			if test.method == "HEAD" && a.text != "" {
				t.Errorf("a body in the answer to HEAD: %q", a.text)
			}
		})
	}
}

// §8.8.2.1: MUST NOT be later than Date.
func TestLastModifiedIsNotInTheFuture(t *testing.T) {
	early := modTime.Add(-time.Hour)
	a := decide("GET", nil, thousand, early)
	if got, want := a.header.Get("Last-Modified"), early.Format(http.TimeFormat); got != want {
		t.Errorf("Last-Modified %s, want %s", got, want)
	}
	// It moves, so it cannot identify a version.
	h := fields("If-Range: "+early.Format(http.TimeFormat), "Range: bytes=0-9")
	if diff := cmp.Diff(full, short(decide("GET", h, thousand, early))); diff != "" {
		t.Error(diff)
	}
}

// §12.5.5 and §15.4.5: Vary in what would be another representation for another client, 304
// included.
func TestCodedContent(t *testing.T) {
	c := thousand
	c.coding, c.vary = "br", true
	for _, test := range []struct {
		header http.Header
		want   string
	}{
		{nil, "200 br Accept-Encoding"},
		{fields("Range: bytes=0-9"), "206 br Accept-Encoding"},
		{fields(`If-None-Match: "v1"`), "304  Accept-Encoding"},
	} {
		a := decide("GET", test.header, c, now)
		got := strconv.Itoa(a.status) + " " + a.header.Get("Content-Encoding") + " " + a.header.Get("Vary")
		if got != test.want {
			t.Errorf("%v: %s, want %s", test.header, got, test.want)
		}
	}
}

func TestMethods(t *testing.T) {
	for _, test := range []struct {
		rule, method string
		want         int // 0: goes on
	}{
		{"§9.3.1", "GET", 0},
		{"§9.3.2", "HEAD", 0},
		{"§9.3.7", "OPTIONS", 204},
		{"§15.5.6", "POST", 405},
		{"§15.5.6", "PUT", 405},
		{"§15.5.6", "DELETE", 405},
		{"§9.1: methods are case-sensitive", "get", 405},
	} {
		a, done := decideMethod(test.method)
		if done != (test.want != 0) || a.status != test.want {
			t.Errorf("%s: %s: %d, %v", test.rule, test.method, a.status, done)
		}
		if allow := a.header.Get("Allow"); done && allow != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: %s: Allow: %s", test.rule, test.method, allow)
		}
	}
}

// Whatever a client sends, the answer lies within the content and says so.
func TestAnswersAreConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := representation{
			size:    rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Min(0)).Draw(t, "size"),
			modTime: modTime, etag: `"v1"`, kind: "text/plain",
		}
		h := http.Header{}
		for _, name := range []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since"} {
			value := rapid.OneOf(
				rapid.StringMatching(`bytes=([0-9]{0,4}-[0-9]{0,20},? ?){0,5}`),
				rapid.SampledFrom([]string{`"v1"`, `W/"v1"`, "*", modified, ""}),
				rapid.String(),
			)
			if values := rapid.SliceOfN(value, 0, 2).Draw(t, name); len(values) > 0 && rapid.Bool().Draw(t, "send "+name) {
				h[name] = values
			}
		}
		check(t, h, c)
	})
}

func check(t interface{ Fatalf(string, ...any) }, h http.Header, c representation) {
	a := decide("GET", h, c, now)
	inside := a.offset >= 0 && a.length >= 0 && a.offset <= c.size && a.length <= c.size-a.offset
	switch a.status {
	case 200:
		if a.offset != 0 || a.length != c.size || a.header.Get("Content-Range") != "" {
			t.Fatalf("200: %d+%d of %d", a.offset, a.length, c.size)
		}
	case 206:
		if len(a.parts) > 0 {
			checkParts(t, a, c)
			return
		}
		want := "bytes " + strconv.FormatInt(a.offset, 10) + "-" + strconv.FormatInt(a.offset+a.length-1, 10) +
			"/" + strconv.FormatInt(c.size, 10)
		if got := a.header.Get("Content-Range"); !inside || a.length == 0 || got != want {
			t.Fatalf("206: %d+%d of %d, Content-Range: %s", a.offset, a.length, c.size, got)
		}
	case 304, 412, 416:
		if a.length != 0 {
			t.Fatalf("%d with %d bytes of content", a.status, a.length)
		}
	default:
		t.Fatalf("status %d", a.status)
	}
}

func checkParts(t interface{ Fatalf(string, ...any) }, a answer, c representation) {
	if len(a.parts) < 2 || len(a.parts) > maxParts || a.length > c.size || a.length != multipartLength(c, a.parts) {
		t.Fatalf("206: %d parts in %d bytes of %d", len(a.parts), a.length, c.size)
	}
	if a.header.Get("Content-Range") != "" { // §15.3.7.2: MUST NOT
		t.Fatalf("parts with Content-Range: %s", a.header.Get("Content-Range"))
	}
	for i, r := range a.parts {
		if r.First < 0 || r.First > r.Last || r.Last >= c.size {
			t.Fatalf("part %d-%d of %d", r.First, r.Last, c.size)
		}
		for _, other := range a.parts[:i] {
			if r.First <= other.Last+1 && other.First <= r.Last+1 {
				t.Fatalf("parts %d-%d and %d-%d touch", r.First, r.Last, other.First, other.Last)
			}
		}
	}
}

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-499", "bytes=-1", "bytes=5-,0-0", "bytes=0-0,500-599,20-29", "bytes=,", "bytes=9-0", "x=1-2"} {
		f.Add(seed, int64(1000))
	}
	f.Fuzz(func(t *testing.T, field string, size int64) {
		if size < 0 {
			t.Skip()
		}
		check(t, http.Header{"Range": {field}}, representation{size: size, kind: "text/plain"})
	})
}

func FuzzConditions(f *testing.F) {
	f.Add(`"v0", W/"v1"`, "bytes=0-1")
	f.Add(`*`, "")
	f.Fuzz(func(t *testing.T, tags, field string) {
		c := representation{size: 10, etag: `"v1"`, kind: "text/plain"}
		check(t, http.Header{"If-None-Match": {tags}, "Range": {field}}, c)
		check(t, http.Header{"If-Match": {tags}, "Range": {field}}, c)
		check(t, http.Header{"If-Range": {tags}, "Range": {field}}, c)
	})
}
