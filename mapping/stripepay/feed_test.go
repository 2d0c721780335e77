package stripepay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestMissedWebhooksReachTheInboxOnceAndDeliveredOnesNever(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	far, err := stripetest.New(stripetest.Config{Now: clock})
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: far.Transport(), Now: clock})
	require.NoError(t, err)
	feed, err := client.Feed(stripe.FeedConfig{Account: "acct_fake", Mode: commerce.Test})
	require.NoError(t, err)
	store := inbox.NewMemory(inbox.MemoryConfig{Now: clock})
	in, err := inbox.New(store, inbox.Config{Feeds: []inbox.FeedConfig{{Name: "missed", Feed: stripepay.NewMissed(feed)}}})
	require.NoError(t, err)

	_, err = far.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
	require.NoError(t, err)
	delivered := len(far.Events())
	for d := range far.Deliveries(stripetest.DeliveryOptions{}) {
		far.Acknowledge(d.Event)
	}
	now = now.Add(time.Hour)
	_, err = far.Pay(stripetest.Purchase{Amount: 2000, Currency: "eur"})
	require.NoError(t, err)

	n, err := in.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, len(far.Events())-delivered, n)
	n, err = in.Poll(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "read again, and no news")
}

func TestACursorThatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	for _, err := range (stripepay.Missed{}).Changes(t.Context(), "yesterday") {
		require.ErrorIs(t, err, commerce.ErrInvalid)
		return
	}
	t.Fatal("nothing was yielded")
}
