package stripe_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestTheFeedBringsWhatNoWebhookBroughtOldestFirst(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	began := now.Now()
	for range 10 {
		_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
		require.NoError(t, err)
		now.Advance(7 * time.Hour)
	}
	events := fake.Events()
	var missing []string
	for i, e := range events {
		if i%3 == 0 {
			missing = append(missing, e.ID)
		} else {
			fake.Acknowledge(e.ID)
		}
	}
	read := func(c stripe.FeedConfig, since time.Time) (out []string) {
		feed, err := client.Feed(c)
		require.NoError(t, err)
		for e, err := range feed.Changes(t.Context(), since) {
			require.NoError(t, err)
			require.Equal(t, commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: e.Ref.ID}, e.Ref)
			require.NotEmpty(t, e.Subject)
			out = append(out, e.Ref.ID)
		}
		return out
	}
	require.Equal(t, missing, read(stripe.FeedConfig{Account: "acct_1"}, began))
	require.Equal(t, missing, read(stripe.FeedConfig{Account: "acct_1"}, time.Time{}), "thirty days back at most")
	require.Equal(t, missing[5:], read(stripe.FeedConfig{Account: "acct_1"}, began.Add(29*time.Hour)))
	require.Equal(t, missing, read(stripe.FeedConfig{Account: "acct_1", MaxEvents: 2}, began), "a window that is too full is made smaller")
	require.Len(t, read(stripe.FeedConfig{Account: "acct_1", All: true}, began), 30)
	require.Len(t, read(stripe.FeedConfig{Account: "acct_1", All: true, Types: []string{"charge.succeeded"}}, began), 10)
}

func TestABurstDoesNotMakeTheFeedSlowForGood(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	began := now.Now()
	for range 8 {
		_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
		require.NoError(t, err)
		now.Advance(time.Second)
	}
	now.Advance(time.Hour)
	feed, err := client.Feed(stripe.FeedConfig{MaxEvents: 3})
	require.NoError(t, err)
	n := 0
	for _, err := range feed.Changes(t.Context(), began) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 24, n)
	require.Less(t, len(fake.Calls()), 100, "a quiet hour is not read second by second")
}

func TestASecondWithMoreEventsThanTheBoundIsALimit(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
	require.NoError(t, err)
	feed, err := client.Feed(stripe.FeedConfig{MaxEvents: 2})
	require.NoError(t, err)
	var last error
	for _, err := range feed.Changes(t.Context(), now.Now().Add(-time.Hour)) {
		last = err
	}
	require.ErrorIs(t, last, commerce.ErrLimit)
	require.ErrorContains(t, last, "MaxEvents")
}

func TestFeedNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	_, client, _ := start(t, stripetest.Config{})
	_, err := client.Feed(stripe.FeedConfig{Types: strings.Split(strings.Repeat("x,", 20), ",")})
	require.ErrorContains(t, err, "Types")
	_, err = client.Feed(stripe.FeedConfig{MaxEvents: -1})
	require.ErrorContains(t, err, "MaxEvents")
}

func TestEventsAreReadOneByOneAndListed(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{APIVersion: stripetest.Newest})
	_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
	require.NoError(t, err)
	want := fake.Events()
	n := len(want)
	for e, err := range client.Events.List(t.Context(), nil) {
		require.NoError(t, err)
		n--
		require.Equal(t, want[n].ID, e.ID)
		require.Equal(t, stripetest.Newest, e.APIVersion)
		one, err := client.Events.Get(t.Context(), e.ID)
		require.NoError(t, err)
		require.Equal(t, e.Type, one.Type)
	}
	require.Zero(t, n)
}
