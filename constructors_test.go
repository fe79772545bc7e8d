package weir_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exampled are the packages in which every exported constructor of a node or of a handler has an Example.
// One of X does for XWith.
var exampled = []string{"pipeline", "sources", "stages", "sinks", "tus", "httpflow"}

// shown are other names of package pipeline that need an Example, because first programs go wrong there.
var shown = []string{"Inlet_AtEnd", "Inlet_Lines", "Stage_Run", "Source_Reader", "Run_Snapshot", "Chunk_Split"}

func TestExamplesOfMethods(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("pipeline", "example*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, name := range shown {
		if !strings.Contains(all.String(), "\nfunc Example"+name+"() {") {
			t.Errorf("no Example%s", name)
		}
	}
}

func TestConstructorsHaveExamples(t *testing.T) {
	for _, dir := range exampled {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var constructors []string
		examples := make(map[string]bool)
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				f, ok := d.(*ast.FuncDecl)
				switch {
				case !ok || f.Recv != nil:
				case strings.HasSuffix(file, "_test.go"):
					name, _, _ := strings.Cut(strings.TrimPrefix(f.Name.Name, "Example"), "_")
					examples[name] = strings.HasPrefix(f.Name.Name, "Example")
				case f.Name.IsExported() && constructs(f.Type.Results):
					constructors = append(constructors, f.Name.Name)
				}
			}
		}
		if len(constructors) == 0 {
			t.Errorf("%s: no constructor was found", dir)
		}
		for _, name := range constructors {
			if !examples[name] && !examples[strings.TrimSuffix(name, "With")] {
				t.Errorf("%s.%s has no Example%s", dir, name, name)
			}
		}
	}
}

// constructs reports whether the first result is a part of a flow, or a handler.
func constructs(results *ast.FieldList) bool {
	if results == nil {
		return false
	}
	name := ""
	switch x := results.List[0].Type.(type) {
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = x.Sel.Name
	}
	return name == "Source" || name == "Stage" || name == "Sink" || name == "Handler"
}
