package reconcile

import "cmp"

// Keys are the names by which a movement and what belongs to it are found on every side: from
// the payout to the ERP's document and back. Empty is what is not known.
type Keys struct {
	Payout      string // po_…
	Transaction string // txn_…
	Charge      string // ch_…, py_…
	Intent      string // pi_…
	Refund      string // re_…, pyr_…
	Dispute     string // dp_…, du_…
	Transfer    string // tr_…
	Account     string // acct_…: the connected account
	Number      string // the order's number
	Document    string // the shop's id of it
	ERP         string // the ERP's id of it
}

// Keys returns all names of what belongs together.
func (m Match) Keys() (k Keys) {
	if l := m.Line; l != nil {
		k = Keys{Payout: l.Payout, Transaction: l.ID, Charge: l.Charge, Intent: l.Intent, Refund: l.Refund, Dispute: l.Dispute,
			Transfer: l.Transfer, Account: l.Account, Number: l.Number}
	}
	for _, d := range []*Document{m.Document, m.ERP} {
		if d == nil {
			continue
		}
		k.Charge, k.Intent, k.Refund = cmp.Or(k.Charge, d.Charge), cmp.Or(k.Intent, d.Intent), cmp.Or(k.Refund, d.RefundID)
		k.Number = cmp.Or(k.Number, d.Number)
	}
	if m.Document != nil {
		k.Document = m.Document.ID
	}
	if m.ERP != nil {
		k.ERP = m.ERP.ID
	}
	return k
}

// keys are the ids that a line may share with another of the same sale, the likeliest
// first.
func (l *Line) keys() [5]string { return [5]string{l.Refund, l.Charge, l.Intent, l.Transfer, l.Number} }

// keysOf reads keys of a record without reading all of it.
func keysOf(record []byte) [5]string {
	t := &taker{string(record)}
	for range 4 { // ID, Type, Category, Source
		t.string()
	}
	charge, intent, refund := t.string(), t.string(), t.string()
	t.string() // Dispute
	transfer := t.string()
	t.string() // Payout
	t.string() // Account
	return [5]string{refund, charge, intent, transfer, t.string()}
}
