package commerce

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// Mode tells live money from test money. The two never mix: a fact of one mode is
// refused before any write of a route of the other.
type Mode string

const (
	Live Mode = "live"
	Test Mode = "test"
)

// ModeOf returns Live for true, as in Stripe's livemode.
func ModeOf(live bool) Mode {
	if live {
		return Live
	}
	return Test
}

// Ref names one object of one system for ever: whose it is, where it lives, in
// which account, whether it is live, and its id there. It is comparable, so it can
// be a map key; its String is the durable form.
type Ref struct {
	Tenant  string `json:"tenant,omitempty"`  // the host program's customer; "" where there is only one
	System  string `json:"system"`            // "stripe", "magento", "tryton"
	Account string `json:"account,omitempty"` // acct_…, the shop's or ERP's configured name
	Mode    Mode   `json:"mode"`
	// ID is the system's own id. Where ids of several kinds overlap it starts with
	// the kind: "order/17", "shipment/17"; Stripe's ids name their kind themselves.
	ID string `json:"id"`
}

// String returns "tenant/system/account/mode/id", each part escaped, so that two
// different refs never print alike. ParseRef reads it back.
func (r Ref) String() string {
	return strings.Join([]string{url.PathEscape(r.Tenant), url.PathEscape(r.System),
		url.PathEscape(r.Account), url.PathEscape(string(r.Mode)), url.PathEscape(r.ID)}, "/")
}

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// With returns a ref of the same tenant, system, account and mode with another id.
func (r Ref) With(id string) Ref { r.ID = id; return r }

// ParseRef reads what Ref.String wrote. Anything else is an error of kind invalid.
func ParseRef(s string) (Ref, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 5 {
		return Ref{}, Errorf(KindInvalid, "commerce", "parse ref", "%q has %d parts, not tenant/system/account/mode/id", s, len(parts))
	}
	for i, p := range parts {
		u, err := url.PathUnescape(p)
		if err != nil {
			return Ref{}, Errorf(KindInvalid, "commerce", "parse ref", "%q: part %d is badly escaped", s, i+1)
		}
		parts[i] = u
	}
	return Ref{Tenant: parts[0], System: parts[1], Account: parts[2], Mode: Mode(parts[3]), ID: parts[4]}, nil
}

// Event is news of something that happened in a system: raw bytes as received,
// and the few facts that are needed to store and route it.
type Event struct {
	// Ref is the event's identity: tenant, system, account, mode and the event's
	// own id. Two events with one Ref are one event.
	Ref Ref `json:"ref"`
	// Type is the system's word for what happened: "charge.succeeded".
	Type string `json:"type"`
	// Object is the id of the object that the event is about: "ch_…".
	Object string `json:"object"`
	// Subject is the widest id found in the raw bytes (payment intent, else charge,
	// else the object's own). It decides which events wait for each other until the
	// order is known, and is never rewritten.
	Subject string `json:"subject"`
	// Person is an opaque key of the person concerned (the system's customer id),
	// for erasure; empty where unknown. Never an e-mail address or a name.
	Person string `json:"person,omitempty"`
	// APIVersion is the version the raw bytes are written in; may be empty.
	APIVersion string `json:"api_version,omitempty"`
	// Created is the system's own time of the event, to the precision it gives.
	Created time.Time `json:"created"`
	// Raw is the body as received, byte for byte.
	Raw []byte `json:"raw,omitempty"`
	// Overlay holds the corrections that a person made when the event was replayed.
	Overlay Overlay `json:"overlay,omitempty"`
}

// SubjectRef is the subject as a Ref: tenant, system, account and mode of the
// event with the subject as id.
func (e Event) SubjectRef() Ref { return e.Ref.With(e.Subject) }

// Overlay is a set of corrections to canonical facts, made by a person for a
// replay: paths such as "order.shipping_address.country" to JSON values. It is
// applied after the fetch; the raw bytes of the event never change.
type Overlay map[string]json.RawMessage
