package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/internal/text"
)

// A Rate is a flag in bytes per second; 0 is no limit.
type Rate int64

func (r *Rate) String() string { return zeroIsEmpty(*r) }
func (r *Rate) Type() string   { return "RATE" }
func (r *Rate) Set(s string) error {
	if s == "0" {
		*r = 0
		return nil
	}
	n, err := text.ParseRate(s)
	if err != nil {
		return fmt.Errorf("it takes bytes per second such as 500k or 10M: %w", err)
	}
	*r = Rate(n)
	return nil
}

// A Size is a flag in bytes; 0 is no limit.
type Size int64

func (n *Size) String() string { return zeroIsEmpty(*n) }
func (n *Size) Type() string   { return "SIZE" }
func (n *Size) Set(s string) error {
	v, err := text.ParseSize(s)
	if err != nil {
		return fmt.Errorf("it takes a number of bytes such as 4096, 64k, 1M or 1.5GiB: %w", err)
	}
	*n = Size(v)
	return nil
}

func zeroIsEmpty[N Rate | Size](n N) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(int64(n))
}

// A Duration is a flag that takes 90s, 5m or plain seconds; 0 is no limit.
type Duration time.Duration

func (d *Duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}
func (d *Duration) Type() string { return "TIME" }
func (d *Duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil {
		v, err = time.ParseDuration(s + "s")
	}
	if err != nil || v < 0 {
		return errors.New("it takes a time such as 30s, 5m or 1h30m")
	}
	*d = Duration(v)
	return nil
}

// An Address is a flag: HOST:PORT to listen on.
type Address string

func (a *Address) String() string { return string(*a) }
func (a *Address) Type() string   { return "HOST:PORT" }
func (a *Address) Set(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return errors.New("it takes HOST:PORT, such as 127.0.0.1:8080, or 127.0.0.1:0 for a free port")
	}
	*a = Address(s)
	return nil
}

// A Choice is a flag that is one of a few words.
type Choice struct {
	Value string
	Words []string
}

// NewChoice is a choice of words; the first one is the default.
func NewChoice(words ...string) Choice { return Choice{words[0], words} }

func (c *Choice) String() string { return c.Value }
func (c *Choice) Type() string   { return "WORD" }
func (c *Choice) Set(s string) error {
	if !slices.Contains(c.Words, s) {
		return errors.New("it takes " + text.OrList(c.Words))
	}
	c.Value = s
	return nil
}

// A SHA256 is a flag: a digest in hexadecimal, as sha256sum prints it. The zero value is no digest.
type SHA256 []byte

func (d *SHA256) String() string { return hex.EncodeToString(*d) }
func (d *SHA256) Type() string   { return "HEX" }
func (d *SHA256) Set(s string) error {
	sum, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(sum) != 32 {
		return errors.New("it takes the 64 hexadecimal digits that sha256sum prints")
	}
	*d = sum
	return nil
}

// CompleteWords lets the shell complete a flag's value.
func CompleteWords(cmd *cobra.Command, flag string, words []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err)
	}
}
