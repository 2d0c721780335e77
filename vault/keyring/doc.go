// Package keyring keeps the ring of a vault as a Tink keyset: in a file that it rotates,
// sealed by a key service or not, or wherever else the program has one.
//
//	file := keyring.File{Path: "/etc/shop/ring.json"} // made once, with file.Create(ctx)
//	v, err := vault.New(ctx, vault.Config{Store: db.Vault(), Ring: file.Load})
//
// With File.KEK, a key of a key service (AWS, Google Cloud, HashiCorp: Tink has a client for
// each), the file is sealed, and the service is asked once whenever it is loaded. Without,
// the file holds the keys as they are, and everybody who may read it has them: give it to
// the program alone, or put its text into an environment variable and use [Parse].
//
// [Of] takes a keyset that the program has loaded in Tink's own ways. A file can also be
// looked at and changed with Tink's own tool, tinkey.
//
// It is a package of its own so that a program without it does not link Tink and protocol
// buffers, 6 MB: neither vault nor sqlstore do.
package keyring
