package rules

import (
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// TestTheWordsAreThoseOfTheModelAndOfTheDocumentation compares the three.
func TestTheWordsAreThoseOfTheModelAndOfTheDocumentation(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	_, table, ok := strings.Cut(file.Doc.Text(), "# The words")
	require.True(t, ok)

	told := map[string]string{} // "order state" → "order state string (pending, …)"
	kind := ""
	for line := range strings.Lines(table) {
		rest, ok := strings.CutPrefix(line, "\t")
		if !ok {
			continue
		}
		if !strings.HasPrefix(rest, " ") {
			kind, rest, _ = strings.Cut(rest, " ")
		}
		told[kind] += " " + strings.TrimSpace(rest)
	}
	require.Len(t, told, len(kinds))
	for name, k := range kinds {
		text := told[name] + ","
		for word, f := range k.fields {
			want := " " + word + " " + cel.FormatCELType(f.typ.Type)
			if f.words != nil {
				want += " (" + strings.Join(f.words, ", ") + ")"
			}
			require.Contains(t, text, want+",", "of %s", name)
		}
		require.Equal(t, len(k.fields), strings.Count(removeBrackets(text), ","), "the documentation of %s has %s", name, text)
	}

	for typ, name := range names {
		if typ == reflect.TypeFor[commerce.Money]() {
			continue
		}
		for i := range typ.NumField() {
			word, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			require.Contains(t, kinds[name].fields, word, "of %s", name)
		}
		extra := 0
		if name == "order" {
			extra = 1 // total
		}
		require.Len(t, kinds[name].fields, typ.NumField()+extra, name)
	}
}

func removeBrackets(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		default:
			if depth == 0 {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}
