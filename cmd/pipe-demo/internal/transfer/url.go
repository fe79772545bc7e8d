package transfer

import (
	"errors"
	"net/url"
	"strings"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/text"
)

// serverURL parses a URL that a command is given, without its fragment.
func serverURL(command, address string) (*url.URL, error) {
	if address == "" {
		return nil, cli.Usage("%s: the URL is empty", command).WithHint("a variable that is not set?")
	}
	u, err := url.Parse(httpclient.EscapePercent(address))
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		u.Fragment, u.RawFragment = "", ""
		return u, nil
	}
	if err != nil && strings.Contains(address, "://") {
		return nil, cli.Usage("%s: %q is not a URL: %v", command, text.RedactURL(address), errors.Unwrap(err))
	}
	e := cli.Usage("%s: %q is not the URL of a server: it takes http://HOST/NAME or https://HOST/NAME", command, text.RedactURL(address))
	if _, failed := url.Parse("http://" + address); failed == nil && (err != nil || u.Host == "") && !strings.HasPrefix(address, "/") {
		e.Hint = "did you mean http://" + address + "?"
	}
	return nil, e
}

// plainURL is a URL without user, password and query.
func plainURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return httpclient.PlainURL(u)
}

// resumeHint is how to resume a transfer with a URL. A URL that may have secrets in it is not repeated.
func resumeHint(address, commandLine string) string {
	if u, err := url.Parse(address); err == nil && (u.User != nil || u.RawQuery != "") {
		return "resume with the same command"
	}
	return "resume with: " + commandLine
}

// checkRetries fails if --retries makes no sense.
func checkRetries(command string, n int) error {
	if n < 0 {
		return cli.Usage("%s: --retries got %d: it takes 0 or more", command, n)
	}
	return nil
}
