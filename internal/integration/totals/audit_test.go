package totals_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// auditor reads the ERP by its own protocol and knows nothing of the program.
type auditor struct {
	url     string // with the database
	client  *http.Client
	session string
}

// sale is a sales order as the auditor reads it.
type sale struct {
	ID        json.Number `json:"id"`
	Reference string      `json:"reference"`
	State     string      `json:"state"`
	Total     struct {
		Decimal string `json:"decimal"`
	} `json:"total_amount"`
	Currency struct {
		Code string `json:"code"`
	} `json:"currency."`
}

func newAuditor(ctx context.Context, far far) (*auditor, error) {
	a := &auditor{url: far.url + far.database + "/", client: &http.Client{Transport: far.transport, Timeout: time.Minute}}
	var session []any
	err := a.call(ctx, &session, "common.db.login", far.login.User, map[string]string{"password": far.login.Password.Reveal()}, "en")
	if err != nil {
		return nil, err
	}
	if len(session) != 2 {
		return nil, fmt.Errorf("the login of %q is refused", far.login.User)
	}
	a.session = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%v:%v", far.login.User, session[0], session[1]))
	return a, nil
}

// sales returns all sales orders there are, by reference.
func (a *auditor) sales(ctx context.Context) (map[string][]sale, error) {
	const page = 500
	out := map[string][]sale{}
	for offset := 0; ; offset += page {
		var rows []sale
		if err := a.call(ctx, &rows, "model.sale.sale.search_read", []any{[]any{"reference", "!=", nil}}, offset, page,
			[]any{[]any{"id", "ASC"}}, []string{"reference", "state", "total_amount", "currency.code"}, map[string]any{}); err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.Reference] = append(out[r.Reference], r)
		}
		if len(rows) < page {
			return out, nil
		}
	}
}

// settled counts the rounding lines, of which an order has one at most.
func (a *auditor) settled(ctx context.Context) (int, error) {
	var n int
	err := a.call(ctx, &n, "model.sale.line.search_count", []any{[]any{"product.code", "=", "ROUNDING"}}, map[string]any{})
	return n, err
}

func (a *auditor) call(ctx context.Context, into any, method string, params ...any) error {
	body, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if a.session != "" {
		req.Header.Set("Authorization", "Session "+a.session)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("%s: %s: %.200s", method, resp.Status, text)
	}
	if len(answer.Error) > 0 && string(answer.Error) != "null" {
		return fmt.Errorf("%s: %s", method, answer.Error)
	}
	d := json.NewDecoder(bytes.NewReader(answer.Result))
	d.UseNumber()
	return d.Decode(into)
}
