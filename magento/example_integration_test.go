package magento_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/vault"
)

func ExampleIntegration() {
	ctx := context.Background()
	shop, err := magentotest.New(magentotest.Config{}) // in place of a shop
	if err != nil {
		log.Fatal(err)
	}
	ring, err := vault.FreshRing()
	if err != nil {
		log.Fatal(err)
	}
	safe, err := vault.New(ctx, vault.Config{Store: &vault.Memory{}, Ring: vault.Fixed(ring)})
	if err != nil {
		log.Fatal(err)
	}
	acme := commerce.Ref{Tenant: "acme", System: "magento", Account: "shop", Mode: commerce.Live}
	slot, err := vault.NewSlot(vault.SlotConfig[magento.Keys]{Keeper: safe, Owner: acme, Name: "integration"})
	if err != nil {
		log.Fatal(err)
	}
	var room *magento.Integration
	host := httptest.NewUnstartedServer(nil)
	callback := "http://" + host.Listener.Addr().String()
	room, err = magento.NewIntegration(magento.IntegrationConfig{CallbackURL: callback, States: safe,
		Handshake: magento.Handshake{Transport: shop.Transport()},
		Put: func(ctx context.Context, _ commerce.Ref, keys magento.Keys) error {
			return slot.Put(ctx, keys, time.Time{}) // a later one waits for Switch
		},
		Notify: func(_ context.Context, n oauth.Notice) error {
			fmt.Println(n.Kind, n.Connection, n.Actor)
			return nil
		}})
	if err != nil {
		log.Fatal(err)
	}
	host.Config.Handler = room.Callback()
	host.Start()

	// The shop's admin puts the address into a new integration, and activates it.
	address, err := room.Address(ctx, acme, "https://shop.example", "user-17")
	if err != nil {
		log.Fatal(err)
	}
	if err := shop.ActivateAt(ctx, host.Client(), address, "https://shop.example"); err != nil {
		log.Fatal(err)
	}
	host.Close() // waits for the exchange

	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: slot, Transport: shop.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Ping(ctx))
	// Output:
	// connected acme/magento/shop/live/ user-17
	// <nil>
}
