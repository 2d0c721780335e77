// Package vault seals credentials under rotating keys, bound to their owner.
//
//	file := keyring.File{Path: "/etc/shop/ring.json"} // made once, with file.Create(ctx)
//	v, err := vault.New(ctx, vault.Config{Store: db.Vault(), Ring: file.Load})
//	...
//	version, err := v.Seal(ctx, owner, "api_key", []byte(key), 0)
//	secret, version, err := v.Secret(ctx, owner, "api_key")
//
// A credential belongs to an owner, a [commerce.Ref] of tenant, system, account and mode,
// and has a name that says what it is for. Writing is by compare and set: who seals names
// the version that it saw, 0 where there must be none, and whoever comes second gets an
// error of kind conflict.
//
// # How a record is sealed
//
// Each sealing makes a data key of its own (AES-256-GCM, as Tink writes it), which seals
// this one secret and nothing else. A key of the [Ring] wraps the data key. Owner, name, version and
// the wrapping key's id are associated data of both, so a record opens in its own place
// only: not under another tenant, mode or name, not as another version. A record that was
// cut, altered, moved or put in the place of another version does not open, and the error
// says which it was and what to do; see the codes, [CodeRecordCut] and those after it.
//
// A data key that was unwrapped is remembered for [Config.CacheFor]. An open from memory
// then takes 1.8 times as long as bare AES-GCM for a secret as long as a Stripe key (107
// bytes), 1.4 times for one of 1,000 bytes, and 2.4 times for one of 32 (BenchmarkOpen).
//
// # Keys
//
// A ring is loaded by [Config.Ring]. Package keyring keeps it as a Tink keyset: in a file,
// which a key service may seal, in an environment variable, or wherever the program has
// keysets. [NewRing] takes keys that never leave a key service: every data key is then
// wrapped and unwrapped there, through Tink's interface.
//
// Who has the database and the ring has every credential. Keep a copy of the ring, never in
// the database's backup: without it no credential can ever be opened.
//
// # Rotation
//
// A ring is rotated in this order while all programs go on; no step takes anything away
// that a program still needs:
//
//  1. keyring.File.Add: a fresh key, which wraps nothing yet. Programs load the ring every
//     [Config.RingFor], when they meet a key that they do not know, and with [Vault.Reload].
//  2. keyring.File.Promote, when all have it: new records come under the new key.
//  3. [Vault.Rewrap], when all have heard of that: every record is sealed anew under it, with a new data key. Readers
//     and writers go on; a run that is cut off is run again. It ends when nothing is left,
//     which [Vault.Usage] proves.
//  4. keyring.File.Retire: records under the old key, from an old backup or a forger's hand,
//     are refused with [CodeKeyRetired]. Enable takes it back.
//  5. keyring.File.Remove, when no backup is left that needs it.
//
// [Vault.Check] tells what is left to do, and which records would not open.
//
// When a key has leaked, do all of it at once, rotate every credential at its far side, and
// set [Config.MinKey] to the new key: a record that somebody sealed with the leaked one is
// refused then, even by a program whose ring still has it.
//
// # What it does not do
//
// Who can write the table can delete a record, or put a whole row of an earlier day back
// with its version: the row is then what it was on that day. What is deleted or put back
// leaves a gap in the versions that an [AccessLog] shows. Who can read the memory of the
// program has what it opened.
//
// A secret is handed out as bytes, which print as they are; [Vault.Secret] hands it out as
// a [commerce.Secret], which prints as "[sealed]". Vault, Ring and Key print the ids of
// their keys.
//
// # Around it
//
// A [Guard] before the vault writes down who opened what into an [AccessLog], and asks the
// host before somebody does what can not be taken back; [As] says on whose behalf. A [Slot]
// keeps a credential that is rotated under running clients. Implementers of [Store] and
// [AccessStore] run the suites in vaulttest.
package vault
