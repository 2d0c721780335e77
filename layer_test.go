package commerce_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/commercesync/commerce"

// layers are the rooms of the house, from the cellar up: an import may only point
// down. A package below one of these belongs to its layer.
var layers = map[string]int{
	"internal/httpx": 0, "internal/cache": 0, "internal/clock": 0, "internal/fault": 0,
	"": 1, "resilience": 1,
	"internal/signed": 2, "oauth": 2, "connection": 2, "idempotency": 2, "vault": 2, "mapping": 2, "rules": 2,
	"stripe": 3, "magento": 3, "nopcommerce": 3, "erp": 3, "inbox": 3, "reconcile": 3,
	"mapping/magentoshop": 4, "mapping/nopshop": 4, "mapping/stripepay": 4, "mapping/erpbooks": 4,
	"workflow": 5,
	"sqlstore": 6, "internal/journey": 6,
	"examples": 7, "internal/integration": 7, "internal/sim": 7, "internal/trytonserver": 7, "internal/odooserver": 7,
}

// floats are the files that may say floats, and why. None holds money of ours.
var floats = map[string]string{
	"resilience/resilience.go":       "rate in attempts a second, budget share, chance of the jitter",
	"resilience/wait.go":             "chance of the jitter",
	"resilience/budget.go":           "shares of retries",
	"inbox/inbox.go":                 "chance of the jitter",
	"stripe/stripetest/deliver.go":   "chance of duplicates and disorder",
	"inbox/inboxtest/claim.go":       "shares of a batch in a suite",
	"internal/sim/process.go":        "chance of waits",
	"inbox/telemetry.go":             "seconds, as metrics have them",
	"magento/magentotest/php.go":     "the fake has to err by the cents by which PHP's floats do",
	"erp/tryton/trytontest/model.go": "the fake has to err as the server does with a number that comes as no decimal",
}

func layerOf(dir string) (int, bool) {
	for d := dir; ; d = path.Dir(d) {
		if d == "." {
			d = ""
		}
		if n, ok := layers[d]; ok && (d != "" || dir == "") {
			return n, true
		}
		if d == "" {
			return 0, false
		}
	}
}

// source calls f with every Go file of the root module: not of nested modules.
func source(t *testing.T, f func(dir, file string, syntax *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && p != "." ||
				d.Name() == "testdata" || p != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(p))
		if dir == "." {
			dir = ""
		}
		f(dir, filepath.ToSlash(p), syntax)
		return nil
	})
	require.NoError(t, err)
}

func imports(t *testing.T, f *ast.File) (all []string) {
	t.Helper()
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

// mayImport says whether an arrow between two directories of the module is allowed.
func mayImport(from, to string) bool {
	a, ok := layerOf(from)
	b, known := layerOf(to)
	switch {
	case !ok || !known:
		return false
	case b < a:
		return true
	case to != "" && strings.HasPrefix(from, to+"/"):
		return true // a package may import its own parent
	}
	return false
}

func TestAnArrowMayOnlyPointDown(t *testing.T) {
	t.Parallel()
	arrows := 0
	source(t, func(dir, file string, syntax *ast.File) {
		_, ok := layerOf(dir)
		require.True(t, ok, "%s belongs to no layer", file)
		if strings.HasSuffix(file, "_test.go") {
			return // tests may bring the fakes of the far sides
		}
		for _, p := range imports(t, syntax) {
			to, ours := strings.CutPrefix(p, module)
			if !ours {
				continue
			}
			arrows++
			to = strings.TrimPrefix(to, "/")
			if dir == "resilience" && to == "" {
				continue // the one arrow in row 1: its errors are ours
			}
			require.True(t, mayImport(dir, to), "%s may not import %s", file, p)
		}
	})
	require.Greater(t, arrows, 10, "the walk found the module")
}

func TestTheLayerRuleItself(t *testing.T) {
	t.Parallel()
	require.True(t, mayImport("erp/tryton", "erp"))
	require.True(t, mayImport("stripe/stripetest", "internal/fault"))
	require.True(t, mayImport("mapping/stripepay", "stripe"))
	require.False(t, mayImport("workflow", "workflow"))
	require.False(t, mayImport("", "resilience"))
	require.False(t, mayImport("stripe", "magento"))
	require.False(t, mayImport("mapping", "stripe"))
	require.False(t, mayImport("internal/httpx", ""))
	require.False(t, mayImport("nowhere", ""))
}

func TestAWorkflowKnowsNoClientAndNoPackageIsMadeOfTests(t *testing.T) {
	t.Parallel()
	clients := []string{"/stripe", "/magento", "/nopcommerce", "/erp", "/sqlstore"}
	source(t, func(dir, file string, syntax *ast.File) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		for _, p := range imports(t, syntax) {
			if dir == "workflow" {
				for _, c := range clients {
					require.False(t, p == module+c || strings.HasPrefix(p, module+c+"/"), "%s imports %s", file, p)
				}
			}
			if dir == "" || dir == "resilience" {
				require.NotEqual(t, "testing", p, file)
			}
			for _, driver := range []string{"modernc.org/sqlite", "github.com/jackc/pgx", "github.com/go-sql-driver/mysql", "github.com/lib/pq", "github.com/mattn/go-sqlite3"} {
				require.False(t, strings.HasPrefix(p, driver), "%s imports %s", file, p)
			}
		}
	})
}

func TestOnlyWhoUsesRulesLinksCEL(t *testing.T) {
	t.Parallel()
	found := false
	source(t, func(dir, file string, syntax *ast.File) {
		for _, p := range imports(t, syntax) {
			if p != module+"/rules" && !strings.HasPrefix(p, "cel.dev/") {
				continue
			}
			found = true
			require.True(t, dir == "rules" || strings.HasSuffix(file, "_test.go"), "%s imports %s; take a plain func instead", file, p)
			require.False(t, dir == "workflow" || dir == "inbox", "not even the tests: %s", file)
		}
	})
	require.True(t, found)
}

func TestTheRootModuleDragsInNoDatabaseDriver(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	for _, driver := range []string{"sqlite", "pgx", "lib/pq", "mysql", "nats-io", "go-redis"} {
		require.NotContains(t, string(mod), driver)
	}
}

// floating names what a piece of code has to do with floating point; empty = nothing.
func floating(n ast.Node) string {
	switch n := n.(type) {
	case *ast.Ident:
		switch n.Name {
		case "float32", "float64", "complex64", "complex128":
			return n.Name
		}
	case *ast.BasicLit: // untyped, until it meets a variable
		if n.Kind == token.IMAG || n.Kind == token.FLOAT && !whole(n) {
			return n.Value
		}
	case *ast.AssignStmt:
		for _, x := range n.Rhs {
			if l, ok := x.(*ast.BasicLit); ok && n.Tok == token.DEFINE && l.Kind == token.FLOAT {
				return l.Value
			}
		}
	case *ast.SelectorExpr:
		from, _ := n.X.(*ast.Ident)
		switch name := n.Sel.Name; {
		case from != nil && from.Name == "math" && strings.Trim(strings.TrimPrefix(strings.TrimPrefix(name, "Max"), "Min"), "0123456789") != "Int" &&
			strings.Trim(strings.TrimPrefix(name, "Max"), "0123456789") != "Uint": // the limits of whole numbers are no floats
			return "math." + name
		case strings.Contains(name, "Float") && name != "FloatString" && name != "FloatPrec": // of big, strconv, rand, reflect, gjson, decimals; big.Rat's are decimal text
			return name
		}
	}
	return ""
}

// whole reports whether a literal is a whole number that is written with an exponent:
// "1e15" is an int64 where one is asked for.
func whole(l *ast.BasicLit) bool {
	digits, exponent, ok := strings.Cut(l.Value, "e")
	return ok && strings.Trim(digits+exponent, "0123456789") == ""
}

func TestNoFloatComesNearMoney(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	source(t, func(dir, file string, syntax *ast.File) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			said := floating(n)
			if said != "" && floats[file] != "" {
				listed[file] = true
			} else if said != "" {
				t.Errorf("%s says %s; if it holds no money, list it with the reason", file, said)
			}
			return true
		})
	})
	for file := range floats {
		require.True(t, listed[file], "%s has none and need not be listed", file)
	}
}

func TestTheFloatRuleItself(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"var x float64": true, "var x float32": true, "var x complex128": true, "x := float64(n)": true, "x := 0.1": true, "x := 1e3": true, "x := 2i": true,
		"x := 0x1p-2": true, "var x big.Float": true, "x := big.NewFloat(y)": true, "x, _ := r.Float64()": true, "x, _ := strconv.ParseFloat(s, 64)": true,
		"x := strconv.FormatFloat(y, 'f', 2, 64)": true, "x := math.Round(y)": true, "x := math.Pi": true, "x := math.MaxFloat64": true, "x := math.Inf(1)": true,
		"x := result.Float()": true, "x := rand.Float64()": true, "x := reflect.Float32": true, "x := d.InexactFloat64()": true,
		"big.NewInt(1e15)": false, "if n < 1e15 {}": false, "if n < 1.5e15 {}": true, "if n < 1e-3 {}": true,
		"x := 100": false, "x := int64(100)": false, `x := "0.1"`: false, "x := math.MaxInt64": false, "x := math.MinInt64": false, "x := math.MaxUint32": false,
		"x := math.MaxInt": false, "x := r.FloatString(2)": false, "var x big.Rat": false, "x := 'f'": false,
	} {
		syntax, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc _() {\n"+code+"\n}", parser.SkipObjectResolution)
		require.NoError(t, err, code)
		found := false
		ast.Inspect(syntax, func(n ast.Node) bool {
			found = found || n != nil && floating(n) != ""
			return true
		})
		require.Equal(t, want, found, code)
	}
}
