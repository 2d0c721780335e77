package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"

	"github.com/commercesync/commerce"
)

// Check loads the ring, wraps and unwraps something with its primary key, and says which
// records do not open under it, by their keys; no record is opened. Its findings have the
// codes of the errors that they lead to, and "vault_away" where the store does not answer,
// "ring_not_loaded", and "rewrap_due" where records are under a key before the primary.
func (v *Vault) Check(ctx context.Context) commerce.Findings {
	var all commerce.Findings
	find := func(severity commerce.Severity, code, about, seen, expected, mend string) {
		all = append(all, commerce.Finding{Connection: commerce.Ref{System: system}, Code: code, About: about,
			Severity: severity, Seen: seen, Expected: expected, Mend: mend})
	}
	if err := v.Reload(ctx); err != nil {
		find(commerce.Warning, "ring_not_loaded", "", "the ring could not be loaded again, so the one from before is in use: "+err.Error(),
			"Config.Ring loads it", "see that the program can read the ring's file and reach the key service")
	}
	l := v.current.Load()
	primary := l.ring.keys[l.ring.primary]
	if err := tryKey(ctx, primary); err != nil {
		find(commerce.Broken, CodeKeyService, primary.ID, "the primary key did not wrap and unwrap: "+err.Error(),
			"it wraps the data keys of new records", "see that the key service is up and lets this program encrypt and decrypt")
	}
	counts, err := v.c.Store.Count(ctx)
	if err != nil {
		find(commerce.Broken, "vault_away", "", "the records can not be read: "+err.Error(),
			"the store answers", "see that the database is up and the program may read its tables")
	}
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		seen := fmt.Sprintf("%d records are under key %s, which ", counts[id], id)
		switch _, ok, err := l.key(id); {
		case !ok:
			find(commerce.Broken, CodeKeyUnknown, id, seen+"the ring does not have", "the ring has the key of every record",
				"give the program the ring that has it, or enter those credentials anew")
		case err != nil && commerce.KindOf(err) == commerce.KindForbidden:
			e := err.(*commerce.Error)
			find(commerce.Broken, e.Code, id, seen+"is not to be used any more", "records are rewrapped before their key is retired or Config.MinKey is raised",
				"enable the key or lower Config.MinKey, and rewrap, if the records can be trusted; else enter those credentials anew")
		case id != primary.ID:
			find(commerce.Notice, "rewrap_due", id, seen+"is not the primary", "all are under key "+primary.ID, "run Rewrap")
		}
	}
	return all
}

// tryKey wraps and unwraps a data key that nobody uses.
func tryKey(ctx context.Context, k Key) error {
	data, associated := make([]byte, keyBytes), []byte("commerce vault check")
	if _, err := rand.Read(data); err != nil {
		return err
	}
	wrapped, err := k.AEAD.EncryptWithContext(ctx, data, associated)
	if err != nil {
		return err
	}
	got, err := k.AEAD.DecryptWithContext(ctx, wrapped, associated)
	if err == nil && !bytes.Equal(got, data) {
		err = commerce.Errorf(commerce.KindInternal, system, "try key", "something else came back")
	}
	return err
}
