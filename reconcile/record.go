package reconcile

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Rows are kept on disk in a form of our own: lengths and numbers as varints.

func putText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// like says a text by the number of another where it is mostly one of two.
func like(s, one, two string) string {
	switch {
	case s == "":
	case s == one:
		return "\x01"
	case s == two:
		return "\x02"
	case s[0] <= 3:
		return "\x03" + s
	}
	return s
}

func unlike(s, one, two string) string {
	switch s {
	case "\x01":
		return one
	case "\x02":
		return two
	}
	return strings.TrimPrefix(s, "\x03")
}

func putTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, math.MinInt64)
	}
	return binary.AppendVarint(b, t.Unix())
}

func putMoney(b []byte, m commerce.Money) []byte {
	b = putText(b, string(m.Currency()))
	return binary.AppendVarint(b, m.Minor())
}

// taker takes a record apart. The text is one string, its parts share it.
type taker struct{ text string }

func (t *taker) uvarint() (n uint64) {
	for shift := 0; ; shift += 7 {
		c := t.text[0]
		t.text = t.text[1:]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
}

func (t *taker) varint() int64 {
	u := t.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (t *taker) string() string {
	n := t.uvarint()
	s := t.text[:n]
	t.text = t.text[n:]
	return s
}

func (t *taker) time() time.Time {
	n := t.varint()
	if n == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

func (t *taker) money() commerce.Money {
	currency := commerce.Currency(t.string())
	minor := t.varint()
	m, err := commerce.NewMoney(minor, currency)
	if err != nil {
		return commerce.Money{}
	}
	return m
}

func (l *Line) put(b []byte) []byte {
	for _, s := range [...]string{l.ID, l.Type, l.Category, like(l.Source, l.Charge, l.Refund), l.Charge, l.Intent, l.Refund, l.Dispute,
		l.Transfer, l.Payout, l.Account, l.Number} {
		b = putText(b, s)
	}
	b = binary.AppendVarint(b, int64(l.Row))
	b = putMoney(b, l.Amount)
	b = binary.AppendVarint(b, l.Fee.Minor())
	b = putMoney(b, l.Presented)
	b = putTime(b, l.Created)
	b = putTime(b, l.Available)
	b = binary.AppendUvarint(b, uint64(len(l.Fees)))
	for _, f := range l.Fees {
		b = putText(b, f.Type)
		b = binary.AppendVarint(b, f.Amount.Minor())
	}
	return b
}

func lineOf(record []byte) *Line {
	t := &taker{string(record)}
	l := &Line{}
	for _, to := range [...]*string{&l.ID, &l.Type, &l.Category, &l.Source, &l.Charge, &l.Intent, &l.Refund, &l.Dispute,
		&l.Transfer, &l.Payout, &l.Account, &l.Number} {
		*to = t.string()
	}
	l.Source = unlike(l.Source, l.Charge, l.Refund)
	l.Row = int(t.varint())
	l.Amount = t.money()
	same := func(minor int64) commerce.Money { return commerce.MustMoney(minor, l.Amount.Currency()) }
	l.Fee = same(t.varint())
	l.Net, _ = l.Amount.Sub(l.Fee)
	l.Presented = t.money()
	l.Created, l.Available = t.time(), t.time()
	for range t.uvarint() {
		l.Fees = append(l.Fees, FeeDetail{t.string(), same(t.varint())})
	}
	return l
}

// What a document's flags say.
const (
	flagRefund = 1 << iota
	flagTotal  // it comes to more, or less, than Amount
	flagUnsent
)

func (d *Document) put(b []byte) []byte {
	for _, s := range [...]string{d.System, d.Shop, d.ID, d.Number, d.Charge, d.Intent, d.RefundID} {
		b = putText(b, s)
	}
	b = putText(b, like(d.Payment, d.Intent, d.Charge))
	b = binary.AppendVarint(b, int64(d.Row))
	total := d.total() != d.Amount
	var flags byte
	if d.Refund {
		flags |= flagRefund
	}
	if total {
		flags |= flagTotal
	}
	if d.Unsent {
		flags |= flagUnsent
	}
	b = append(b, flags)
	b = putMoney(b, d.Amount)
	if total {
		b = binary.AppendVarint(b, d.Total.Minor()) // its currency is that of Amount
	}
	b = putMoney(b, d.Settled)
	b = putTime(b, d.Date)
	return putTaxes(putLines(b, d.Lines), d.Taxes)
}

func putLines(b []byte, lines []DocumentLine) []byte {
	b = binary.AppendUvarint(b, uint64(len(lines)))
	for i := range lines {
		b = putText(b, lines[i].Key)
		b = putText(b, lines[i].Quantity.String())
		b = putMoney(b, lines[i].Net)
	}
	return b
}

func (t *taker) lines() (lines []DocumentLine) {
	for range t.uvarint() {
		l := DocumentLine{Key: t.string()}
		l.Quantity, _ = commerce.ParseDecimal(t.string())
		l.Net = t.money()
		lines = append(lines, l)
	}
	return lines
}

func putTaxes(b []byte, taxes []TaxSum) []byte {
	b = binary.AppendUvarint(b, uint64(len(taxes)))
	for i := range taxes {
		b = putText(b, taxes[i].Country)
		b = putText(b, taxes[i].Rate)
		b = putMoney(b, taxes[i].Base)
		b = putMoney(b, taxes[i].Tax)
	}
	return b
}

func (t *taker) taxes() (taxes []TaxSum) {
	for range t.uvarint() {
		taxes = append(taxes, TaxSum{t.string(), t.string(), t.money(), t.money()})
	}
	return taxes
}

func documentOf(record []byte) *Document {
	t := &taker{string(record)}
	d := &Document{}
	for _, to := range [...]*string{&d.System, &d.Shop, &d.ID, &d.Number, &d.Charge, &d.Intent, &d.RefundID, &d.Payment} {
		*to = t.string()
	}
	d.Payment = unlike(d.Payment, d.Intent, d.Charge)
	d.Row = int(t.varint())
	flags := t.text[0]
	t.text = t.text[1:]
	d.Refund, d.Unsent = flags&flagRefund != 0, flags&flagUnsent != 0
	d.Amount = t.money()
	if flags&flagTotal != 0 {
		d.Total = commerce.MustMoney(t.varint(), d.Amount.Currency())
	}
	d.Settled, d.Date = t.money(), t.time()
	d.Lines, d.Taxes = t.lines(), t.taxes()
	return d
}
