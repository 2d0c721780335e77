package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/commercesync/commerce"
)

// linter refuses what CEL would take and nobody can mean: floats, words that a state
// never is, amounts compared where their currencies are not looked at.
type linter struct {
	tree     *ast.AST
	source   *ast.SourceInfo
	problems []Problem
	uses     map[Part]bool
}

func (l *linter) report(node int64, hint, format string, args ...any) {
	p := Problem{Text: fmt.Sprintf(format, args...), Hint: hint}
	if at := l.source.GetStartLocation(node); at.Line() > 0 {
		p.Line, p.Column = at.Line(), at.Column()+1
	}
	l.problems = append(l.problems, p)
}

func (l *linter) lint() []Problem {
	l.uses = map[Part]bool{}
	ast.PreOrderVisit(l.tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.LiteralKind:
			if l.tree.GetType(e.ID()).IsExactType(cel.DoubleType) {
				l.report(e.ID(), `write decimal("0.5"), or money("100.00", "EUR") for an amount`, "a float is not exact")
			}
		case ast.StructKind:
			l.report(e.ID(), "compare single fields", "%s can not be made in an expression", e.AsStruct().TypeName())
		case ast.IdentKind:
			l.uses[partOf[e.AsIdent()]] = true
		case ast.CallKind:
			l.uses[partOf[e.AsCall().FunctionName()]] = true
			l.call(e)
		}
	}))
	return l.problems
}

func (l *linter) call(e ast.Expr) {
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
		l.word(args[0], args[1])
		l.word(args[1], args[0])
	case operators.In:
		elem := l.tree.GetType(args[0].ID())
		if elem.IsExactType(moneyType) || kinds[elem.TypeName()] != nil {
			l.report(e.ID(), "compare one by one, with exists()", "a %s can not be looked up in a list", elem.TypeName())
		}
		if args[1].Kind() == ast.ListKind {
			for _, item := range args[1].AsList().Elements() {
				l.word(args[0], item)
			}
		}
	}
}

// word refuses a text that a field never is: order.state == "done".
func (l *linter) word(of, text ast.Expr) {
	if text.Kind() != ast.LiteralKind {
		return
	}
	said, ok := text.AsLiteral().(types.String)
	if !ok {
		return
	}
	name, words := "", []string(nil)
	switch of.Kind() {
	case ast.SelectKind:
		sel := of.AsSelect()
		if k := kinds[l.tree.GetType(sel.Operand().ID()).TypeName()]; k != nil && k.fields[sel.FieldName()] != nil && !sel.IsTestOnly() {
			name, words = k.name+"."+sel.FieldName(), k.fields[sel.FieldName()].words
		}
	case ast.IdentKind:
		if of.AsIdent() == "payment_state" {
			name, words = "payment_state", paymentStates
		}
	}
	if len(words) > 0 && !slices.Contains(words, string(said)) {
		hint := "it is one of " + strings.Join(words, ", ")
		if name == "order.state" && slices.Contains(paymentStates, string(said)) {
			hint = "ask for payment_state, or " + hint
		}
		l.report(text.ID(), hint, "%s is never %q", name, string(said))
	}
}

var paymentStates = []string{string(commerce.Unpaid), string(commerce.AwaitingFunds), string(commerce.Authorised), string(commerce.PartlyPaid),
	string(commerce.Paid), string(commerce.Overpaid), string(commerce.ReturnedPayment)}

// constant are functions that are worked out once where all they are given is written down.
var constant = map[string]bool{"money": true, "decimal": true, "timestamp": true, "duration": true}

// plan replaces nodes of the program: constants by their values, and comparisons by
// such as keep an error. CEL's own != says true where its two sides can not be compared.
func (l *linter) plan(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok {
		return i, nil
	}
	args := call.Args()
	switch fn := call.Function(); {
	case fn == operators.Equals || fn == operators.NotEquals:
		return &comparison{InterpretableCall: call, left: args[0], right: args[1], not: fn == operators.NotEquals}, nil
	case constant[fn]:
		for _, a := range args {
			if _, ok := a.(interpreter.InterpretableConst); !ok {
				return i, nil
			}
		}
		v := call.Eval(interpreter.EmptyActivation())
		if err, bad := v.(*types.Err); bad {
			text := err.Error()
			if _, ours := err.Unwrap().(*evalError); !ours {
				text = fn + "() can not read this text"
			}
			l.report(call.ID(), map[string]string{"timestamp": `write timestamp("2026-01-31T00:00:00Z")`, "duration": `write duration("36h")`}[fn], "%s", text)
			return i, nil
		}
		return interpreter.NewConstValue(call.ID(), v), nil
	}
	return i, nil
}

// comparison is == or !=.
type comparison struct {
	interpreter.InterpretableCall
	left, right interpreter.InterpretableV2
	not         bool
}

// Exec compares; what can not be compared is an error both ways.
func (c *comparison) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	l, r := c.left.Exec(frame), ref.Val(nil)
	if types.IsUnknownOrError(l) {
		return l
	}
	if r = c.right.Exec(frame); types.IsUnknownOrError(r) {
		return r
	}
	out := types.LabelErrNode(c.ID(), types.Equal(l, r))
	if c.not {
		out = negated(out)
	}
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalBinary(frame, c.ID(), c, l, r, out)
	}
	return out
}

// Eval is Exec for whoever has no frame.
func (c *comparison) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, c.Exec)
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	undefined  = regexp.MustCompile(`^undefined field '([^']*)'`)
	overload   = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
	operator   = regexp.MustCompile(`^_?(\[\]|\?_:_|[^_a-z]+|in)_?$`)
)

// explain says CEL's complaints in our words, with what to do.
func explain(issues []*common.Error, r *Rule) []Problem {
	var out []Problem
	for _, issue := range issues {
		p := Problem{Text: issue.Message}
		if issue.Location.Line() > 0 {
			p.Line, p.Column = issue.Location.Line(), issue.Location.Column()+1
		}
		switch {
		case strings.HasPrefix(p.Text, "Syntax error"):
			p.Text = "syntax error" + strings.TrimPrefix(p.Text, "Syntax error")
			p.Hint = "check quotes, brackets and operators"
		case undeclared.MatchString(p.Text):
			name := undeclared.FindStringSubmatch(p.Text)[1]
			p.Text = fmt.Sprintf("there is no %q", name)
			p.Hint = nearest(name, r.names())
		case undefined.MatchString(p.Text):
			name := undefined.FindStringSubmatch(p.Text)[1]
			p.Text = fmt.Sprintf("there is no field %q", name)
			p.Hint = nearest(name, fieldNames())
		case overload.MatchString(p.Text):
			m := overload.FindStringSubmatch(p.Text)
			fn, on := m[1], m[2]
			if op := operator.FindStringSubmatch(strings.TrimPrefix(fn, "@")); op != nil {
				fn = strings.Trim(strings.TrimPrefix(fn, "@"), "_")
			}
			p.Text = fmt.Sprintf("%s does not go with %s", fn, on)
			switch {
			case strings.Contains(on, "money"):
				p.Hint = `an amount goes with an amount: money("100.00", "EUR")`
			case strings.Contains(on, "decimal"):
				p.Hint = `a decimal goes with a decimal or a whole number on its right: decimal("0.5")`
			default:
				p.Hint = "both sides have to be of one kind, and objects are compared field by field"
			}
		default:
			p.Hint = "see the language in the documentation of package rules"
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return out
}

// names are the variables and functions that a user can write.
func (r *Rule) names() []string {
	names := append(slices.Collect(maps.Keys(variables)), slices.Collect(maps.Keys(r.calls))...)
	names = append(names, "money", "decimal", "sum", "earlier_total", "size", "timestamp", "duration", "has")
	slices.Sort(names)
	return names
}

func fieldNames() []string {
	var all []string
	for _, k := range kinds {
		all = slices.AppendSeq(all, maps.Keys(k.fields))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// nearest proposes a word that may have been meant, or tells where all are listed.
func nearest(name string, words []string) string {
	best, least := "", 3
	for _, w := range words {
		if d := distance(name, w); d < least && d < len(w) {
			best, least = w, d
		}
	}
	if best == "" {
		return "the words are listed in the documentation of package rules"
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance counts the letters to change, add or take away between two words; words of
// very different length are just far.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 2 || d < -2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost++
			}
			last = row[j+1]
			row[j+1] = min(cost, row[j]+1, last+1)
		}
	}
	return row[len(b)]
}
