package stripepay_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// vault hands out the secrets of the endpoints that there are.
type vault map[string]commerce.Secret

func (v vault) Current(context.Context) ([]commerce.Secret, error) {
	return slices.Collect(maps.Values(v)), nil
}

func (v vault) Rejected(context.Context, []commerce.Secret) error { return nil }

func TestNoEventIsRefusedLostOrDoubledWhileASecretIsRotated(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	far, err := stripetest.New(stripetest.Config{Now: clock})
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: far.Transport(), Now: clock})
	require.NoError(t, err)
	handlers := inbox.Handlers{"stripe charge.succeeded": {{Name: "count", Handle: func(context.Context, commerce.Event) error { return nil }}}}
	in, err := inbox.New(inbox.NewMemory(inbox.MemoryConfig{Now: clock}), inbox.Config{Now: clock, Handlers: handlers})
	require.NoError(t, err)

	endpoint := stripe.EndpointConfig{URL: "https://shop.example/hooks", Events: handlers.Types("stripe")}
	first, _, err := client.WebhookEndpoints.Ensure(t.Context(), endpoint)
	require.NoError(t, err)
	secrets := vault{first.ID: first.Secret}
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets, Now: clock})
	require.NoError(t, err)

	stored := map[string]int{}
	sell := func() (deliveries int) {
		_, err := far.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
		require.NoError(t, err)
		for _, to := range far.WebhookEndpoints() {
			for d := range far.Deliveries(stripetest.DeliveryOptions{Endpoint: to.ID}) {
				e, err := hook.Verify(t.Context(), d.Header, d.Body)
				require.NoError(t, err)
				got, err := in.Append(t.Context(), e)
				require.NoError(t, err)
				if !got[0].Duplicate {
					stored[e.Ref.ID]++
				}
				deliveries++
			}
		}
		for _, e := range far.Events() {
			far.Acknowledge(e.ID)
		}
		return deliveries
	}
	rotation := stripe.Rotation{Endpoint: endpoint, Age: time.Hour, Overlap: time.Hour,
		Store: func(_ context.Context, id string, secret commerce.Secret) error {
			secrets[id] = secret
			return nil
		}}
	var deliveries []int
	for range 4 {
		got, err := client.WebhookEndpoints.Rotate(t.Context(), rotation)
		require.NoError(t, err)
		if got.Old == nil {
			maps.DeleteFunc(secrets, func(id string, _ commerce.Secret) bool { return id != got.Endpoint.ID })
		}
		deliveries = append(deliveries, sell())
		now = now.Add(time.Hour)
	}
	require.Equal(t, []int{1, 2, 1, 2}, deliveries, "before, in the overlap, after, and in the next one")
	require.Len(t, stored, 4)
	for id, n := range stored {
		require.Equal(t, 1, n, id)
	}
}
