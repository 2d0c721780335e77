package magento_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/resilience"
)

// saying is a client of a shop that gives one answer to whatever is written, and to
// whatever is read.
func saying(t *testing.T, written, read string) *magento.Client {
	t.Helper()
	return newClient(t, magento.Config{Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("b")}),
		Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}},
		roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return reply(r, read), nil
			}
			return reply(r, written), nil
		}))
}

func TestA200ThatIsNoWholeListIsNotTheEndOfOne(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"null":                         `null`,
		"an empty object":              `{}`,
		"an error":                     `{"message":"Something went wrong"}`,
		"rows without a count":         `{"items":[{"entity_id":1,"id":1,"updated_at":"2026-11-21 09:00:00"}]}`,
		"no rows beside a count":       `{"items":[],"total_count":3}`,
		"rows of null beside a count":  `{"items":null,"total_count":3}`,
		"a count that is null":         `{"items":[],"total_count":null}`,
		"another answer with the rows": `{"items":[],"search_criteria":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, ctx := saying(t, "", body), t.Context()
			for what, err := range map[string]error{
				"orders":       last(c.Orders.List(ctx, magento.ListParams{})),
				"transactions": last(c.Transactions.List(ctx, magento.ListParams{})),
				"source items": last(c.Stock.AllSourceItems(ctx)),
				"by number":    second(c.Orders.FindByIncrementID(ctx, "000000001", 0)),
				"credit memo":  second(c.CreditMemos.Find(ctx, 1, "re_1")),
				"comments":     second(c.Orders.Comments(ctx, 1)),
			} {
				require.Error(t, err, what)
				require.NotErrorIs(t, err, commerce.ErrNotFound, "%s: it may be there", what)
			}
		})
	}
}

func last[T any](rows func(func(T, error) bool)) (err error) {
	for _, err = range rows {
	}
	return err
}

func second[T any](_ T, err error) error { return err }

func TestA200ThatSaysNothingOfWhatWasDoneIsUnknown(t *testing.T) {
	t.Parallel()
	const order = `{"entity_id":1,"state":"processing","status":"processing","base_total_paid":5,"items":[{"item_id":1,"qty_ordered":1,"qty_invoiced":1}]}`
	row := []magento.ItemQty{{OrderItemID: 1, Qty: "1"}}
	for _, body := range []string{`null`, `""`, `0`, `[]`, `{}`, `{"message":"Something went wrong"}`} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			c, ctx := saying(t, body, order), t.Context()
			for what, write := range map[string]func(context.Context) error{
				"invoice": func(ctx context.Context) error {
					return second(c.Orders.Invoice(ctx, 1, magento.InvoiceParams{}))
				},
				"ship": func(ctx context.Context) error { return second(c.Orders.Ship(ctx, 1, magento.ShipParams{Items: row})) },
				"refund": func(ctx context.Context) error {
					return second(c.Orders.Refund(ctx, 1, magento.RefundParams{Items: row, BaseShipping: "0"}))
				},
				"number": func(ctx context.Context) error { return c.Orders.SetExtOrderID(ctx, 1, "SO-1") },
			} {
				err := write(ctx)
				var e *commerce.Error
				require.ErrorAs(t, err, &e, what)
				require.Equal(t, commerce.Unknown, e.Outcome, what)
			}
		})
	}
}

func TestACommentThatTheShopDidNotTakeIsAnError(t *testing.T) {
	t.Parallel()
	c := saying(t, `false`, `{"entity_id":1,"state":"new","status":"pending"}`)
	err := c.Orders.Comment(t.Context(), 1, magento.Comment{Text: "packed"})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.True(t, commerce.SafeToRetry(err))
}
