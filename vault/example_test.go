package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/testing/fakekms"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/keyring"
)

func Example() {
	ctx := context.Background()
	ring, err := vault.FreshRing() // a program loads one with package keyring
	if err != nil {
		panic(err)
	}
	store := &vault.Memory{} // a program takes Vault() of its sqlstore.DB
	v, err := vault.New(ctx, vault.Config{Store: store, Ring: vault.Fixed(ring)})
	if err != nil {
		panic(err)
	}
	owner := commerce.Ref{Tenant: "acme", System: "stripe", Account: "acct_1", Mode: commerce.Live}
	version, err := v.Seal(ctx, owner, "api_key", []byte("sk_live_1"), 0)
	fmt.Println(version, err)

	secret, version, err := v.Secret(ctx, owner, "api_key")
	fmt.Println(secret, secret.Reveal(), version, err)

	// Another tenant does not get it, not even from a row that was moved.
	other := owner
	other.Tenant = "evil"
	row, _ := store.Get(ctx, owner, "api_key")
	row.Owner = other
	_ = store.Put(ctx, row, 0)
	_, _, err = v.Open(ctx, other, "api_key")
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// [sealed] sk_live_1 1 <nil>
	// vault: open api_key of evil/stripe/acct_1/live/: record_moved the record was sealed for another owner or name; look at who writes the table, and put the record back from a backup, or enter the credential anew
}

func ExampleVault_Seal() {
	ctx := context.Background()
	v := exampleVault()
	owner := commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Live}
	first, _ := v.Seal(ctx, owner, "refresh_token", []byte("rt_1"), 0)
	// Two refresh at once; who comes second opens what the first one stored.
	_, err := v.Seal(ctx, owner, "refresh_token", []byte("rt_2"), first)
	fmt.Println(err)
	_, err = v.Seal(ctx, owner, "refresh_token", []byte("rt_3"), first)
	fmt.Println(errors.Is(err, commerce.ErrConflict))
	// Output:
	// <nil>
	// true
}

func ExampleVault_Rewrap() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := keyring.File{Path: filepath.Join(dir, "ring.json")}
	_ = file.Create(ctx)
	v, err := vault.New(ctx, vault.Config{Store: &vault.Memory{}, Ring: file.Load})
	if err != nil {
		panic(err)
	}
	owner := commerce.Ref{System: "magento", Account: "shop", Mode: commerce.Live}
	for i := range 1000 {
		_, _ = v.Seal(ctx, owner.With(fmt.Sprint(i)), "api_key", []byte("secret"), 0)
	}
	old, _ := file.Load(ctx)
	fresh, _ := file.Add(ctx)
	fmt.Println(file.Promote(ctx, fresh))
	fmt.Println(errors.Is(file.Retire(ctx, v, old.Primary()), commerce.ErrConflict), "records are under it")
	done, err := v.Rewrap(ctx, vault.RewrapConfig{})
	fmt.Println(done.Done, err)
	fmt.Println(file.Retire(ctx, v, old.Primary()))
	// Output:
	// <nil>
	// true records are under it
	// 1000 <nil>
	// <nil>
}

func ExampleAs() {
	ctx := context.Background()
	v := exampleVault()
	var store vault.AccessMemory
	log, err := vault.NewAccessLog(ctx, v, &store, vault.AccessConfig{})
	if err != nil {
		panic(err)
	}
	guard, err := vault.NewGuard(v, vault.GuardConfig{Log: log})
	if err != nil {
		panic(err)
	}
	owner := commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Live}
	ctx = vault.As(ctx, "worker", "refund re_1")
	_, _, _ = guard.Open(ctx, owner, "api_key")
	for line := range log.Lines(ctx, nil) {
		fmt.Println(line.Actor, line.Purpose, line.Verb, line.Name, line.Outcome)
	}
	// Output:
	// worker refund re_1 open api_key not_found
}

func exampleVault() *vault.Vault {
	ring, err := vault.FreshRing()
	if err != nil {
		panic(err)
	}
	v, err := vault.New(context.Background(), vault.Config{Store: &vault.Memory{}, Ring: vault.Fixed(ring)})
	if err != nil {
		panic(err)
	}
	return v
}

func ExampleNewRing() {
	ctx := context.Background()
	held := keyService() // a key that never leaves it
	ring, err := vault.NewRing("projects/shop/keys/2",
		vault.Key{ID: "projects/shop/keys/1", Retired: true},
		vault.Key{ID: "projects/shop/keys/2", AEAD: held})
	fmt.Println(ring, err)
	v, err := vault.New(ctx, vault.Config{Store: &vault.Memory{}, Ring: vault.Fixed(ring)})
	fmt.Println(v, err)
	// Output:
	// projects/shop/keys/1 (retired), projects/shop/keys/2 (primary) <nil>
	// vault with keys projects/shop/keys/1 (retired), projects/shop/keys/2 (primary) <nil>
}

func ExampleVault_Check() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := keyring.File{Path: filepath.Join(dir, "ring.json")}
	_ = file.Create(ctx)
	v, err := vault.New(ctx, vault.Config{Store: &vault.Memory{}, Ring: file.Load})
	if err != nil {
		panic(err)
	}
	owner := commerce.Ref{System: "tryton", Account: "books", Mode: commerce.Live}
	_, _ = v.Seal(ctx, owner, "login", []byte("secret"), 0)
	fresh, _ := file.Add(ctx)
	_ = file.Promote(ctx, fresh)
	for _, f := range v.Check(ctx) {
		fmt.Println(f.Severity, f.Code, f.Mend)
	}
	// Output:
	// notice rewrap_due run Rewrap
}

// keyService stands for a key service's key.
func keyService() tink.AEADWithContext {
	uri, err := fakekms.NewKeyURI()
	if err != nil {
		panic(err)
	}
	key, err := fakekms.NewAEADWithContext(uri)
	if err != nil {
		panic(err)
	}
	return key
}
