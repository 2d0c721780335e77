package demo

import (
	"time"

	"github.com/commercesync/commerce/reconcile"
)

// plants makes a sale disagree, for each reason. Variants are numbered from 0; a plant
// that has several takes them in turn.
var plants = map[reconcile.Reason]func(s *story, variant int){
	reconcile.Duplicate: func(s *story, variant int) {
		if variant%2 == 1 { // the shop exported the order twice
			s.shop = append(s.shop, s.shop[0])
			s.found("", s.shop[0].id, "")
			return
		}
		// The buyer paid again; the order knows no payment, only its number joins them.
		s.shop[0].payment = ""
		again := s.lines[0]
		again.id, again.source, again.charge, again.intent = again.id+"b", again.source+"b", again.charge+"b", again.intent+"b"
		again.at = again.at.Add(5 * time.Minute)
		s.lines = append(s.lines, again)
		s.found(again.id, s.shop[0].id, "")
	},
	reconcile.AmountDiffers: func(s *story, variant int) {
		switch variant % 3 {
		case 0:
			s.shop[0].amount += 100
			s.erp[0].amount += 100
			s.found(s.lines[0].id, s.shop[0].id, "")
		case 1: // the invoice is not of the order's amount
			s.erp[0].amount -= 50
			s.found("", s.shop[0].id, s.erp[0].id)
		case 2: // the invoice is of what the gift card left to pay
			s.shop[0].card = 1_500
			s.found("", s.shop[0].id, s.erp[0].id)
		}
	},
	reconcile.CurrencyDiffers: func(s *story, _ int) {
		s.shop[0].currency, s.erp[0].currency = "USD", "USD"
		s.found(s.lines[0].id, s.shop[0].id, "")
	},
	reconcile.LinesDiffer: func(s *story, _ int) {
		s.erp[0].more = true
		s.found("", s.shop[0].id, s.erp[0].id)
	},
	reconcile.TaxDiffers: func(s *story, _ int) {
		s.erp[0].rate = "7"
		s.found("", s.shop[0].id, s.erp[0].id)
	},
	reconcile.MissingAtStripe: func(s *story, _ int) {
		s.lines = nil
		s.early()
		s.found("", s.shop[0].id, "")
	},
	reconcile.MissingInShop: func(s *story, variant int) {
		s.shop = nil
		if variant%2 == 1 { // an invoice that nobody ordered
			s.lines = nil
			s.found("", "", s.erp[0].id)
			return
		}
		s.erp = nil
		s.found(s.lines[0].id, "", "")
	},
	reconcile.MissingInERP: func(s *story, variant int) {
		if variant%2 == 1 { // the credit memo has no credit note
			s.giveBack(s.shop[0].amount, true, false)
			s.found("", s.shop[1].id, "")
			return
		}
		s.erp = nil
		s.found("", s.shop[0].id, "")
	},
	reconcile.RefundWithoutCreditMemo: func(s *story, _ int) {
		s.giveBack(s.shop[0].amount, false, false)
		s.found(s.lines[1].id, "", "")
	},
	reconcile.UnknownCategory: func(s *story, _ int) {
		s.shop, s.erp = nil, nil
		l := &s.lines[0]
		l.category, l.source, l.charge, l.intent, l.number, l.fee = "loyalty_settlement", "loy_"+l.id[4:], "", "", "", 0
		s.found(l.id, "", "")
	},
	reconcile.Unlinked: func(s *story, _ int) {
		s.lines[0].number = ""
		s.shop[0].payment = ""
		s.found(s.lines[0].id, s.shop[0].id, "")
	},
	reconcile.FeeDiffers: func(s *story, _ int) {
		s.lines[0].fee += 7
		s.found(s.lines[0].id, "", "")
	},
	reconcile.FXDifference: func(s *story, _ int) {
		l, d := &s.lines[0], &s.shop[0]
		l.dollars, l.gross = d.amount, d.amount*86/100
		l.fee = fee(l.gross)
		d.currency, d.settled, s.erp[0].currency = "USD", l.gross-12, "USD"
		s.found(l.id, d.id, "")
	},
	reconcile.NotYetPaidOut: func(s *story, _ int) {
		s.lines = nil
		s.shop[0].at = start.AddDate(0, 0, days).Add(9 * time.Hour)
		s.erp[0].at = s.shop[0].at.Add(time.Hour)
		s.found("", s.shop[0].id, "")
	},
	reconcile.NotYetInvoiced: func(s *story, _ int) {
		s.erp, s.shop[0].unsent = nil, true
		s.found("", s.shop[0].id, "")
	},
	reconcile.BeforeCutOver: func(s *story, _ int) {
		s.shop, s.erp = nil, nil
		s.lines[0].at = start.Add(-7 * time.Hour)
		s.found(s.lines[0].id, "", "")
	},
}

// early puts the sale on the first day, well before the newest payment.
func (s *story) early() {
	s.shop[0].at = start.Add(10 * time.Hour)
	s.erp[0].at = start.Add(11 * time.Hour)
}

// found says what reconciling has to find.
func (s *story) found(line, document, erp string) {
	s.planted = append(s.planted, Planted{Line: line, Document: document, ERP: erp})
}
