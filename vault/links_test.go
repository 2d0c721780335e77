package vault_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyAKeyringLinksTink(t *testing.T) {
	t.Parallel()
	// Its interface alone brings nothing along; its keys bring 6 MB.
	seen := 0
	for _, dir := range []string{".", "../sqlstore"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			seen++
			syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			require.NoError(t, err)
			for _, i := range syntax.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				require.NoError(t, err)
				require.False(t, strings.Contains(path, "tink-crypto") && !strings.HasSuffix(path, "/v2/tink") ||
					strings.HasSuffix(path, "/vault/keyring"), "%s imports %s", file, path)
			}
		}
	}
	require.Greater(t, seen, 20)
}
