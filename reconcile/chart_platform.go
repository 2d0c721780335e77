package reconcile

import (
	"fmt"

	"github.com/commercesync/commerce"
)

// Platform is how a platform of Connect books money that is its sellers'.
//
// What its balance shows depends on the kind of charge. Of a direct charge there is the
// application fee alone (platform_earning): its own in either way. Of a destination
// charge there are the charge whole, a transfer to the seller, and the application fee
// where there is one, for then the transfer is of the whole charge. Of a separate charge
// and transfer there are the charge and, at any later time, transfers. A refund takes its
// amount off the platform; what comes back from the seller is a transfer above nought,
// where the transfer is reversed with it, and what the platform gives back of its fee is
// platform_earning_refund, where that is asked for.
type Platform string

const (
	// Gross books charges whole; what goes on to sellers is a cost, on the account of
	// its category.
	Gross Platform = "gross"
	// Net books what is the sellers' as owed to them, on [Chart].Payable, and takes it
	// off the accounts of charges and refunds, where only what the platform keeps is
	// left. These need their accounts in Categories also where Documents names them.
	Net Platform = "net"
)

// owed is the text of what is taken off a sale for connected accounts.
const owed = "owed to connected accounts"

func isTransfer(category string) bool {
	return category == "transfer" || category == "transfer_reversal"
}

// share books what of a movement is owed to connected accounts.
func (t *tally) share(c *Chart, l *Line) error {
	if c.Platform != Net {
		return nil
	}
	switch l.Category {
	case "charge", "charge_failure", "partial_capture_reversal", "refund", "refund_failure", "dispute", "dispute_reversal":
		share, err := c.shareOf(l)
		if err != nil || share.IsZero() {
			return err
		}
		return t.owe(c, l.Category, share)
	case "transfer", "transfer_reversal":
		if c.Share != nil {
			return nil
		}
		of := "charge"
		if l.Category == "transfer" && l.Amount.Sign() > 0 {
			of = "refund" // Stripe calls it transfer_refund, and its category is transfer
		}
		return t.owe(c, of, l.Amount.Neg())
	}
	return nil
}

// shareOf is what of a charge, a dispute or a refund is the connected accounts', as Share
// says.
func (c *Chart) shareOf(l *Line) (commerce.Money, error) {
	if c.Platform != Net || c.Share == nil || l.Amount.IsZero() {
		return commerce.Zero(l.Amount.Currency()), nil
	}
	share, err := c.Share(*l)
	if err != nil {
		return share, fmt.Errorf("reconcile: share of %s: %w", l.ID, err)
	}
	return share, nil
}

// owe takes an amount off the account of a category, for connected accounts.
func (t *tally) owe(c *Chart, category string, amount commerce.Money) error {
	account := c.Categories[category]
	text := owed
	if account == "" {
		text = category // the one that Suspense takes, or that stops the posting
	}
	if err := t.part(account, text, amount.Neg()); err != nil {
		return err
	}
	return t.part(c.Payable, owed, amount)
}
