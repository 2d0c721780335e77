package rules

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/commercesync/commerce"
)

// Config says what expressions may use. Its zero value works.
type Config struct {
	// Functions are look-ups of the host's that expressions may call.
	Functions []Function
	// MaxSize is the longest expression, in characters.
	//
	// Defaults to 4,096.
	MaxSize int
	// MaxCost bounds the work of judging one order, in CEL's units: about one for each
	// word, comparison and element looked at.
	//
	// Defaults to 100,000, which is a few milliseconds.
	MaxCost int
	// MaxCalls bounds the calls of Functions in judging one order.
	//
	// Defaults to 100.
	MaxCalls int

	Now func() time.Time // what "now" says; defaults to time.Now
}

// Rule is a condition that was compiled. It is safe for concurrent use.
type Rule struct {
	expr    string
	cfg     Config
	calls   map[string]*Function
	program cel.Program
	source  *ast.SourceInfo
	uses    map[Part]bool
	pool    sync.Pool // of *evaluation
}

// Compile reads a condition: it is parsed, every word and type in it is checked,
// and it must be true or false in the end.
//
// Errors: a *[CompileError] with all that is wrong in the expression, and an error of
// kind invalid that names the field of a Config that can not work.
func Compile(expr string, c Config) (*Rule, error) {
	env, r, err := prepare(c)
	if err != nil {
		return nil, err
	}
	r.expr = expr
	if n := len([]rune(expr)); n > r.cfg.MaxSize {
		return nil, r.refuse(Problem{Text: fmt.Sprintf("the expression has %d characters, at most %d are read", n, r.cfg.MaxSize),
			Hint: "shorten it, split it into two rules, or raise Config.MaxSize"})
	}
	if strings.TrimSpace(expr) == "" {
		return nil, r.refuse(Problem{Text: "the expression is empty", Hint: `write "true" for every order`})
	}
	checked, issues := env.Compile(expr)
	if issues.Err() != nil {
		return nil, r.refuse(explain(issues.Errors(), r)...)
	}
	tree := checked.NativeRep()
	r.source = tree.SourceInfo()
	l := &linter{tree: tree, source: r.source}
	if problems := l.lint(); len(problems) > 0 {
		return nil, r.refuse(problems...)
	}
	r.uses = l.uses
	if out := checked.OutputType(); !out.IsExactType(cel.BoolType) {
		return nil, r.refuse(Problem{Line: 1, Column: 1, Text: "the expression is a " + cel.FormatCELType(out) + ", not true or false",
			Hint: "compare it with something"})
	}
	r.program, err = env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(uint64(r.cfg.MaxCost)), cel.CustomDecoratorV2(l.plan))
	if len(l.problems) > 0 {
		return nil, r.refuse(l.problems...)
	}
	if err != nil {
		return nil, r.refuse(Problem{Text: "a constant in the expression can not be read: " + err.Error(), Hint: "check patterns and numbers"})
	}
	return r, nil
}

// prepare checks the config and adds its functions to the language.
func prepare(c Config) (*cel.Env, *Rule, error) {
	for _, f := range []struct {
		name string
		n    *int
		def  int
	}{{"MaxSize", &c.MaxSize, 4096}, {"MaxCost", &c.MaxCost, 100_000}, {"MaxCalls", &c.MaxCalls, 100}} {
		if *f.n < 0 {
			return nil, nil, commerce.Errorf(commerce.KindInvalid, system, "compile", "Config.%s is %d, below nought", f.name, *f.n)
		}
		if *f.n == 0 {
			*f.n = f.def
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	env, err := language()
	if err != nil {
		return nil, nil, commerce.Errorf(commerce.KindInternal, system, "compile", "%w", err)
	}
	r := &Rule{cfg: c, calls: map[string]*Function{}}
	opts := []cel.EnvOption{cel.ParserExpressionSizeLimit(c.MaxSize + 1)}
	for i := range c.Functions {
		f := c.Functions[i]
		if err := f.check(env, r.calls); err != nil {
			return nil, nil, commerce.Errorf(commerce.KindInvalid, system, "compile", "Config.Functions[%d] %q: %w", i, f.Name, err)
		}
		r.calls[f.Name] = &f
		opts = append(opts, f.declare())
	}
	if env, err = env.Extend(opts...); err != nil {
		return nil, nil, commerce.Errorf(commerce.KindInternal, system, "compile", "%w", err)
	}
	r.pool.New = func() any { return new(evaluation) }
	return env, r, nil
}

func (r *Rule) refuse(problems ...Problem) error {
	return &CompileError{Expr: r.expr, Problems: problems}
}

// Part is one part of commerce.Facts beside the order.
type Part string

const (
	Payments Part = "payments"
	Refunds  Part = "refunds"
	Earlier  Part = "earlier"
	Reviews  Part = "reviews"
	Warnings Part = "warnings"
	Disputes Part = "disputes"
	Score    Part = "score"
)

// partOf says which part a word is computed from.
var partOf = map[string]Part{
	"payments": Payments, "payment_state": Payments, "paid": Payments, "authorised": Payments,
	"refunds": Refunds, "refunded": Refunds, "earlier": Earlier, "earlier_total": Earlier,
	"reviews": Reviews, "warnings": Warnings, "disputes": Disputes, "score": Score,
}

// Uses reports whether the expression asks for a part of the facts: what it does not
// use need not be fetched. What it uses and is not given reads as none.
func (r *Rule) Uses(p Part) bool { return r.uses[p] }

// String returns the expression.
func (r *Rule) String() string { return r.expr }

// Eval judges an order. It has the form of the functions that workflows take.
//
// Errors:
//   - kind invalid, code "currency_mismatch", "absent" …: the expression has no
//     answer for these facts; line and column are in the text.
//   - the kind of a Function's error, with its RetryAfter: the look-up failed, and
//     nothing was decided.
//   - kind limit: MaxCost or MaxCalls was reached.
func (r *Rule) Eval(ctx context.Context, f commerce.Facts) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, r.failed(commerce.KindUnavailable, "", 0, "the caller's time was over", err)
	}
	e := r.pool.Get().(*evaluation)
	*e = evaluation{rule: r, ctx: ctx, facts: f}
	out, _, err := r.program.Eval(e)
	*e = evaluation{}
	r.pool.Put(e)
	if err != nil {
		return false, r.explain(err)
	}
	yes, ok := out.(types.Bool)
	if !ok {
		return false, r.failed(commerce.KindInternal, "", 0, fmt.Sprintf("the answer is a %T", out), nil)
	}
	return bool(yes), nil
}

// explain says what went wrong while an order was judged. Texts of CEL itself may
// hold values of the order and are not repeated.
func (r *Rule) explain(err error) error {
	var limit interpreter.EvalCancelledError
	if errors.As(err, &limit) {
		return r.failed(commerce.KindLimit, "", 0, fmt.Sprintf("it takes more than Config.MaxCost %d to judge this order", r.cfg.MaxCost), nil)
	}
	celErr, ok := errors.AsType[*types.Err](err)
	if !ok {
		return r.failed(commerce.KindInternal, "", 0, "the expression could not be worked out", err)
	}
	place := celErr.NodeID()
	if call, ok := errors.AsType[*callError](err); ok {
		return r.failed(commerce.KindOf(call), "", place, "function "+call.name, call)
	}
	if ours, ok := errors.AsType[*evalError](err); ok {
		return r.failed(commerce.KindInvalid, ours.code, place, ours.text, nil)
	}
	for _, known := range []string{"no such key", "division by zero", "modulus by zero", "integer overflow",
		"unsigned integer overflow", "duration overflow", "timestamp overflow", "index out of bounds"} {
		if strings.HasPrefix(err.Error(), known) {
			return r.failed(commerce.KindInvalid, strings.ReplaceAll(known, " ", "_"), place, known, nil)
		}
	}
	return r.failed(commerce.KindInvalid, "no_answer", place, "a value of this order can not be read as the expression asks", nil)
}

func (r *Rule) failed(kind commerce.Kind, code string, node int64, text string, cause error) error {
	if node != 0 {
		if at := r.source.GetStartLocation(node); at.Line() > 0 {
			text = fmt.Sprintf("%d:%d: %s", at.Line(), at.Column()+1, text)
		}
	}
	return &commerce.Error{Kind: kind, System: system, Op: fmt.Sprintf("evaluate %q", clip(r.expr)), Code: code, Text: text,
		RetryAfter: commerce.RetryAfter(cause), Err: cause}
}
