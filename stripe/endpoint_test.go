package stripe_test

import (
	"context"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

var wanted = stripe.EndpointConfig{URL: "https://shop.example/hooks", Events: []string{"refund.created", "charge.succeeded"}}

func TestAnEndpointIsMadeKeptAndRepaired(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	ctx := t.Context()
	_, drift, err := client.WebhookEndpoints.Check(ctx, wanted)
	require.NoError(t, err)
	require.True(t, drift.Missing)
	require.Empty(t, fake.WebhookEndpoints(), "a check changes nothing")

	made, drift, err := client.WebhookEndpoints.Ensure(ctx, wanted)
	require.NoError(t, err)
	require.True(t, drift.Missing)
	require.False(t, made.Secret.Empty())
	require.Equal(t, stripe.APIVersion, made.APIVersion)

	same, drift, err := client.WebhookEndpoints.Ensure(ctx, wanted)
	require.NoError(t, err)
	require.True(t, drift.None())
	require.Equal(t, made.ID, same.ID)
	require.True(t, same.Secret.Empty())

	require.True(t, fake.DisableWebhook(made.ID))
	params := &stripe.WebhookEndpointParams{EnabledEvents: []*string{new("charge.succeeded"), new("balance.available")}}
	params.SetIdempotencyKey("somebody")
	_, err = client.WebhookEndpoints.Update(ctx, made.ID, params)
	require.NoError(t, err)
	_, drift, err = client.WebhookEndpoints.Ensure(ctx, wanted)
	require.NoError(t, err)
	require.Equal(t, stripe.Drift{Disabled: true, Lacking: []string{"refund.created"}, Surplus: []string{"balance.available"}}, drift)
	_, drift, err = client.WebhookEndpoints.Check(ctx, wanted)
	require.NoError(t, err)
	require.True(t, drift.None())
	require.Len(t, fake.WebhookEndpoints(), 1)
}

func TestWhatFeedsTellIsNotAskedOfStripe(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	c := wanted
	c.Events = append([]string{"payout.changed", "balance.day", "balance.movement"}, wanted.Events...)
	_, _, err := client.WebhookEndpoints.Ensure(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, []string{"charge.succeeded", "refund.created"}, fake.WebhookEndpoints()[0].EnabledEvents)
	_, drift, err := client.WebhookEndpoints.Check(t.Context(), c)
	require.NoError(t, err)
	require.True(t, drift.None())
	c.Events = c.Events[:3]
	_, _, err = client.WebhookEndpoints.Ensure(t.Context(), c)
	require.ErrorContains(t, err, "EndpointConfig.Events")
	params := &stripe.WebhookEndpointParams{URL: &c.URL, EnabledEvents: []*string{new("balance.day")}}
	params.SetIdempotencyKey("by hand")
	_, err = client.WebhookEndpoints.Create(t.Context(), params)
	require.ErrorIs(t, err, commerce.ErrInvalid, "control: Stripe has no such type")
}

func TestAnEndpointThatWasDeletedIsMadeAnewAndNotReplayed(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	first, _, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
	require.NoError(t, err)
	key := &stripe.DeleteParams{}
	key.SetIdempotencyKey("d")
	require.NoError(t, client.WebhookEndpoints.Delete(t.Context(), first.ID, key))
	require.Empty(t, fake.WebhookEndpoints())
	second, _, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, second.ID, fake.WebhookEndpoints()[0].ID)
}

func TestDriftThatCanNotBeRepairedIsReported(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	ctx := t.Context()
	create := func(key, version string, connect bool) string {
		params := &stripe.WebhookEndpointParams{URL: &wanted.URL}
		for _, e := range wanted.Events {
			params.EnabledEvents = append(params.EnabledEvents, &e)
		}
		if version != "" {
			params.APIVersion = &version
		}
		if connect {
			params.Connect = &connect
			params.AddMetadata("connect", "true")
		}
		params.SetIdempotencyKey(key)
		e, err := client.WebhookEndpoints.Create(ctx, params)
		require.NoError(t, err)
		return e.ID
	}
	create("connect", stripe.APIVersion, true)
	_, drift, err := client.WebhookEndpoints.Check(ctx, wanted)
	require.NoError(t, err)
	require.True(t, drift.Missing, "a Connect endpoint is not the account's own")

	old := create("old", "", false)
	got, drift, err := client.WebhookEndpoints.Check(ctx, wanted)
	require.NoError(t, err)
	require.Equal(t, old, got.ID)
	require.Equal(t, stripe.Drift{Version: "account default"}, drift)

	pinned := create("pinned", stripe.APIVersion, false)
	got, drift, err = client.WebhookEndpoints.Ensure(ctx, wanted)
	require.NoError(t, err)
	require.Equal(t, pinned, got.ID)
	require.Equal(t, stripe.Drift{Twins: []string{old}}, drift)
	require.Len(t, fake.WebhookEndpoints(), 3, "nothing is deleted")
}

func TestAnEndpointConfigNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	for field, config := range map[string]stripe.EndpointConfig{
		"EndpointConfig.URL":    {URL: "http://shop.example", Events: []string{"x"}},
		"EndpointConfig.Events": {URL: wanted.URL},
		"must name the events":  {URL: wanted.URL, Events: []string{"*"}},
	} {
		_, _, err := client.WebhookEndpoints.Ensure(t.Context(), config)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
	require.Empty(t, fake.Calls())
}

// A program sets its endpoint up at every start; the second time there is nothing to do.
func ExampleWebhookEndpointService_Ensure() {
	_, client := exampleClient()
	config := stripe.EndpointConfig{URL: "https://shop.example/hooks", Events: []string{"charge.succeeded", "refund.created"}}
	for range 2 {
		endpoint, drift, err := client.WebhookEndpoints.Ensure(context.Background(), config)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(endpoint.APIVersion, "made:", drift.Missing, "secret to store:", !endpoint.Secret.Empty())
	}
	// Output:
	// 2023-10-16 made: true secret to store: true
	// 2023-10-16 made: false secret to store: false
}

func TestAnEndpointThatBreaksTwiceTheSameWayIsRepairedTwice(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	made, _, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
	require.NoError(t, err)
	for range 2 {
		now.Advance(time.Minute)
		require.True(t, fake.DisableWebhook(made.ID))
		_, drift, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
		require.NoError(t, err)
		require.True(t, drift.Disabled)
		require.Equal(t, "enabled", fake.WebhookEndpoints()[0].Status)
	}
}
