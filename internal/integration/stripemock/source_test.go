package stripemock

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// eventsInSource are the types of event that the fake's source names: the texts given
// to emit and to the functions around it, whose texts come after one of their own.
func eventsInSource(t *testing.T) (types []string) {
	t.Helper()
	files, err := filepath.Glob("../../../stripe/stripetest/*.go")
	require.NoError(t, err)
	text := func(e ast.Expr) string {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, err := strconv.Unquote(lit.Value)
			require.NoError(t, err)
			return s
		}
		return ""
	}
	starts := map[string]string{}  // by function
	given := map[string][]string{} // by function
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				called, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || !strings.HasPrefix(called.Sel.Name, "emit") || len(call.Args) < 2 {
					return true
				}
				for _, arg := range call.Args {
					if sum, ok := arg.(*ast.BinaryExpr); ok && strings.HasPrefix(fn.Name.Name, "emit") && text(sum.X) != "" {
						starts[fn.Name.Name] = text(sum.X)
					} else if s := text(arg); s != "" {
						given[called.Sel.Name] = append(given[called.Sel.Name], s)
					}
				}
				return true
			})
		}
	}
	for fn, texts := range given {
		for _, s := range texts {
			if kind := starts[fn] + s; !slices.Contains(types, kind) {
				types = append(types, kind)
			}
		}
	}
	slices.Sort(types)
	return types
}
