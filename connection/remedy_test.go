package connection_test

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
)

var update = flag.Bool("update", false, "write docs/troubleshooting.md")

const page = "../docs/troubleshooting.md"

// areas are the headings of the page, in order.
var areas = []struct {
	area connection.Area
	head string
}{
	{connection.Outage, "Nothing answers"},
	{connection.Redirect, "Redirects"},
	{connection.Authentication, "The credentials are refused"},
	{connection.Scope, "A right is missing"},
	{connection.Signature, "A webhook is refused"},
	{connection.Data, "The data do not fit"},
}

func render() string {
	var b strings.Builder
	b.WriteString(`# Troubleshooting by error

What an error means and what mends it. ` + "`connection.Diagnose(err)`" + ` finds the row of an error in a
program; ` + "`service -check`" + ` finds them before there is an error. A row stands for every error
that shows itself so: the system and the code are in the error's text, and an error names no
credentials and no people, so that it can be passed on as it is.

This page is made of package connection by ` + "`go test ./connection -update`" + `.
`)
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, a := range areas {
		fmt.Fprintf(&b, "\n## %s\n\n| code | shows as | cause | remedy |\n|---|---|---|---|\n", a.head)
		for _, r := range connection.Remedies() {
			if r.Area == a.area {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Code, cell.Replace(r.Shows), cell.Replace(r.Cause), cell.Replace(r.Mend))
			}
		}
	}
	return b.String()
}

func TestThePageOfTroublesSaysWhatTheTableSays(t *testing.T) {
	t.Parallel()
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(render()), 0o644))
	}
	b, err := os.ReadFile(page)
	require.NoError(t, err)
	want, got := strings.Split(render(), "\n"), strings.Split(string(b), "\n")
	for i := range max(len(want), len(got)) {
		require.True(t, i < len(want) && i < len(got) && want[i] == got[i], "line %d: run go test ./connection -run Page -update", i+1)
	}
}

func TestEveryRemedyIsWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range connection.Remedies() {
		require.False(t, seen[r.Code], "%s stands twice", r.Code)
		seen[r.Code] = true
		for what, text := range map[string]string{"Area": string(r.Area), "Severity": string(r.Severity), "Shows": r.Shows, "Cause": r.Cause, "Mend": r.Mend} {
			require.NotEmpty(t, text, "%s of %s", what, r.Code)
		}
	}
	require.Greater(t, len(seen), 60)
}

func TestEveryKindOfErrorHasARemedy(t *testing.T) {
	t.Parallel()
	for _, kind := range []commerce.Kind{commerce.KindInvalid, commerce.KindNotFound, commerce.KindAmbiguous, commerce.KindAuth, commerce.KindForbidden,
		commerce.KindConflict, commerce.KindDuplicate, commerce.KindDeclined, commerce.KindRateLimited, commerce.KindUnavailable, commerce.KindParked,
		commerce.KindMapping, commerce.KindNeedsDecision, commerce.KindPeriodClosed, commerce.KindLimit, commerce.KindInternal} {
		for _, err := range []error{&commerce.Error{Kind: kind, System: "stripe"}, fmt.Errorf("x: %w", &commerce.Error{Kind: kind}), errors.Join(errors.New("y"), &commerce.Error{Kind: kind, System: "elsewhere"})} {
			_, ok := connection.Diagnose(err)
			require.True(t, ok, "%s", kind)
		}
	}
	for _, err := range []error{nil, errors.New("of somebody else")} {
		_, ok := connection.Diagnose(err)
		require.False(t, ok)
	}
}

func TestAnErrorLeadsToItsCauseAndNotToItsSymptom(t *testing.T) {
	t.Parallel()
	in := func(system string, kind commerce.Kind, edit func(*commerce.Error)) error {
		e := &commerce.Error{System: system, Kind: kind, Op: "do"}
		if edit != nil {
			edit(e)
		}
		return fmt.Errorf("at work: %w", e)
	}
	caused := func(err error) error {
		return in("odoo", commerce.KindUnavailable, func(e *commerce.Error) { e.Err = err })
	}
	code := func(c string) func(*commerce.Error) { return func(e *commerce.Error) { e.Code = c } }
	text := func(s string) func(*commerce.Error) { return func(e *commerce.Error) { e.Text = s } }
	status := func(n int) func(*commerce.Error) { return func(e *commerce.Error) { e.Status = n } }
	for _, c := range []struct {
		want string
		err  error
	}{
		{"certificate_expired", caused(x509.CertificateInvalidError{Reason: x509.Expired})},
		{"certificate_unknown", caused(x509.UnknownAuthorityError{})},
		{"certificate_of_another", caused(x509.HostnameError{Certificate: &x509.Certificate{}})},
		{"name_unknown", caused(&net.OpError{Op: "dial", Err: &net.DNSError{}})},
		{"connection_refused", caused(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})},
		{"timed_out", caused(context.DeadlineExceeded)},
		{"interrupted", caused(context.Canceled)},
		{"connection_cut", caused(io.ErrUnexpectedEOF)},
		{"connection_cut", io.ErrUnexpectedEOF},
		{"maintenance", in("magento", commerce.KindUnavailable, status(503))},
		{"unavailable", in("stripe", commerce.KindUnavailable, status(503))},
		{"rate_limited", in("stripe", commerce.KindRateLimited, status(429))},
		{"breaker_open", in("stripe", commerce.KindParked, nil)},
		{"redirected", in("tryton", commerce.KindInvalid, status(302))},
		{"stripe_key_refused", in("stripe", commerce.KindAuth, status(401))},
		{"stripe_key_expired", in("stripe", commerce.KindAuth, func(e *commerce.Error) { e.Status, e.Code = 401, "api_key_expired" })},
		{"magento_clock", in("magento", commerce.KindAuth, text("An error occurred validating the nonce"))},
		{"magento_nonce_used", in("magento", commerce.KindAuth, text("The nonce is already being used by the consumer with ID 1"))},
		{"magento_activation_late", in("magento", commerce.KindAuth, text("Consumer key has expired"))},
		{"magento_right_missing", in("magento", commerce.KindForbidden, code("Magento_Sales::ship"))},
		{"nop_token_refused", in("nopcommerce", commerce.KindAuth, status(401))},
		{"odoo_key_refused", in("odoo", commerce.KindAuth, nil)},
		{"tryton_login_refused", in("tryton", commerce.KindAuth, nil)},
		{"erpnext_key_refused", in("erpnext", commerce.KindAuth, nil)},
		{"stripe_permission_missing", in("stripe", commerce.KindForbidden, status(403))},
		{"odoo_right_missing", in("odoo", commerce.KindForbidden, nil)},
		{"tryton_right_missing", in("tryton", commerce.KindForbidden, nil)},
		{"erpnext_right_missing", in("erpnext", commerce.KindForbidden, nil)},
		{"delivery_unsigned", in("stripe", commerce.KindAuth, code("unsigned"))},
		{"delivery_signature_wrong", in("stripe", commerce.KindAuth, code("bad_signature"))},
		{"delivery_stale", in("push", commerce.KindAuth, code("stale"))},
		{"delivery_of_the_future", in("stripe", commerce.KindAuth, code("future"))},
		{"secrets_unavailable", in("stripe", commerce.KindUnavailable, code("empty_secret"))},
		{"mode_mismatch", in("stripe", commerce.KindInvalid, code("mode_mismatch"))},
		{"no_route", in("mapping", commerce.KindMapping, code("no_route"))},
		{"address_of_nothing", in("magento", commerce.KindInvalid, code("no_route"))},
		{"answer_cached", in("magento", commerce.KindUnavailable, code("stale_answer"))},
		{"period_closed", in("tryton", commerce.KindPeriodClosed, nil)},
		{"needs_decision", commerce.ErrNeedsDecision},
		{"auth_refused", commerce.Static("k").Rejected(t.Context(), "k")},
		{"stripe_key_refused", errors.Join(errors.New("x"), in("stripe", commerce.KindAuth, status(401)))},
	} {
		got, ok := connection.Diagnose(c.err)
		require.True(t, ok, c.want)
		require.Equal(t, c.want, got.Code, "%v", c.err)
	}
}

// constants returns the exported constants Code… of a package, by value.
func constants(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	require.NoError(t, err)
	found := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(syntax, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "Code") {
				return true
			}
			if l, ok := v.Values[0].(*ast.BasicLit); ok {
				found[strings.Trim(l.Value, `"`)] = v.Names[0].Name
			}
			return true
		})
	}
	return found
}

func TestEveryCodeOfAnErrorHasARow(t *testing.T) {
	t.Parallel()
	findings := []string{"no_authorize", "no_access_log"} // of a check, with their own remedy
	seen := 0
	for _, dir := range []string{"magento", "nopcommerce", "stripe", "oauth", "vault", "mapping", "erp", "inbox"} {
		for code, name := range constants(t, dir) {
			seen++
			require.True(t, connection.Knows(code) || slices.Contains(findings, code), "%s.%s = %q has no remedy", dir, name, code)
		}
	}
	require.Greater(t, seen, 40)
}
