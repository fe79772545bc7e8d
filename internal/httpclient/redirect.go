package httpclient

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/weirflow/weir/transfer"
)

// MaxRedirects is how many redirects of one request are followed.
const MaxRedirects = 10

// Redirected returns where a request to from is to be repeated as it is, after an answer that is a redirect of that kind: 307
// or 308 with a Location (RFC 9110 sections 15.4.8 and 15.4.9). After another one it is nil. The URL has no user and no password.
// A redirect that must not be followed is an error that wraps the answer.
func Redirected(from *url.URL, answer *transfer.StatusError) (*url.URL, error) {
	location := answer.Header.Get("Location")
	if answer.Status != http.StatusTemporaryRedirect && answer.Status != http.StatusPermanentRedirect || location == "" {
		return nil, nil
	}
	to, err := from.Parse(EscapeLocation(location))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the Location is not a URL: %w", answer, WithoutURL(err))
	case !IsHTTP(to) || to.Hostname() == "":
		return nil, fmt.Errorf("%w: not followed: want an http or https URL", answer)
	case from.Scheme == "https" && to.Scheme != "https":
		return nil, fmt.Errorf("%w: not followed: it leads from https to http", answer)
	}
	to.User, to.Fragment, to.RawFragment = nil, "", ""
	return to, nil
}

// TooManyRedirects is the error for an answer that is one redirect more than are followed.
func TooManyRedirects(answer *transfer.StatusError) error {
	return fmt.Errorf("%w: not followed: it is redirect %d", answer, MaxRedirects+1)
}
