package report

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// JSONL writes JSON Lines: one record a line, each with the payout and the kind of
// record it is. Names stay; new ones may be added.
//
//	{"record":"payout","payout":"po_1","closed":true,"rows":3,"sales":{"amount":"44.95","currency":"EUR"},…}
//	{"record":"category","payout":"po_1","category":"charge","rows":2,…}
//	{"record":"discrepancy","payout":"po_1","reason":"amount","line":{…},"shop":{…},"difference":{…},"advice":"…"}
//	{"record":"entry","payout":"po_1","entry":{…}}
//
// The payout comes first, then the sums of its reporting categories, every discrepancy
// by reason and time, and Config.Entries. What is not known is left out.
func JSONL(w io.Writer, r *reconcile.Report, c Config) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	p, id := r.Proof, r.Payout().Ref.ID
	if err := e.Encode(payoutRecord{Record: "payout", Payout: id, Status: r.Payout().Status, Created: r.Payout().Created, Arrival: r.Payout().Arrival,
		Closed: p.Closed(), Rows: p.Rows, Repeated: p.Repeated, MatchedByID: r.Matched.ByID, Proposed: r.Matched.Proposed, Related: r.Matched.Related, Alone: r.Matched.Alone,
		Sales: p.Sales, Refunds: p.Refunds, Disputes: p.Disputes, Fees: p.Fees, Reserves: p.Reserves, Transfers: p.Transfers,
		Adjustments: p.Adjustments, Payouts: p.Payouts, Other: p.Other, Net: p.Net, Bank: p.Bank, Rest: p.Rest, Reasons: r.Counts}); err != nil {
		return err
	}
	for _, s := range p.Categories {
		if err := e.Encode(categoryRecord{"category", id, s.Category, s.Rows, s.Amount, s.Fee, s.Net}); err != nil {
			return err
		}
	}
	for d, err := range r.Discrepancies() {
		if err != nil {
			return err
		}
		if err := e.Encode(discrepancyRecord{Record: "discrepancy", Payout: id, Reason: d.Reason, Keys: keysRecord(d.Keys),
			Line: lineOf(d.Line), Shop: documentOf(d.Document), ERP: documentOf(d.ERP), Difference: d.Difference,
			Lines: linesOf(d.Lines), Taxes: taxesOf(d.Taxes), Confidence: d.Confidence, Advice: d.Reason.Advice()}); err != nil {
			return err
		}
	}
	for _, entry := range c.Entries {
		if err := e.Encode(entryRecord{"entry", id, entry}); err != nil {
			return err
		}
	}
	return b.Flush()
}

type payoutRecord struct {
	Record      string                   `json:"record"`
	Payout      string                   `json:"payout"`
	Status      commerce.PayoutStatus    `json:"status,omitempty"`
	Created     time.Time                `json:"created,omitzero"`
	Arrival     commerce.Date            `json:"arrival,omitzero"`
	Closed      bool                     `json:"closed"`
	Rows        int                      `json:"rows"`
	Repeated    int                      `json:"repeated"`
	MatchedByID int                      `json:"matched_by_id"`
	Proposed    int                      `json:"proposed"`
	Related     int                      `json:"related"`
	Alone       int                      `json:"alone"`
	Sales       commerce.Money           `json:"sales"`
	Refunds     commerce.Money           `json:"refunds"`
	Disputes    commerce.Money           `json:"disputes"`
	Fees        commerce.Money           `json:"fees"`
	Reserves    commerce.Money           `json:"reserves"`
	Transfers   commerce.Money           `json:"transfers"`
	Adjustments commerce.Money           `json:"adjustments"`
	Payouts     commerce.Money           `json:"payouts"`
	Other       commerce.Money           `json:"other"`
	Net         commerce.Money           `json:"net"`
	Bank        commerce.Money           `json:"bank"`
	Rest        commerce.Money           `json:"rest"`
	Reasons     map[reconcile.Reason]int `json:"reasons"`
}

type categoryRecord struct {
	Record   string         `json:"record"`
	Payout   string         `json:"payout"`
	Category string         `json:"category"`
	Rows     int            `json:"rows"`
	Gross    commerce.Money `json:"gross"`
	Fee      commerce.Money `json:"fee"`
	Net      commerce.Money `json:"net"`
}

type discrepancyRecord struct {
	Record     string           `json:"record"`
	Payout     string           `json:"payout"`
	Reason     reconcile.Reason `json:"reason"`
	Keys       keysRecord       `json:"keys"`
	Line       *lineRecord      `json:"line,omitempty"`
	Shop       *documentRecord  `json:"shop,omitempty"`
	ERP        *documentRecord  `json:"erp,omitempty"`
	Difference commerce.Money   `json:"difference,omitzero"`
	Lines      []differingLine  `json:"lines,omitempty"`
	Taxes      []differingTax   `json:"taxes,omitempty"`
	Confidence int              `json:"confidence,omitempty"`
	Advice     string           `json:"advice"`
}

type keysRecord struct {
	Payout      string `json:"-"` // of the record
	Transaction string `json:"transaction,omitempty"`
	Charge      string `json:"charge,omitempty"`
	Intent      string `json:"intent,omitempty"`
	Refund      string `json:"refund,omitempty"`
	Dispute     string `json:"dispute,omitempty"`
	Transfer    string `json:"transfer,omitempty"`
	Account     string `json:"account,omitempty"`
	Number      string `json:"order_number,omitempty"`
	Document    string `json:"shop,omitempty"`
	ERP         string `json:"erp,omitempty"`
}

type lineRecord struct {
	Transaction string         `json:"transaction"`
	Category    string         `json:"category"`
	Source      string         `json:"source,omitempty"`
	Gross       commerce.Money `json:"gross"`
	Fee         commerce.Money `json:"fee"`
	Net         commerce.Money `json:"net"`
	Presented   commerce.Money `json:"presented,omitzero"`
	Created     time.Time      `json:"created,omitzero"`
	Available   time.Time      `json:"available,omitzero"`
	Row         int            `json:"row,omitempty"`
}

func lineOf(l *reconcile.Line) *lineRecord {
	if l == nil {
		return nil
	}
	return &lineRecord{l.ID, l.Category, l.Source, l.Amount, l.Fee, l.Net, l.Presented, l.Created, l.Available, l.Row}
}

type differingLine struct {
	Key  string       `json:"key"`
	Shop *goodsRecord `json:"shop,omitempty"`
	ERP  *goodsRecord `json:"erp,omitempty"`
}

type goodsRecord struct {
	Quantity commerce.Decimal `json:"quantity"`
	Net      commerce.Money   `json:"net"`
}

func linesOf(all []reconcile.LineDifference) (out []differingLine) {
	goods := func(l *reconcile.DocumentLine) *goodsRecord {
		if l == nil {
			return nil
		}
		return &goodsRecord{l.Quantity, l.Net}
	}
	for _, l := range all {
		out = append(out, differingLine{l.Key, goods(l.Shop), goods(l.ERP)})
	}
	return out
}

type differingTax struct {
	Country string     `json:"country,omitempty"`
	Rate    string     `json:"rate"`
	Shop    *taxRecord `json:"shop,omitempty"`
	ERP     *taxRecord `json:"erp,omitempty"`
}

type taxRecord struct {
	Base commerce.Money `json:"base,omitzero"`
	Tax  commerce.Money `json:"tax"`
}

func taxesOf(all []reconcile.TaxDifference) (out []differingTax) {
	tax := func(t *reconcile.TaxSum) *taxRecord {
		if t == nil {
			return nil
		}
		return &taxRecord{t.Base, t.Tax}
	}
	for _, t := range all {
		out = append(out, differingTax{t.Country, t.Rate, tax(t.Shop), tax(t.ERP)})
	}
	return out
}

type documentRecord struct {
	System string         `json:"system"`
	Shop   string         `json:"shop,omitempty"`
	ID     string         `json:"id"`
	Number string         `json:"number,omitempty"`
	Kind   string         `json:"kind"`
	Amount commerce.Money `json:"amount"`
	Total  commerce.Money `json:"total,omitzero"`
	Date   time.Time      `json:"date,omitzero"`
	Row    int            `json:"row,omitempty"`
}

func documentOf(d *reconcile.Document) *documentRecord {
	if d == nil {
		return nil
	}
	return &documentRecord{d.System, d.Shop, d.ID, d.Number, kind(d), d.Amount, d.Total, d.Date, d.Row}
}

type entryRecord struct {
	Record string                `json:"record"`
	Payout string                `json:"payout"`
	Entry  commerce.JournalEntry `json:"entry"`
}
