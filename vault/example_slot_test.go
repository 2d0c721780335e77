package vault_test

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// A key is rotated while a client uses it: the client asks the slot for each attempt.
func ExampleSlot() {
	ctx := context.Background()
	keeper := exampleVault()
	takes := map[string]bool{"sk_old": true, "sk_new": true} // what the far side takes
	slot, err := vault.NewSlot(vault.SlotConfig[commerce.Secret]{
		Keeper: keeper,
		Owner:  commerce.Ref{Tenant: "t1", System: "stripe", Account: "acct_1", Mode: commerce.Test},
		Name:   "api_key",
		Verify: func(_ context.Context, key commerce.Secret) error { // mostly: a client's Ping
			if !takes[key.Reveal()] {
				return commerce.ErrAuth
			}
			return nil
		},
		Notify: func(_ context.Context, n vault.Notice) { fmt.Println(n.Kind, n.Serial) },
	})
	if err != nil {
		panic(err)
	}
	if err := slot.Put(ctx, commerce.NewSecret("sk_old"), time.Time{}); err != nil {
		panic(err)
	}
	// stripe.NewClient(stripe.Config{Credentials: slot, …}) works with it from here on.

	if err := slot.Put(ctx, commerce.NewSecret("sk_new"), time.Time{}); err != nil {
		panic(err)
	}
	if err := slot.Switch(ctx); err != nil {
		panic(err)
	}
	takes["sk_new"] = false // somebody revokes it, and a client meets a 401
	if err := slot.Rejected(ctx, commerce.NewSecret("sk_new")); err != nil {
		panic(err)
	}
	key, err := slot.Current(ctx)
	fmt.Println(key, key == commerce.NewSecret("sk_old"), err)
	// Output:
	// rotation_planned 2
	// rotation_switched 2
	// rotation_rolled_back 1
	// [sealed] true <nil>
}

// A guard writes down who opens what, and asks the host before a person sees a secret.
func ExampleGuard() {
	ctx := context.Background()
	keeper := exampleVault()
	log, err := vault.NewAccessLog(ctx, keeper, &vault.AccessMemory{}, vault.AccessConfig{})
	if err != nil {
		panic(err)
	}
	guard, err := vault.NewGuard(keeper, vault.GuardConfig{Log: log,
		Authorize: func(_ context.Context, actor string, _ vault.Action) error {
			if actor != "user 1" {
				return vault.NeedSecondFactor()
			}
			return nil
		}})
	if err != nil {
		panic(err)
	}
	owner := commerce.Ref{System: "magento", Account: "shop", Mode: commerce.Live}
	_, _ = guard.Seal(vault.As(ctx, "user 1", "connect"), owner, "login", []byte("secret"), 0)
	_, _, _ = guard.Open(vault.As(ctx, "worker", "invoice order 7"), owner, "login")
	_, err = guard.Display(vault.As(ctx, "user 2", "curious"), owner, "login")
	fmt.Println(err)

	for line, err := range log.Lines(ctx, nil) {
		fmt.Println(line.Seq, line.Actor, "|", line.Purpose, "|", line.Verb, line.Outcome, err)
	}
	head, err := log.Verify(ctx)
	fmt.Println(head.Seq, err)
	// Output:
	// vault: authorize: second_factor this needs a second factor
	// 1 user 1 | connect | seal ok <nil>
	// 2 worker | invoice order 7 | open ok <nil>
	// 3 user 2 | curious | display forbidden <nil>
	// 3 <nil>
}
