package e2e

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// directions are the packages of ours that each folder may import, sub-packages of
// either included. A folder may always import its own sub-packages.
var directions = map[string][]string{
	"rooms":      {},
	"web":        {},
	"cfg":        {},
	"transport":  {"rooms"},
	"friendcore": {"rooms"},
	"janus":      {"rooms"},
	"sql":        {"rooms"},
	"installer":  {"cfg", "sql"},
}

// anyDirection are the folders that may import everything: the root and tests.
var anyDirection = []string{"", "e2e"}

const module = "presence"

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
	Deps                               []string
}

func goList(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags", "nomsgpack", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Dir = ".."
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, complaints.String())
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// folder is the top folder of a package of ours; false if it is not ours.
func folder(path string) (string, bool) {
	if path == module {
		return "", true
	}
	rest, ours := strings.CutPrefix(path, module+"/")
	top, _, _ := strings.Cut(rest, "/")
	return top, ours
}

// TestImportDirections holds the packages to their directions.
func TestImportDirections(t *testing.T) {
	for _, p := range goList(t) {
		from, _ := folder(p.ImportPath)
		if slices.Contains(anyDirection, from) {
			continue
		}
		allowed, known := directions[from]
		if !known {
			t.Errorf("%s: what the folder %q may import is not decided; add it to directions", p.ImportPath, from)
			continue
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if to, ours := folder(path); ours && to != from && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s; %s may import %q only", p.ImportPath, path, from, allowed)
			}
		}
	}
}

// TestNoTestHelpersInProgram keeps testing support out of what is shipped. The
// stand-in for FriendCore is no exception: presence demo has local users.
func TestNoTestHelpersInProgram(t *testing.T) {
	for _, p := range goList(t) {
		if p.ImportPath != module {
			continue
		}
		for _, dep := range p.Deps {
			if dep == "testing" || strings.HasSuffix(dep, "/sqltest") || strings.HasSuffix(dep, "/transporttest") || strings.HasSuffix(dep, "/goleak") {
				t.Errorf("the program contains %s", dep)
			}
		}
	}
}

// source is a parsed file of the module.
type source struct {
	path string // from the root, with slashes
	file *ast.File
	set  *token.FileSet
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// sources parses all Go files of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	set := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != ".." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator))), file, set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d files found: the walk is wrong", len(all))
	}
	return all
}

// importName is the name by which a file uses a package; empty: not at all.
func importName(file *ast.File, path string) string {
	for _, spec := range file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != path {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path[strings.LastIndexByte(path, '/')+1:]
	}
	return ""
}

// uses lists the places where a file uses one of the names of a package.
func (s source) uses(pkg string, names ...string) []token.Position {
	local := importName(s.file, pkg)
	if local == "" {
		return nil
	}
	var found []token.Position
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && (len(names) == 0 || slices.Contains(names, sel.Sel.Name)) {
			found = append(found, s.set.Position(sel.Pos()))
		}
		return true
	})
	return found
}

// mayReadSurroundings says which files may look at flags and the environment: the
// program's root, tests, what serves tests only, and development tools.
func mayReadSurroundings(path string) bool {
	return !strings.Contains(path, "/") || strings.HasSuffix(path, "_test.go") ||
		strings.HasPrefix(path, "tools/") || strings.HasPrefix(path, "sql/sqltest/") || strings.HasPrefix(path, "transport/transporttest/")
}

// TestSurroundingsAreReadInMainOnly: nothing below main.go reads flags, arguments
// or the environment, ends the process, or listens to signals.
func TestSurroundingsAreReadInMainOnly(t *testing.T) {
	for _, s := range sources(t) {
		if mayReadSurroundings(s.path) {
			continue
		}
		found := slices.Concat(
			s.uses("flag"), s.uses("os/signal"),
			s.uses("os", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Args", "Exit"),
			s.uses("log/slog", "Default", "SetDefault", "Info", "Warn", "Error", "Debug"),
			s.uses("log", "Print", "Printf", "Println", "Fatal", "Fatalf", "Panic", "Panicf"),
		)
		for _, at := range found {
			t.Errorf("%s: only main.go may do this; hand the value down", at)
		}
	}
}

// stateless are the types that a variable of a package may have although it could
// be changed: values that nobody writes to.
var stateless = map[string]bool{
	"New": true, "Errorf": true, "MustCompile": true, "NewReplacer": true, "MustParsePrefix": true,
}

// TestNoPackageState: packages keep nothing that changes. What looks like a table,
// an error or an expression is allowed; a lock, a counter, a channel is not.
func TestNoPackageState(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || mayReadSurroundings(s.path) {
			continue
		}
		for _, decl := range s.file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: an init function", s.set.Position(fn.Pos()))
			}
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, spec := range gen.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if ok && keepsState(v) {
					t.Errorf("%s: %s is state of the package", s.set.Position(v.Pos()), v.Names[0].Name)
				}
			}
		}
	}
}

// keepsState says whether a variable can hold something that changes.
func keepsState(v *ast.ValueSpec) bool {
	if len(v.Values) == 0 {
		for _, name := range v.Names {
			if name.Name == "_" {
				return false
			}
		}
		return !isEmbedded(v.Type)
	}
	for _, value := range v.Values {
		switch value := value.(type) {
		case *ast.UnaryExpr:
			return value.Op == token.AND && !isError(v.Names[0].Name)
		case *ast.CallExpr:
			if fn, ok := value.Fun.(*ast.Ident); ok && (fn.Name == "make" || fn.Name == "new") {
				return true
			}
			if sel, ok := value.Fun.(*ast.SelectorExpr); ok && !stateless[sel.Sel.Name] {
				if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "sync" || x.Name == "atomic") {
					return true
				}
			}
		case *ast.CompositeLit:
			if sel, ok := value.Type.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "sync" || x.Name == "atomic") {
					return true
				}
			}
		}
	}
	return false
}

// isError goes by the name: errors are values, although some are behind a pointer.
func isError(name string) bool {
	return strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err")
}

// isEmbedded says whether a variable without value is filled in by go:embed.
func isEmbedded(typ ast.Expr) bool {
	switch typ := typ.(type) {
	case *ast.Ident:
		return typ.Name == "string"
	case *ast.ArrayType:
		elem, ok := typ.Elt.(*ast.Ident)
		return ok && elem.Name == "byte"
	case *ast.SelectorExpr:
		return typ.Sel.Name == "FS"
	}
	return false
}

// TestNoSleepInTests: tests wait for events, not for time to go by. In the bubbles
// of testing/synctest a sleep takes no time and is exact.
func TestNoSleepInTests(t *testing.T) {
	all := sources(t)
	bubbles := map[string]bool{} // folders whose tests run in bubbles
	for _, s := range all {
		if importName(s.file, "testing/synctest") != "" {
			bubbles[filepath.Dir(s.path)] = true
		}
	}
	for _, s := range all {
		if !s.test() || bubbles[filepath.Dir(s.path)] {
			continue
		}
		for _, at := range s.uses("time", "Sleep") {
			t.Errorf("%s: wait for an event instead", at)
		}
	}
}

// TestNoDotImports: every name says where it comes from.
func TestNoDotImports(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.file.Imports {
			if spec.Name != nil && spec.Name.Name == "." {
				t.Errorf("%s: a dot import", s.set.Position(spec.Pos()))
			}
		}
	}
}
