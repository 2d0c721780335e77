package rules

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/commercesync/commerce"
)

const system = "rules" // in errors

// CompileError says what is wrong with an expression, all of it at once.
type CompileError struct {
	Expr     string
	Problems []Problem // in the order of their places
}

// Problem is one thing that is wrong with an expression.
type Problem struct {
	Line, Column int    // where, both from 1, in characters; 0 = the expression as a whole
	Text         string // what is wrong
	Hint         string // what to do
}

func (e *CompileError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rules: compile %q", clip(e.Expr))
	for _, p := range e.Problems {
		b.WriteString(": ")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:%d: ", p.Line, p.Column)
		}
		b.WriteString(p.Text)
		if p.Hint != "" {
			b.WriteString("; " + p.Hint)
		}
	}
	return b.String()
}

// ErrorKind is KindInvalid.
func (e *CompileError) ErrorKind() commerce.Kind { return commerce.KindInvalid }

// Is makes errors.Is(err, commerce.ErrInvalid) true.
func (e *CompileError) Is(target error) bool { return target == commerce.ErrInvalid }

func clip(s string) string {
	const most = 120
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// evalError is a fault of ours while a rule is judged; its text is safe to show.
type evalError struct {
	code, text string
}

func (e *evalError) Error() string { return e.text }

func fault(code, format string, args ...any) ref.Val {
	return types.WrapErr(&evalError{code: code, text: fmt.Sprintf(format, args...)})
}
