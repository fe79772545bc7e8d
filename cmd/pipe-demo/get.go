package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/internal/text"
)

func (a *app) getCommand() *cobra.Command {
	opts := getOptions{sum: digestSum{algorithm: "sha256", size: 32}, retries: 5}
	cmd := &cobra.Command{
		Use:   "get [flags] URL [DST]",
		Short: "download a file; what breaks off is resumed",
		Long:  `DST is a file, a folder, or - for stdout; without it the URL has the name.`,
		Example: `  pipe-demo get https://host/big.iso         again, after Ctrl-C: it goes on
  pipe-demo get --sha256 9f86d0…0a08 https://host/big.iso /tmp/
  pipe-demo get https://host/a.tar - | tar x`,
		Args: needArgs(1, 2, "it takes a URL and a destination"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, err := a.flags.rule()
			if err != nil {
				return err
			}
			if opts.retries < 0 {
				return usageError("get: --retries got %d: it takes 0 or more", opts.retries)
			}
			address, dst, err := planGet(args)
			if err != nil {
				return err
			}
			return a.get(cmd.Context(), &download{app: a, url: address, dst: dst, opts: opts}, rule)
		},
	}
	f := cmd.Flags()
	a.outputFlags(f)
	f.Var(&opts.sum, "sha256", "what the file must be; exit 6 if it is not")
	f.Var(&opts.maxSize, "max-size", "refuse a larger file, such as 500M; exit 7")
	f.IntVar(&opts.retries, "retries", opts.retries, "try again up to `N` times in a row")
	a.transferFlags(cmd)
	return cmd
}

// getOptions are the flags that only get has.
type getOptions struct {
	sum     digestSum
	maxSize byteSize
	retries int
}

// digestSum is a flag that is a digest in hexadecimal, as sha256sum prints it.
type digestSum struct {
	algorithm string
	size      int // bytes
	sum       []byte
}

func (d *digestSum) String() string { return hex.EncodeToString(d.sum) }
func (d *digestSum) Type() string   { return "HEX" }
func (d *digestSum) Set(s string) error {
	sum, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(sum) != d.size {
		return fmt.Errorf("it takes the %d hexadecimal digits that %ssum prints", 2*d.size, d.algorithm)
	}
	d.sum = sum
	return nil
}

// planGet checks the URL and finds the name that the download gets; "" is standard output.
func planGet(args []string) (address, dst string, err error) {
	u, err := serverURL("get", args[0])
	if err != nil {
		return "", "", err
	}
	u.Fragment, u.RawFragment = "", ""
	if len(args) == 1 {
		args = append(args, ".")
	}
	dst = args[1]
	if dst == "-" {
		return u.String(), "", nil
	}
	if info, err := os.Stat(dst); err == nil && info.IsDir() {
		name := text.URLName(u)
		if name == "" {
			e := usageError("get: %s has no name at its end", text.RedactURL(u.String()))
			e.hint = "name the file: pipe-demo get URL NAME"
			return "", "", e
		}
		dst = joinPath(dst, name)
	}
	return u.String(), dst, nil
}

// serverURL checks a URL that a command takes.
func serverURL(command, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return u, nil
	}
	e := usageError("%s: %q is no URL of a server: it takes http://HOST/NAME or https://HOST/NAME", command, address)
	_, failed := url.Parse("http://" + address)
	switch {
	case err != nil && strings.Contains(address, "://"):
		e = usageError("%s: %q is no URL: %v", command, address, errors.Unwrap(err))
	case failed == nil && (err != nil || u.Host == "") && !strings.HasPrefix(address, "/"):
		e.hint = fmt.Sprintf("did you mean http://%s?", address)
	}
	return nil, e
}
