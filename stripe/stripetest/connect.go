package stripetest

import "cmp"

// Account returns a connected account. It is a Fake of its own, with the platform's
// clock, key and webhooks: shoppers pay there, and its balance is its own. It reports
// false where the platform has no access to such an account.
func (f *Fake) Account(id string) (*Fake, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.home.connected[id]
	if !ok || a.gone {
		return nil, false
	}
	return a, true
}

// ID returns the id of the account.
func (f *Fake) ID() string { return f.config.Account }

// forAccount finds the account that a request names.
func (f *Fake) forAccount(id string) (*Fake, *problem) {
	if id == "" || id == f.config.Account {
		return f, nil
	}
	if a, ok := f.connected[id]; ok && !a.gone {
		return a, nil
	}
	return nil, &problem{status: 403, kind: "invalid_request_error", code: "account_invalid",
		message: "The provided key does not have access to account '" + id + "'", early: true}
}

// connect makes the ledger of a connected account.
func (f *Fake) connect(id string) *Fake {
	config := f.home.config
	config.Account, config.Connected = id, true
	a := &Fake{config: config, home: f.home, mu: f.mu, keys: map[string]*keyed{}}
	f.home.connected[id] = a
	return a
}

// Disconnect lets a merchant take the platform's access away, as they do on their own
// dashboard: account.application.deauthorized is the last event of the account, and
// every request for it is refused from then on. It reports whether there was access.
func (f *Fake) Disconnect(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	return f.leave(f.home.connected[id])
}

// renderApplication shows the platform as its merchants see it.
func (f *Fake) renderApplication(string) object {
	return object{"id": cmp.Or(f.application, platform), "object": "application", "name": "Fake platform"}
}

const platform = "ca_fake"
