package stripe_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

const day = 24 * time.Hour

// safe keeps secrets by endpoint, and fails as often as it is told to.
type safe struct {
	kept  map[string]string
	calls int
	fails int
}

func (s *safe) store(_ context.Context, id string, secret commerce.Secret) error {
	if s.calls++; s.fails > 0 {
		s.fails--
		return errors.New("the vault is closed")
	}
	if s.kept == nil {
		s.kept = map[string]string{}
	}
	s.kept[id] = secret.Reveal()
	return nil
}

func TestASecretIsRotatedWithAnOverlap(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	vault := &safe{}
	rotation := stripe.Rotation{Endpoint: wanted, Store: vault.store}
	rotate := func() stripe.Rotated {
		got, err := client.WebhookEndpoints.Rotate(t.Context(), rotation)
		require.NoError(t, err)
		_, drift, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
		require.NoError(t, err)
		require.True(t, drift.None(), "a rotation is no drift: %+v", drift)
		return got
	}
	first, _, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
	require.NoError(t, err)

	got := rotate()
	require.Equal(t, first.ID, got.Endpoint.ID)
	require.Equal(t, now.Now().Add(90*day), got.Due)
	require.Nil(t, got.Old)
	require.Len(t, fake.WebhookEndpoints(), 1, "it is not of age")

	now.Advance(91 * day)
	got = rotate()
	require.Equal(t, first.ID, got.Old.ID)
	require.NotEqual(t, first.ID, got.Endpoint.ID)
	require.Equal(t, now.Now().Add(3*day), got.Due)
	require.Len(t, vault.kept, 1)
	require.NotEmpty(t, vault.kept[got.Endpoint.ID])
	second := got.Endpoint.ID

	now.Advance(2 * day)
	got = rotate()
	require.Equal(t, second, got.Endpoint.ID)
	require.NotNil(t, got.Old)
	require.Equal(t, now.Now().Add(day), got.Due)
	require.Len(t, fake.WebhookEndpoints(), 2, "both deliver")
	for _, e := range fake.WebhookEndpoints() {
		require.Equal(t, "enabled", e.Status)
	}

	now.Advance(day)
	got = rotate()
	require.Nil(t, got.Old)
	require.Equal(t, second, fake.WebhookEndpoints()[0].ID)
	require.Len(t, fake.WebhookEndpoints(), 1)
	require.Equal(t, 1, vault.calls)
	require.Equal(t, second, rotate().Endpoint.ID)
	require.Equal(t, 1, vault.calls, "nothing is due")
}

func TestARotationGoesOnWhereItWasLeft(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		between  func(t *testing.T, fake *stripetest.Fake, wait func(time.Duration), old string)
		replaced bool // the endpoint that was made first is no more
	}{
		"at once":                              {func(*testing.T, *stripetest.Fake, func(time.Duration), string) {}, false},
		"when Stripe has forgotten the secret": {func(_ *testing.T, _ *stripetest.Fake, wait func(time.Duration), _ string) { wait(25 * time.Hour) }, true},
		"when the old endpoint was disabled": {func(t *testing.T, fake *stripetest.Fake, _ func(time.Duration), old string) {
			require.True(t, fake.DisableWebhook(old))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, client, now := start(t, stripetest.Config{})
			old, _, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
			require.NoError(t, err)
			vault := &safe{fails: 2}
			rotation := stripe.Rotation{Endpoint: wanted, Store: vault.store, Age: time.Hour, Overlap: time.Hour}
			now.Advance(2 * time.Hour)
			for range 2 {
				got, err := client.WebhookEndpoints.Rotate(t.Context(), rotation)
				require.ErrorContains(t, err, "vault")
				require.Equal(t, old.ID, got.Endpoint.ID, "its secret counts")
				require.Len(t, fake.WebhookEndpoints(), 2, "no third is made")
			}
			made := fake.WebhookEndpoints()[1].ID
			tc.between(t, fake, func(d time.Duration) { now.Advance(d) }, old.ID)

			got, err := client.WebhookEndpoints.Rotate(t.Context(), rotation)
			require.NoError(t, err)
			require.Equal(t, tc.replaced, made != got.Endpoint.ID)
			require.NotEmpty(t, vault.kept[got.Endpoint.ID])
			require.Len(t, fake.WebhookEndpoints(), 2)
			now.Advance(time.Hour)
			_, err = client.WebhookEndpoints.Rotate(t.Context(), rotation)
			require.NoError(t, err)
			require.Len(t, fake.WebhookEndpoints(), 1)
			require.Equal(t, got.Endpoint.ID, fake.WebhookEndpoints()[0].ID)
		})
	}
}

func TestALeakedSecretGoesAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	leaked, _, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
	require.NoError(t, err)
	vault := &safe{}
	for range 2 {
		got, err := client.WebhookEndpoints.Rotate(t.Context(), stripe.Rotation{Endpoint: wanted, Store: vault.store, Leaked: leaked.ID})
		require.NoError(t, err)
		require.Nil(t, got.Old)
		require.NotEqual(t, leaked.ID, got.Endpoint.ID)
	}
	require.Len(t, fake.WebhookEndpoints(), 1)
	require.Equal(t, 1, vault.calls)
}

func TestTheOldEndpointStaysWhileTheNewOneIsRefused(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	_, _, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
	require.NoError(t, err)
	rotation := stripe.Rotation{Endpoint: wanted, Store: (&safe{}).store, Age: time.Hour}
	now.Advance(time.Hour)
	got, err := client.WebhookEndpoints.Rotate(t.Context(), rotation)
	require.NoError(t, err)
	require.True(t, fake.DisableWebhook(got.Endpoint.ID), "Stripe does after days of failures")
	now.Advance(3 * day)
	_, err = client.WebhookEndpoints.Rotate(t.Context(), rotation)
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.Len(t, fake.WebhookEndpoints(), 2)
	_, drift, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
	require.NoError(t, err)
	require.True(t, drift.Disabled)
	_, err = client.WebhookEndpoints.Rotate(t.Context(), rotation)
	require.NoError(t, err)
	require.Len(t, fake.WebhookEndpoints(), 1)
}

func TestARotationBringsAnEndpointToAnotherVersion(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	old := wanted
	old.APIVersion = "2022-11-15"
	_, _, err := client.WebhookEndpoints.Ensure(t.Context(), old)
	require.NoError(t, err)
	got, err := client.WebhookEndpoints.Rotate(t.Context(), stripe.Rotation{Endpoint: wanted, Store: (&safe{}).store})
	require.NoError(t, err)
	require.Equal(t, stripe.APIVersion, got.Endpoint.APIVersion)
	require.Len(t, fake.WebhookEndpoints(), 2)
}

func TestARotationNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	_, client, _ := start(t, stripetest.Config{})
	store := (&safe{}).store
	for field, r := range map[string]stripe.Rotation{
		"Rotation.Store":       {Endpoint: wanted},
		"Rotation.Age":         {Endpoint: wanted, Store: store, Age: -1},
		"EndpointConfig.URL":   {Store: store},
		"there is no endpoint": {Endpoint: wanted, Store: store},
	} {
		_, err := client.WebhookEndpoints.Rotate(t.Context(), r)
		require.ErrorContains(t, err, field)
	}
}

// The signing secret is changed in steps, each safe to repeat: run it once a day.
func ExampleWebhookEndpointService_Rotate() {
	fake, client := exampleClient()
	config := stripe.EndpointConfig{URL: "https://shop.example/hooks", Events: []string{"charge.succeeded"}}
	first, _, err := client.WebhookEndpoints.Ensure(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	vault := map[string]commerce.Secret{first.ID: first.Secret} // yours is durable

	rotation := stripe.Rotation{Endpoint: config, Leaked: first.ID, // or nothing leaked, and it comes with age
		Store: func(_ context.Context, id string, secret commerce.Secret) error {
			vault[id] = secret
			return nil
		}}
	now, err := client.WebhookEndpoints.Rotate(context.Background(), rotation)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("secret known:", !vault[now.Endpoint.ID].Empty(), "endpoints:", len(fake.WebhookEndpoints()))
	// Output: secret known: true endpoints: 1
}

func TestASecretThatLeaksWhileItIsRotatedInIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	vault := &safe{}
	rotation := stripe.Rotation{Endpoint: wanted, Store: vault.store}
	first, _, err := client.WebhookEndpoints.Ensure(t.Context(), wanted)
	require.NoError(t, err)
	now.Advance(91 * day)
	second, err := client.WebhookEndpoints.Rotate(t.Context(), rotation)
	require.NoError(t, err)

	now.Advance(time.Hour)
	rotation.Leaked = second.Endpoint.ID
	vault.fails = 1
	_, err = client.WebhookEndpoints.Rotate(t.Context(), rotation)
	require.Error(t, err, "the vault is closed")
	third, err := client.WebhookEndpoints.Rotate(t.Context(), rotation)
	require.NoError(t, err)
	require.NotEqual(t, second.Endpoint.ID, third.Endpoint.ID)
	require.Equal(t, first.ID, third.Old.ID, "the old one delivers on")
	require.NotEmpty(t, vault.kept[third.Endpoint.ID])
	var ids []string
	for _, e := range fake.WebhookEndpoints() {
		ids = append(ids, e.ID)
	}
	require.ElementsMatch(t, []string{first.ID, third.Endpoint.ID}, ids)

	again, err := client.WebhookEndpoints.Rotate(t.Context(), rotation)
	require.NoError(t, err)
	require.Equal(t, third.Endpoint.ID, again.Endpoint.ID)
	now.Advance(4 * day)
	done, err := client.WebhookEndpoints.Rotate(t.Context(), rotation)
	require.NoError(t, err)
	require.Nil(t, done.Old)
	require.Len(t, fake.WebhookEndpoints(), 1)
}
