package mapping

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/commercesync/commerce"
)

// GuestPolicy says which party at the ERP a guest's order belongs to.
type GuestPolicy string

const (
	// GuestPerOrder makes one party for each guest order.
	GuestPerOrder GuestPolicy = ""
	// GuestPerEmail makes one party for each e-mail address that the shop has
	// verified for the website of the order; an address that nobody has verified may be
	// anybody's, so such an order gets a party of its own.
	GuestPerEmail GuestPolicy = "verified_email"
	// GuestCollective puts all guests of a shop into one party; the order carries its
	// own addresses.
	GuestCollective GuestPolicy = "collective"
)

// Valid reports whether p is one of the policies.
func (p GuestPolicy) Valid() bool {
	return p == GuestPerOrder || p == GuestPerEmail || p == GuestCollective
}

// Party is the ERP party that an order belongs to.
type Party struct {
	// Key names the party for ever; no personal data in it.
	Key string
	// Registered: the key is that of the shop's own customer account. Only then may
	// master data be written over: anything else is a guess about who somebody is.
	Registered bool
	Customer   commerce.Customer
}

// PartyOf chooses the party of an order: the registered customer's own, else what
// the policy says. collective names the party of all guests.
func PartyOf(o commerce.Order, policy GuestPolicy, collective string) Party {
	c := o.Customer
	if !c.Guest && c.Ref.ID != "" {
		return Party{Key: c.Ref.String(), Registered: true, Customer: c}
	}
	switch {
	case policy == GuestCollective:
		return Party{Key: o.Ref.With("guests").String(), Customer: commerce.Customer{Guest: true, Name: collective}}
	case policy == GuestPerEmail && c.Email != "" && c.Website != "" && c.VerifiedFor == c.Website:
		sum := sha256.Sum256([]byte(c.Website + "\n" + c.Email))
		return Party{Key: o.Ref.With("guest/email/" + hex.EncodeToString(sum[:16])).String(), Customer: c}
	}
	return Party{Key: o.Ref.With("guest/" + o.Ref.ID).String(), Customer: c}
}
