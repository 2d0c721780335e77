package tryton

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

func TestTheServersRefusalsAreToldApart(t *testing.T) {
	for _, c := range []struct {
		name, method, raw string
		kind              commerce.Kind
		text              string
	}{
		{"a rule", "model.sale.sale.create", `["UserError",["A value is required for field \"Party\" in \"Sale\".","",null]]`, commerce.KindInvalid, `field "Party"`},
		{"a right", "model.res.user.write", `["UserError",["You are not allowed to access \"User\".","",null]]`, commerce.KindForbidden, "not allowed"},
		{"a second code", "model.party.party.create", `["UserError",["The code on party must be unique.","",null]]`, commerce.KindDuplicate, "unique"},
		{"a closed period", "model.account.move.create", `["UserError",["You cannot add/modify/delete lines on closed journal-period \"Stripe - 2024-12\".","",null]]`, commerce.KindPeriodClosed, "closed"},
		{"a question", "model.stock.shipment.out.pack", `["UserWarning",["shipment_out_no_carrier_stock.shipment.out,1","The shipment \"1\" does not have a carrier set.",""]]`, commerce.KindNeedsDecision, "carrier"},
		{"a change in the meanwhile", "model.sale.sale.write", `["ConcurrencyException","Records were modified in the meanwhile"]`, commerce.KindConflict, "meanwhile"},
		{"another parameter", "common.db.login", `["LoginException",["code","Code","char"]]`, commerce.KindAuth, "code"},
		{"a busy database", "model.sale.sale.create", `["database is locked",""]`, commerce.KindUnavailable, "locked"},
		{"a fault of ours", "model.sale.sale.search_read", `["'nofield'",""]`, commerce.KindInternal, "nofield"},
		{"a person's name", "model.party.party.write", `["UserError",["You can not change \"Ada Example\" now.","",null]]`, commerce.KindInvalid, `"…"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := call{op: "act", method: c.method, write: true}.rpcError(json.RawMessage(c.raw))
			require.Equal(t, c.kind, commerce.KindOf(err))
			require.ErrorContains(t, err, c.text)
			require.True(t, commerce.SafeToRetry(err), "the server has rolled back")
			require.NotContains(t, err.Error(), "Ada")
		})
	}
	for _, gone := range []string{`["server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally",""]`,
		`["terminating connection due to administrator command",""]`} {
		err := call{op: "act", method: "model.sale.sale.create", write: true}.rpcError(json.RawMessage(gone))
		require.Equal(t, commerce.KindUnavailable, commerce.KindOf(err))
		require.ErrorIs(t, err, commerce.ErrUnknown, "it may have been lost on its way out of a COMMIT")
	}
	row := call{op: "act", method: "model.sale.sale.create", write: true}.rpcError(json.RawMessage(
		`["null value in column \"party\" violates not-null constraint\nDETAIL:  Failing row contains (7, Ada Example, Main Road 1).\n",""]`))
	require.NotContains(t, row.Error(), "Ada", "PostgreSQL tells what it was given")
	odd := call{op: "act", write: true}.rpcError(json.RawMessage(`{"unexpected":1}`))
	require.ErrorIs(t, odd, commerce.ErrUnknown, "what is not understood is not known to be rolled back")
}

func TestEveryRecordedRefusalIsUnderstood(t *testing.T) {
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS does not name the directory of the recordings")
	}
	files, err := filepath.Glob(filepath.Join(dir, "tryton-recorded", "*.json"))
	require.NoError(t, err)
	seen := map[commerce.Kind]int{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		var list []struct {
			Name    string
			Request struct {
				Body json.RawMessage
			}
			Response struct{ Body json.RawMessage }
		}
		require.NoError(t, json.Unmarshal(b, &list))
		for _, e := range list {
			var request struct{ Method string }
			var answer struct{ Error json.RawMessage }
			if json.Unmarshal(e.Request.Body, &request) != nil || json.Unmarshal(e.Response.Body, &answer) != nil || len(answer.Error) == 0 {
				continue
			}
			kind := commerce.KindOf(call{method: request.Method, write: true}.rpcError(answer.Error))
			seen[kind]++
			if kind == commerce.KindInternal {
				// Only faults of the caller are Python errors.
				require.True(t, strings.HasPrefix(e.Name, "no-such") || strings.HasPrefix(e.Name, "bad-") || strings.HasPrefix(e.Name, "missing") ||
					strings.HasPrefix(e.Name, "pay-over"), "%s: %s", e.Name, answer.Error)
			}
		}
	}
	for _, kind := range []commerce.Kind{commerce.KindInvalid, commerce.KindForbidden, commerce.KindDuplicate, commerce.KindPeriodClosed,
		commerce.KindNeedsDecision, commerce.KindConflict, commerce.KindAuth, commerce.KindInternal} {
		require.NotZero(t, seen[kind], "no recorded refusal is of kind %s", kind)
	}
}
