package weir_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/weirflow/weir/internal/testenv"
)

const module = "github.com/weirflow/weir"

// mayImport tells for each room of the module which other rooms of it the packages in it import. A
// room is a directory and those below it that are no room themselves; with a slash at its end, it is
// only those below. The packages of a room import each other without being listed; pipeline, which
// may not, is a case of its own in forbidden.
var mayImport = map[string][]string{
	".":        {}, // documentation only
	"pipeline": {},
	"transfer": {}, // so that internal may know its types
	"internal": {"transfer", "pipeline"},
	"tus":      {"transfer", "pipeline", "internal"},
	"sources":  {"transfer", "pipeline", "internal"},
	"stages":   {"pipeline", "internal"},
	"stages/":  {"stages", "flow", "pipeline", "internal"}, // a codec and its elements
	"sinks":    {"transfer", "pipeline", "internal"},
	"flow":     {"pipeline", "internal"},
	"flow/std": {"flow", "sources", "stages", "sinks", "transfer", "pipeline", "internal"},
	"httpflow": {"sources", "stages", "sinks", "tus", "transfer", "pipeline", "internal"},
	"cmd":      {"cmd/pipe-demo/internal/copytree", "cmd/pipe-demo/internal/transfer", "cmd/pipe-demo/internal/cli", "flow/std", "flow", "httpflow", "stages/", "sources", "stages", "sinks", "tus", "transfer", "pipeline", "internal"},
	// what the commands call, and below it what they share
	"cmd/pipe-demo/internal/copytree": {"cmd/pipe-demo/internal/cli", "flow", "sources", "stages", "sinks", "transfer", "pipeline", "internal"},
	"cmd/pipe-demo/internal/transfer": {"cmd/pipe-demo/internal/cli", "sources", "stages", "sinks", "tus", "transfer", "pipeline", "internal"},
	"cmd/pipe-demo/internal/cli":      {"flow", "httpflow", "sources", "stages", "sinks", "transfer", "pipeline", "internal"},
	"bench":                           {"flow/std", "flow", "httpflow", "stages/", "sources", "stages", "sinks", "tus", "transfer", "pipeline", "internal"},
	"test":                            {"flow/std", "flow", "httpflow", "stages/", "sources", "stages", "sinks", "tus", "transfer", "pipeline", "internal"},
	"examples":                        {"flow/std", "flow", "httpflow", "stages/", "sources", "stages", "sinks", "tus", "transfer", "pipeline"},
}

// forbidden says why the package importer, one of this module, must not import the package imported;
// it returns "" if it may. It speaks of direct imports outside of tests.
func forbidden(importer, imported string) string {
	from, _ := inModule(importer)
	to, ours := inModule(imported)

	if from == "pipeline" {
		switch {
		case imported == "golang.org/x/sync/errgroup":
			return ""
		case ours || !standard(imported):
			return "pipeline imports nothing outside the standard library but golang.org/x/sync/errgroup"
		case under(imported, "os") || under(imported, "net/http"):
			return "pipeline imports neither os nor net/http: it knows bytes, not where they come from"
		}
		return ""
	}
	if !ours {
		return ""
	}
	if to == "pipeline/pipetest" || to == "internal/fusetest" || to == "internal/testenv" && !under(from, "test") {
		return "it is for tests: it would bring package testing into programs"
	}
	if from == "internal/atomicfile" {
		return "files are written without a flow, by whoever needs one"
	}
	in, of := room(from), room(to)
	allowed, known := mayImport[in]
	switch {
	case !known:
		return "mayImport in imports_test.go says nothing about the directory " + from
	case in != of && !slices.Contains(allowed, of):
		return fmt.Sprintf("%s imports of this module only %q: imports point one way", from, allowed)
	}
	return ""
}

// room returns the room of a directory: the key of mayImport that is the longest.
func room(dir string) (room string) {
	for key := range mayImport {
		in := under(dir, key)
		if strings.HasSuffix(key, "/") {
			in = strings.HasPrefix(dir, key)
		}
		if in && len(key) > len(room) {
			room = key
		}
	}
	return room
}

// inModule returns the directory of a package of this module, "." for the module's root.
func inModule(path string) (dir string, ours bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// standard reports whether path belongs to the standard library. The first element of any other path
// has a dot; "C" stands for cgo.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && path != "C"
}

func under(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func TestForbiddenImports(t *testing.T) {
	for _, test := range []struct {
		importer, imported string
		ok                 bool
	}{
		{"pipeline", "context", true},
		{"pipeline", "runtime/pprof", true},
		{"pipeline", "golang.org/x/sync/errgroup", true},
		{"pipeline", "golang.org/x/sync/semaphore", false},
		{"pipeline", "github.com/klauspost/compress/gzip", false},
		{"pipeline", "os", false},
		{"pipeline", "os/signal", false},
		{"pipeline", "oswald", true}, // no such package, but not one under os either
		{"pipeline", "net/http", false},
		{"pipeline", "net/http/httptrace", false},
		{"pipeline", "C", false},
		{"pipeline", "weir/internal/x", false},
		{"pipeline", "weir/pipeline/pipetest", false},
		{"pipeline", "weir/sources", false},
		{"pipeline/pipetest", "weir/pipeline", true},
		{"pipeline/pipetest", "testing", true},
		{"pipeline/pipetest", "os", true},
		{"pipeline/pipetest", "weir/sinks", false},
		{"pipeline/pipetest", "weir/internal/x", false},

		{"sources", "weir/pipeline", true},
		{"sources", "os", true},
		{"sources", "weir/internal/x", true},
		{"sources", "weir/sources/s3", true},
		{"sources", "weir/stages", false},
		{"sources", "weir/sinks", false},
		{"sources", "weir/httpflow", false},
		{"sources", "weir/pipeline/pipetest", false},
		{"sources", "weir/internal/testenv", false},
		{"internal/atomicfile", "weir/pipeline", false},
		{"internal/atomicfile", "golang.org/x/sys/unix", true},
		{"test/internal/command", "weir/internal/testenv", true},
		{"stages", "weir/sources", false},
		{"stages", "golang.org/x/time/rate", true},
		{"stages/zstd", "github.com/klauspost/compress/zstd", true},
		{"stages/zstd", "weir/stages", true},
		{"stages/zstd", "weir/flow", true},
		{"stages/zstd", "weir/flow/std", false},
		{"stages/zstd", "weir/sinks", false},
		{"stages/zstd", "weir/sinks/tar", false},
		{"stages", "weir/flow", false},
		{"stages", "weir/stages/zstd", false},
		{"sinks", "weir/stages", false},
		{"sinks", "weir/sources", false},
		{"sinks", "weir", false},
		{"internal/x", "weir/pipeline", true},
		{"internal/x", "weir/internal/y", true},
		{"internal/x", "weir/sinks", false},
		{"internal/x", "weir/transfer", true},
		{"transfer", "net/http", true},
		{"transfer", "weir/pipeline", false},
		{"transfer", "weir/internal/x", false},
		{"tus", "weir/transfer", true},
		{"tus", "weir/sinks", false},
		{"pipeline", "weir/transfer", false},
		{"stages", "weir/transfer", false},

		{"cmd/pipe-demo", "weir/cmd/pipe-demo/internal/copytree", true},
		{"cmd/pipe-demo/internal/copytree", "weir/cmd/pipe-demo/internal/cli", true},
		{"cmd/pipe-demo/internal/copytree", "weir/cmd/pipe-demo/internal/transfer", false},
		{"cmd/pipe-demo/internal/cli", "weir/cmd/pipe-demo/internal/copytree", false},
		{"cmd/pipe-demo/internal/cli", "weir/flow/std", false},

		{"flow", "weir/pipeline", true},
		{"flow", "weir/pipeline/draw", true},
		{"flow", "weir/internal/x", true},
		{"flow", "weir/sources", false},
		{"flow", "weir/flow/std", false},
		{"flow/std", "weir/flow", true},
		{"flow/std", "weir/sinks", true},
		{"flow/std", "weir/httpflow", false},
		{"examples/x", "weir/flow/std", true},
		{"examples/x", "weir/internal/x", false},

		{"httpflow", "weir/sources", true},
		{"httpflow", "weir/flow", false},
		{"httpflow", "weir/internal/x", true},
		{"httpflow", "weir/cmd/pipe-demo/flow", false},
		{"cmd/pipe-demo", "weir/httpflow", true},
		{"cmd/pipe-demo", "weir/flow/std", true},
		{"cmd/pipe-demo", "weir/stages/zstd", true},
		{"cmd/pipe-demo", "weir/stages", true},
		{"cmd/pipe-demo", "weir/pipeline", true},
		{"cmd/pipe-demo", "weir/cmd/pipe-demo/flow", true},
		{"cmd/pipe-demo", "weir/pipeline/pipetest", false},
		{"cmd/pipe-demo", "weir/test/browser", false},
		{"cmd/pipe-demo", "github.com/spf13/cobra", true},
		{"examples/copy", "weir/sources", true},
		{"examples/copy", "weir/internal/x", false}, // an example is for the users, who have none of it
		{".", "weir/pipeline", false},
		{"misc", "weir/pipeline", false},
	} {
		importer, imported := module, test.imported
		if test.importer != "." {
			importer += "/" + test.importer
		}
		if rest, ok := strings.CutPrefix(imported, "weir"); ok {
			imported = module + rest
		}
		if why := forbidden(importer, imported); (why == "") != test.ok {
			t.Errorf("%s imports %s: ok %v (%s), want %v", test.importer, test.imported, why == "", why, test.ok)
		}
	}
}

// Imports point one way, on every system that the module is built for. What tests import is free:
// pipeline's own use pipetest, those of a leaf may build a whole flow.
func TestImportsPointOneWay(t *testing.T) {
	testenv.WatchSources(t)
	reported := make(map[string]bool) // once, not once per system
	for _, goos := range []string{"linux", "darwin", "windows"} {
		var walked int
		for _, p := range packages(t, goos) {
			walked += len(p.Imports)
			for _, imported := range p.Imports {
				why := forbidden(p.ImportPath, imported)
				if edge := p.ImportPath + " imports " + imported; why != "" && !reported[edge] {
					reported[edge] = true
					t.Errorf("%s: %s", edge, why)
				}
			}
		}
		if walked == 0 {
			t.Errorf("GOOS=%s: go list showed no import at all", goos)
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

// packages lists the packages of the module with their direct imports as they are on a system.
func packages(t *testing.T, goos string) []listed {
	t.Helper()
	// -e: a package that is missing or broken is for the compiler to report.
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("GOOS=%s %v: %v\n%s", goos, cmd, err, &stderr)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
