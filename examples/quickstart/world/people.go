package world

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Tryton is where a Tryton is and who may log in.
type Tryton struct {
	URL, Database, User string
	Password            commerce.Secret
}

// people are the warehouse's staff and the auditor: they use the ERP themselves, by
// its own protocol, and know nothing of the program under test.
type people struct {
	t       Tryton
	http    *http.Client
	session string
	user    any // id of the one who is logged in
	company json.Number
}

func newPeople(t Tryton) *people {
	return &people{t: t, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}}
}

func (p *people) close() { p.http.CloseIdleConnections() }

// call makes one remote call; the context object is added.
func (p *people) call(ctx context.Context, into any, method string, params ...any) error {
	if p.session == "" && method != "common.db.login" {
		if err := p.login(ctx); err != nil {
			return err
		}
	}
	if method != "common.db.login" {
		about := map[string]any{"language": "en"}
		if p.company != "" {
			about["company"] = p.company
		}
		if more, ok := ctx.Value(moreContext{}).(map[string]any); ok {
			maps.Copy(about, more)
		}
		params = append(params, about)
	}
	body, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		err := p.post(ctx, body, into)
		if err == nil || attempt == 5 || strings.Contains(err.Error(), "UserError") {
			return err
		}
		if w, ok := errors.AsType[*warning](err); ok { // "no carrier is set": a person says yes
			if err := p.call(ctx, nil, "model.res.user.warning.create", []any{map[string]any{"user": p.user, "name": w.name, "always": false}}); err != nil {
				return err
			}
		}
	}
}

// moreContext is the key of what is put into the context object besides.
type moreContext struct{}

// warning is a question of the ERP's to the person who works there.
type warning struct{ name, text string }

func (w *warning) Error() string { return "tryton asks: " + w.text }

func (p *people) post(ctx context.Context, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(p.t.URL, "/")+"/"+p.t.Database+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if p.session != "" {
		req.Header.Set("Authorization", "Session "+p.session)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("tryton answers %s to %.120s", resp.Status, body)
	}
	if len(answer.Error) > 0 && string(answer.Error) != "null" {
		var parts []json.RawMessage
		var kind string
		var words []string
		if json.Unmarshal(answer.Error, &parts) == nil && len(parts) == 2 && json.Unmarshal(parts[0], &kind) == nil &&
			kind == "UserWarning" && json.Unmarshal(parts[1], &words) == nil && len(words) > 1 {
			return &warning{words[0], words[1]}
		}
		return fmt.Errorf("tryton: %s", answer.Error)
	}
	if into == nil || len(answer.Result) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(answer.Result))
	d.UseNumber()
	return d.Decode(into)
}

func (p *people) login(ctx context.Context) error {
	var session []any
	if err := p.call(ctx, &session, "common.db.login", p.t.User, map[string]string{"password": p.t.Password.Reveal()}, "en"); err != nil {
		return err
	}
	if len(session) != 2 {
		return fmt.Errorf("tryton refuses the login of %q", p.t.User)
	}
	p.user = session[0]
	p.session = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%v:%v", p.t.User, session[0], session[1]))
	var prefs map[string]any
	if err := p.call(ctx, &prefs, "model.res.user.get_preferences", true); err != nil {
		return err
	}
	p.company, _ = prefs["company"].(json.Number)
	return nil
}

// soldRow is a sales order as the auditor reads it.
type soldRow struct {
	ID        json.Number `json:"id"`
	Reference string      `json:"reference"`
	State     string      `json:"state"`
	Total     struct {
		Decimal string `json:"decimal"`
	} `json:"total_amount"`
	Shipments []json.Number `json:"shipments"`
	Invoices  []json.Number `json:"invoices"`
}

// void is what stands behind the reference of a sale that was processed and counts no more:
// Tryton has no other way to cancel it.
const void = " (cancelled)"

// counts reports whether the sale was not cancelled.
func (r soldRow) counts() bool {
	return r.State != "cancelled" && !strings.HasSuffix(r.Reference, void)
}

// sold returns the sales orders under a reference, cancelled ones as well.
func (p *people) sold(ctx context.Context, reference string) ([]soldRow, error) {
	var rows []soldRow
	err := p.call(ctx, &rows, "model.sale.sale.search_read",
		[]any{[]any{"reference", "in", []string{reference, reference + void}}, []any{"origin", "=", nil}}, 0, 100, nil,
		[]string{"reference", "state", "total_amount", "shipments", "invoices"})
	return rows, err
}

// ship sends what the program asked to be sent: everything that is reserved.
func (p *people) ship(ctx context.Context) error {
	var rows []struct {
		ID     json.Number `json:"id"`
		Number string      `json:"number"`
	}
	if err := p.call(ctx, &rows, "model.stock.shipment.out.search_read",
		[]any{[]any{"state", "=", "assigned"}}, 0, 1000, nil, []string{"number"}); err != nil {
		return err
	}
	for _, r := range rows {
		if err := p.send(ctx, r.ID, r.Number); err != nil {
			return err
		}
	}
	return nil
}

// send packs one shipment into one parcel with a tracking number.
func (p *people) send(ctx context.Context, id json.Number, number string) error {
	one := []json.Number{id}
	if err := p.call(ctx, nil, "model.stock.shipment.out.pick", one); err != nil {
		return err
	}
	var moves []struct {
		Outgoing []json.Number `json:"outgoing_moves"`
	}
	if err := p.call(ctx, &moves, "model.stock.shipment.out.read", one, []string{"outgoing_moves"}); err != nil {
		return err
	}
	var kinds []struct {
		ID json.Number `json:"id"`
	}
	if err := p.call(ctx, &kinds, "model.stock.package.type.search_read", []any{}, 0, 1, nil, []string{"name"}); err != nil {
		return err
	}
	parcel := map[string]any{"shipment": "stock.shipment.out," + id.String(), "shipping_reference": "TRACK-" + number,
		"moves": []any{[]any{"add", moves[0].Outgoing}}}
	if len(kinds) > 0 {
		parcel["type"] = kinds[0].ID
	}
	if err := p.call(ctx, nil, "model.stock.package.create", []any{parcel}); err != nil {
		return err
	}
	for _, step := range []string{"pack", "done"} {
		if err := p.call(ctx, nil, "model.stock.shipment.out."+step, one); err != nil {
			return err
		}
	}
	return nil
}
