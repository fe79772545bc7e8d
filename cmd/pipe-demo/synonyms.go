package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/internal/text"
)

// synonyms are what other programs, and people, call things, with the command line that does them. FILE and URL stand for
// the first argument.
var synonyms = map[string]string{
	"cat": "pipe-demo cp FILE -", "type": "pipe-demo cp FILE -",
	"copy": "pipe-demo cp FILE DESTINATION", "rsync": "pipe-demo cp -rp FILE DESTINATION", "dd": "pipe-demo cp FILE DESTINATION",
	"mv": "pipe-demo copies and does not move: pipe-demo cp FILE DESTINATION", "move": "pipe-demo copies and does not move: pipe-demo cp FILE DESTINATION",
	"curl": "pipe-demo get URL", "wget": "pipe-demo get URL", "download": "pipe-demo get URL", "fetch": "pipe-demo get URL", "aria2c": "pipe-demo get URL",
	"upload": "pipe-demo put FILE URL", "send": "pipe-demo put FILE URL", "push": "pipe-demo put FILE URL",
	"http": "pipe-demo serve FILE", "httpd": "pipe-demo serve FILE", "server": "pipe-demo serve FILE",
	"zcat": "pipe-demo run FILE ! gunzip ! -", "gzcat": "pipe-demo run FILE ! gunzip ! -",
	"gzip": "pipe-demo run FILE ! gzip ! FILE.gz", "compress": "pipe-demo run FILE ! gzip ! FILE.gz",
	"gunzip": "pipe-demo run FILE ! gunzip ! OUT", "decompress": "pipe-demo run FILE ! gunzip ! OUT", "uncompress": "pipe-demo run FILE ! gunzip ! OUT",
	"head": "pipe-demo run FILE ! take bytes=1k ! -",
	"hash": "pipe-demo run FILE ! sha256 ! -", "sha256sum": "pipe-demo run FILE ! sha256 ! -", "md5sum": "pipe-demo run FILE ! md5 ! -",
	"pipe": "pipe-demo run SOURCE ! STAGE ! SINK", "flow": "pipe-demo run SOURCE ! STAGE ! SINK",
	"tee": "pipe-demo run SOURCE ! tee [ SINK ] [ SINK ]",
}

// synonym is the hint for a command of another program; "" if it is none.
func synonym(args []string) string {
	hint := synonyms[args[0]]
	for _, arg := range args[1:] {
		if !strings.HasPrefix(arg, "-") && arg != "" {
			arg = text.QuoteWord(arg)
			if strings.HasPrefix(hint, "pipe-demo get ") {
				return strings.Replace(hint, "URL", arg, 1)
			}
			return strings.ReplaceAll(hint, "FILE", arg)
		}
	}
	return hint
}

// flagSynonyms are flags of programs that do the same as a command, with what to do about them.
var flagSynonyms = map[string]map[string]string{
	"get": {
		"o": "the file is the second argument: pipe-demo get URL FILE", "output": "the file is the second argument: pipe-demo get URL FILE",
		"O": "without a second argument the URL names the file; - is standard output", "remote-name": "without a second argument the URL names the file",
		"C": "what was interrupted is resumed without a flag", "c": "what was interrupted is resumed without a flag", "continue-at": "what was interrupted is resumed without a flag",
		"L": "redirects are followed without a flag", "location": "redirects are followed without a flag",
		"z": "-n leaves a file that exists", "T": "uploads are another command: pipe-demo put FILE URL", "compressed": "--decode undoes a content coding",
		"s": "-q shows errors only", "P": "the directory is the second argument: pipe-demo get URL DIRECTORY",
	},
	"put": {"T": "the file is the first argument: pipe-demo put FILE URL", "X": "a server that speaks tus gets an upload of tus, any other one a PUT", "F": "forms are not sent", "s": "-q shows errors only"},
	"cp": {
		"a": "-r copies directories, and -p keeps mode, times and owner: cp -rp", "archive": "-r copies directories, and -p keeps mode, times and owner: cp -rp",
		"R": "-r copies directories", "i": "an existing file is never replaced without -f", "u": "-n leaves what exists", "d": "-r copies links as links",
	},
}

// flagHint is the hint for a flag that a command does not have; "" if there is none.
func flagHint(cmd *cobra.Command, flag string) string { return flagSynonyms[cmd.Name()][flag] }
