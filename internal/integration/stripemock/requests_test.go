package stripemock

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/workflow"
)

// handler is stripe-mock with the strict version check: a request in another API
// version than the document's is refused. It keeps no state, and takes a second to make.
var handler = sync.OnceValues(func() (http.Handler, error) {
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, err
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	stub, err := server.NewStubServer(fixtures, spec, true, false)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", stub.HandleRequest)
	return &server.DoubleSlashFixHandler{Mux: mux}, nil
})

// start serves stripe-mock and returns a client of it.
func start(t *testing.T) *stripe.Client {
	t.Helper()
	h, err := handler()
	require.NoError(t, err)
	mock := httptest.NewServer(h)
	t.Cleanup(mock.Close)
	client, err := stripe.NewClient(stripe.Config{
		Credentials: commerce.Static(commerce.NewSecret("sk_test_123")), BaseURL: mock.URL, Transport: mock.Client().Transport,
	})
	require.NoError(t, err)
	return client
}

func keyed[P interface{ SetIdempotencyKey(string) }](p P) P {
	p.SetIdempotencyKey("key")
	return p
}

// one is a call that answers with an object, which must have been read.
func one[T any](v *T, err error) error {
	if err == nil && reflect.ValueOf(v).Elem().IsZero() {
		return commerce.Errorf(commerce.KindInternal, "test", "read", "the answer is empty")
	}
	return err
}

// each reads a list to its end.
func each[T any](list iter.Seq2[T, error]) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

func refs(texts ...string) (out []*string) {
	for _, t := range texts {
		out = append(out, &t)
	}
	return out
}

var (
	page    = stripego.ListParams{Limit: new(int64(3)), StartingAfter: new("x_1")}
	since   = &stripego.RangeQueryParams{GreaterThanOrEqual: 1, LesserThan: 9}
	tags    = map[string]string{"order": "17"}
	lineIDs = []*string{new("line_1")}
)

// requests has every method of every service, with the parameters that it can carry:
// all of our own params, and the usual ones of stripe-go's.
var requests = map[string]func(context.Context, *stripe.Client) error{
	"AccountLinks.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.AccountLinks.Create(ctx, keyed(&stripe.AccountLinkParams{Account: new("acct_1"), Type: new("account_onboarding"),
			RefreshURL: new("https://shop.example/again"), ReturnURL: new("https://shop.example/done")})))
	},
	"Accounts.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Accounts.Create(ctx, keyed(&stripe.AccountParams{Type: new("express"), Country: new("DE"), Email: new("owner@shop.example"),
			BusinessType: new("company"), BusinessProfile: &stripego.AccountBusinessProfileParams{URL: new("https://shop.example")},
			Capabilities:    &stripego.AccountCapabilitiesParams{Transfers: &stripego.AccountCapabilitiesTransfersParams{Requested: new(true)}},
			DefaultCurrency: new("eur"), Metadata: tags,
			Settings: &stripego.AccountSettingsParams{Payouts: &stripego.AccountSettingsPayoutsParams{DebitNegativeBalances: new(true)}}})))
	},
	"Accounts.Delete": func(ctx context.Context, c *stripe.Client) error {
		return c.Accounts.Delete(ctx, "acct_1", keyed(&stripe.DeleteParams{}))
	},
	"Accounts.Get":  func(ctx context.Context, c *stripe.Client) error { return one(c.Accounts.Get(ctx, "acct_1")) },
	"Accounts.List": func(ctx context.Context, c *stripe.Client) error { return each(c.Accounts.List(ctx, nil)) },
	"Accounts.LoginLink": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Accounts.LoginLink(ctx, "acct_1", keyed(&stripe.LoginLinkParams{})))
	},
	"Accounts.Own": func(ctx context.Context, c *stripe.Client) error { return one(c.Accounts.Own(ctx)) },
	"Accounts.Reject": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Accounts.Reject(ctx, "acct_1", keyed(&stripe.AccountRejectParams{Reason: new("fraud")})))
	},
	"Accounts.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Accounts.Update(ctx, "acct_1", keyed(&stripe.AccountParams{Metadata: tags})))
	},
	"ApplicationFees.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.ApplicationFees.Get(ctx, "fee_1", "balance_transaction"))
	},
	"ApplicationFees.GetRefund": func(ctx context.Context, c *stripe.Client) error {
		return one(c.ApplicationFees.GetRefund(ctx, "fee_1", "fr_1"))
	},
	"ApplicationFees.UpdateRefund": func(ctx context.Context, c *stripe.Client) error {
		return one(c.ApplicationFees.UpdateRefund(ctx, "fee_1", "fr_1", keyed(&stripe.FeeRefundParams{Metadata: tags})))
	},
	"ApplicationFees.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.ApplicationFees.List(ctx, &stripe.ApplicationFeeListParams{ListParams: page, Charge: new("ch_1"), CreatedRange: since}))
	},
	"ApplicationFees.Refund": func(ctx context.Context, c *stripe.Client) error {
		return one(c.ApplicationFees.Refund(ctx, "fee_1", keyed(&stripe.FeeRefundParams{Amount: new(int64(1)), Metadata: tags})))
	},
	"ApplicationFees.Refunds": func(ctx context.Context, c *stripe.Client) error {
		return each(c.ApplicationFees.Refunds(ctx, "fee_1", nil))
	},
	"Balance.Get": func(ctx context.Context, c *stripe.Client) error { return one(c.Balance.Get(ctx)) },
	"BalanceTransactions.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.BalanceTransactions.Get(ctx, "txn_1", "source"))
	},
	"BalanceTransactions.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.BalanceTransactions.List(ctx, &stripe.BalanceTransactionListParams{ListParams: page, Payout: new("po_1"),
			Type: new("charge"), Currency: new("eur"), CreatedRange: since, Expand: refs("data.source")}))
	},
	"Charges.Capture": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Charges.Capture(ctx, "ch_1", keyed(&stripe.ChargeCaptureParams{Amount: new(int64(5)), ApplicationFeeAmount: new(int64(1)),
			ReceiptEmail: new("a@shop.example"), StatementDescriptor: new("TULIPS"), StatementDescriptorSuffix: new("17"), TransferGroup: new("17")})))
	},
	"Charges.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Charges.Update(ctx, "ch_1", keyed(&stripe.ChargeParams{Customer: new("cus_1"), Description: new("tulips"), Metadata: tags,
			FraudDetails: &stripego.ChargeFraudDetailsParams{UserReport: new("safe")}, ReceiptEmail: new("a@shop.example"), TransferGroup: new("17")})))
	},
	"Charges.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Charges.Get(ctx, "ch_1", "balance_transaction", "refunds"))
	},
	"Charges.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Charges.List(ctx, &stripe.ChargeListParams{ListParams: page, PaymentIntent: new("pi_1"), Customer: new("cus_1"), CreatedRange: since}))
	},
	"Charges.Search": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Charges.Search(ctx, "metadata['order']:'17'", "balance_transaction"))
	},
	"CheckoutSessions.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CheckoutSessions.Create(ctx, keyed(&stripe.CheckoutSessionParams{Mode: new("payment"),
			LineItems: []*stripe.CheckoutSessionLineItem{
				{Price: new("price_1"), Quantity: new(int64(1))},
				{Quantity: new(int64(2)), PriceData: &stripe.CheckoutSessionPrice{Currency: new("eur"), UnitAmount: new(int64(5)),
					ProductData: &stripe.CheckoutSessionProduct{Name: new("Tulip")}}}},
			SuccessURL: new("https://shop.example/done"), CancelURL: new("https://shop.example/back"), ClientReferenceID: new("17"),
			Customer: new("cus_1"), CustomerEmail: new("buyer@shop.example"), ExpiresAt: new(int64(1)), Locale: new("de"), Metadata: tags,
			PaymentIntentData:  &stripe.CheckoutSessionPaymentIntent{Metadata: tags, CaptureMethod: new("manual")},
			PaymentMethodTypes: refs("card")})))
	},
	"CheckoutSessions.Create subscription": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CheckoutSessions.Create(ctx, keyed(&stripe.CheckoutSessionParams{Mode: new("subscription"), UIMode: new("embedded"),
			ReturnURL: new("https://shop.example/done"), Currency: new("eur"), AllowPromotionCodes: new(true),
			LineItems: []*stripe.CheckoutSessionLineItem{{Quantity: new(int64(1)), PriceData: &stripe.CheckoutSessionPrice{Currency: new("eur"), UnitAmount: new(int64(5)),
				ProductData: &stripe.CheckoutSessionProduct{Name: new("Tulips")}, TaxBehavior: new("inclusive"),
				Recurring: &stripe.CheckoutSessionRecurring{Interval: new("month"), IntervalCount: new(int64(1))}}}},
			SubscriptionData: &stripe.CheckoutSessionSubscription{Description: new("tulips"), Metadata: tags, OnBehalfOf: new("acct_1"),
				ProrationBehavior: new("none"), TrialEnd: new(int64(9)), TrialPeriodDays: new(int64(7))},
			AutomaticTax: &stripego.CheckoutSessionAutomaticTaxParams{Enabled: new(true)}, BillingAddressCollection: new("required"),
			TaxIDCollection: &stripego.CheckoutSessionTaxIDCollectionParams{Enabled: new(true)}})))
	},
	"CheckoutSessions.Create setup": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CheckoutSessions.Create(ctx, keyed(&stripe.CheckoutSessionParams{Mode: new("setup"), SuccessURL: new("https://shop.example/done"),
			SetupIntentData: &stripego.CheckoutSessionSetupIntentDataParams{Metadata: tags}, CustomerCreation: new("always")})))
	},
	"CheckoutSessions.Create shipped": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CheckoutSessions.Create(ctx, keyed(&stripe.CheckoutSessionParams{Mode: new("payment"), SuccessURL: new("https://shop.example/done"),
			LineItems: []*stripe.CheckoutSessionLineItem{{Price: new("price_1"), Quantity: new(int64(1))}}, SubmitType: new("pay"),
			ShippingAddressCollection: &stripego.CheckoutSessionShippingAddressCollectionParams{AllowedCountries: refs("DE")},
			ShippingOptions:           []*stripego.CheckoutSessionShippingOptionParams{{ShippingRate: new("shr_1")}},
			Discounts:                 []*stripego.CheckoutSessionDiscountParams{{Coupon: new("co_1")}},
			InvoiceCreation:           &stripego.CheckoutSessionInvoiceCreationParams{Enabled: new(true)}})))
	},
	"CheckoutSessions.Expire": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CheckoutSessions.Expire(ctx, "cs_1", keyed(&stripe.CheckoutSessionExpireParams{})))
	},
	"CheckoutSessions.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CheckoutSessions.Get(ctx, "cs_1", "payment_intent"))
	},
	"CheckoutSessions.Lines": func(ctx context.Context, c *stripe.Client) error {
		return each(c.CheckoutSessions.Lines(ctx, "cs_1", nil))
	},
	"CheckoutSessions.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.CheckoutSessions.List(ctx, &stripe.CheckoutSessionListParams{ListParams: page, PaymentIntent: new("pi_1")}))
	},
	"CreditNotes.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CreditNotes.Create(ctx, keyed(&stripe.CreditNoteParams{Invoice: new("in_1"), Amount: new(int64(5)), CreditAmount: new(int64(1)),
			RefundAmount: new(int64(2)), OutOfBandAmount: new(int64(2)), Refund: new("re_1"), EffectiveAt: new(int64(1)),
			Lines: []*stripe.CreditNoteLineParams{
				{Type: new("invoice_line_item"), InvoiceLineItem: lineIDs[0], Amount: new(int64(3)), Quantity: new(int64(1))},
				{Type: new("custom_line_item"), Description: new("kindness"), Quantity: new(int64(1)), UnitAmount: new(int64(2)), TaxRates: refs("txr_1")}},
			Memo: new("sorry"), Metadata: tags, Reason: new("order_change")})))
	},
	"CreditNotes.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CreditNotes.Get(ctx, "cn_1", "invoice"))
	},
	"CreditNotes.Lines": func(ctx context.Context, c *stripe.Client) error { return each(c.CreditNotes.Lines(ctx, "cn_1", nil)) },
	"CreditNotes.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.CreditNotes.List(ctx, &stripe.CreditNoteListParams{ListParams: page, Invoice: new("in_1")}))
	},
	"CreditNotes.Preview": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CreditNotes.Preview(ctx, &stripe.CreditNoteParams{Invoice: new("in_1"), Amount: new(int64(5)), Reason: new("order_change")}))
	},
	"CreditNotes.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CreditNotes.Update(ctx, "cn_1", keyed(&stripe.CreditNoteParams{Memo: new("sorry"), Metadata: tags})))
	},
	"CreditNotes.Void": func(ctx context.Context, c *stripe.Client) error {
		return one(c.CreditNotes.Void(ctx, "cn_1", keyed(&stripe.CreditNoteVoidParams{})))
	},
	"Customers.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Customers.Create(ctx, keyed(&stripe.CustomerParams{Name: new("A"), Email: new("a@shop.example"), Metadata: tags,
			Address: &stripego.AddressParams{Country: new("DE")}, TaxExempt: new("reverse")})))
	},
	"Customers.Delete": func(ctx context.Context, c *stripe.Client) error {
		return c.Customers.Delete(ctx, "cus_1", keyed(&stripe.DeleteParams{}))
	},
	"Customers.Get": func(ctx context.Context, c *stripe.Client) error { return one(c.Customers.Get(ctx, "cus_1")) },
	"Customers.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Customers.List(ctx, &stripe.CustomerListParams{ListParams: page, Email: new("a@shop.example"), CreatedRange: since}))
	},
	"Customers.PaymentMethods": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Customers.PaymentMethods(ctx, "cus_1", &stripe.CustomerListPaymentMethodsParams{Type: new("card")}))
	},
	"Customers.Search": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Customers.Search(ctx, "email:'a@shop.example'"))
	},
	"Customers.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Customers.Update(ctx, "cus_1", keyed(&stripe.CustomerParams{Metadata: tags})))
	},
	"Disputes.Close": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Disputes.Close(ctx, "dp_1", keyed(&stripe.DisputeParams{})))
	},
	"Disputes.Get": func(ctx context.Context, c *stripe.Client) error { return one(c.Disputes.Get(ctx, "dp_1", "charge")) },
	"Disputes.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Disputes.List(ctx, &stripe.DisputeListParams{ListParams: page, Charge: new("ch_1"), PaymentIntent: new("pi_1"), CreatedRange: since}))
	},
	"Disputes.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Disputes.Update(ctx, "dp_1", keyed(&stripe.DisputeParams{Submit: new(false), Metadata: tags,
			Evidence: &stripego.DisputeEvidenceParams{ShippingTrackingNumber: new("1Z"), ProductDescription: new("Tulip")}})))
	},
	"EarlyFraudWarnings.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.EarlyFraudWarnings.Get(ctx, "issfr_1", "charge"))
	},
	"EarlyFraudWarnings.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.EarlyFraudWarnings.List(ctx, &stripe.EarlyFraudWarningListParams{ListParams: page, Charge: new("ch_1")}))
	},
	"Events.Decode": func(ctx context.Context, c *stripe.Client) error {
		for kind, parent := range map[string]string{"bank_account": "account", "fee_refund": "fee", "transfer_reversal": "transfer", "balance": "x"} {
			e, err := c.Events.Decode(ctx, fmt.Appendf(nil, `{"id":"evt_1","type":"x","created":1,"livemode":true,"data":{"object":{"object":%q,"id":"x_1",%q:"x_2"}}}`, kind, parent))
			if err != nil {
				return err
			}
			if e.Object == nil {
				return commerce.Errorf(commerce.KindInternal, "test", "decode", "no %s", kind)
			}
		}
		return nil
	},
	"Events.Get": func(ctx context.Context, c *stripe.Client) error { return one(c.Events.Get(ctx, "evt_1")) },
	"Events.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Events.List(ctx, &stripe.EventListParams{ListParams: page, Types: refs("charge.succeeded", "refund.created"),
			DeliverySuccess: new(false), CreatedRange: since}))
	},
	"Events.Mend": func(ctx context.Context, c *stripe.Client) error {
		for _, kind := range []string{"account", "application_fee", "balance_transaction", "charge", "checkout.session", "credit_note",
			"customer", "dispute", "invoice", "invoiceitem", "payment_intent", "payment_link", "payment_method", "payout", "price", "product", "radar.early_fraud_warning",
			"refund", "reporting.report_run", "review", "setup_intent", "subscription", "tax.transaction", "topup", "transfer"} {
			e := &stripe.Event{ID: "evt_1", ObjectType: kind, ObjectID: "x_1"}
			if err := c.Events.Mend(ctx, e); err != nil {
				return err
			}
			if e.Object == nil {
				return commerce.Errorf(commerce.KindInternal, "test", "mend", "no %s", kind)
			}
		}
		return nil
	},
	"ExternalAccounts.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.ExternalAccounts.Create(ctx, "acct_1", keyed(&stripe.ExternalAccountParams{ExternalAccount: new("btok_1"), DefaultForCurrency: new(true), Metadata: tags})))
	},
	"ExternalAccounts.Delete": func(ctx context.Context, c *stripe.Client) error {
		return c.ExternalAccounts.Delete(ctx, "acct_1", "ba_1", keyed(&stripe.DeleteParams{}))
	},
	"ExternalAccounts.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.ExternalAccounts.Get(ctx, "acct_1", "ba_1"))
	},
	"ExternalAccounts.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.ExternalAccounts.List(ctx, "acct_1", &stripe.ExternalAccountListParams{ListParams: page, Object: new("bank_account")}))
	},
	"ExternalAccounts.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.ExternalAccounts.Update(ctx, "acct_1", "ba_1", keyed(&stripe.ExternalAccountParams{AccountHolderName: new("A"), DefaultForCurrency: new(true), Metadata: tags})))
	},
	"InvoiceItems.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.InvoiceItems.Create(ctx, keyed(&stripe.InvoiceItemParams{Customer: new("cus_1"), Invoice: new("in_1"), Subscription: new("sub_1"),
			UnitAmount: new(int64(5)), Quantity: new(int64(2)), Currency: new("eur"), Description: new("tulips"), Discountable: new(true), Metadata: tags,
			Period: &stripego.InvoiceItemPeriodParams{Start: new(int64(1)), End: new(int64(2))}, TaxBehavior: new("exclusive"), TaxCode: new("txcd_1"), TaxRates: refs("txr_1")})))
	},
	"InvoiceItems.Create of a fraction of a cent": func(ctx context.Context, c *stripe.Client) error {
		return one(c.InvoiceItems.Create(ctx, keyed(&stripe.InvoiceItemParams{Customer: new("cus_1"), UnitAmountDecimal: new("0.5"), Currency: new("eur")})))
	},
	"InvoiceItems.Delete": func(ctx context.Context, c *stripe.Client) error {
		return c.InvoiceItems.Delete(ctx, "ii_1", keyed(&stripe.DeleteParams{}))
	},
	"InvoiceItems.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.InvoiceItems.Get(ctx, "ii_1", "invoice"))
	},
	"InvoiceItems.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.InvoiceItems.List(ctx, &stripe.InvoiceItemListParams{ListParams: page, Customer: new("cus_1"), Pending: new(true), CreatedRange: since}))
	},
	"InvoiceItems.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.InvoiceItems.Update(ctx, "ii_1", keyed(&stripe.InvoiceItemParams{Amount: new(int64(7)), Price: new("price_1")})))
	},
	"Invoices.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Invoices.Create(ctx, keyed(&stripe.InvoiceParams{Customer: new("cus_1"), Currency: new("eur"), AutoAdvance: new(false), Metadata: tags})))
	},
	"Invoices.Delete": func(ctx context.Context, c *stripe.Client) error {
		return c.Invoices.Delete(ctx, "in_1", keyed(&stripe.DeleteParams{}))
	},
	"Invoices.Finalize": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Invoices.Finalize(ctx, "in_1", keyed(&stripe.InvoiceFinalizeParams{AutoAdvance: new(false)})))
	},
	"Invoices.Get":   func(ctx context.Context, c *stripe.Client) error { return one(c.Invoices.Get(ctx, "in_1", "customer")) },
	"Invoices.Lines": func(ctx context.Context, c *stripe.Client) error { return each(c.Invoices.Lines(ctx, "in_1", nil)) },
	"Invoices.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Invoices.List(ctx, &stripe.InvoiceListParams{ListParams: page, Subscription: new("sub_1"), Status: new("open"), CreatedRange: since}))
	},
	"Invoices.MarkUncollectible": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Invoices.MarkUncollectible(ctx, "in_1", keyed(&stripe.InvoiceMarkUncollectibleParams{})))
	},
	"Invoices.Pay": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Invoices.Pay(ctx, "in_1", keyed(&stripe.InvoicePayParams{PaidOutOfBand: new(true)})))
	},
	"Invoices.Search": func(ctx context.Context, c *stripe.Client) error { return each(c.Invoices.Search(ctx, "total>100")) },
	"Invoices.Send": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Invoices.Send(ctx, "in_1", keyed(&stripe.InvoiceSendParams{})))
	},
	"Invoices.Upcoming": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Invoices.Upcoming(ctx, &stripe.InvoiceUpcomingParams{Customer: new("cus_1"), Subscription: new("sub_1"), Currency: new("eur"), Coupon: new("co_1"),
			SubscriptionItems:             []*stripe.SubscriptionItemParams{{ID: new("si_1"), Quantity: new(int64(2))}},
			SubscriptionCancelAtPeriodEnd: new(false), SubscriptionProrationBehavior: new("none"), SubscriptionProrationDate: new(int64(9))}))
	},
	"Invoices.UpdateLine": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Invoices.UpdateLine(ctx, "in_1", "il_1", keyed(&stripe.InvoiceLineParams{Amount: new(int64(5)), Description: new("tulips"),
			Discountable: new(false), Metadata: tags, Price: new("price_1"), Quantity: new(int64(1)), TaxRates: refs("txr_1")})))
	},
	"Invoices.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Invoices.Update(ctx, "in_1", keyed(&stripe.InvoiceParams{Metadata: tags})))
	},
	"Invoices.Void": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Invoices.Void(ctx, "in_1", keyed(&stripe.InvoiceVoidParams{})))
	},
	"PaymentIntents.ApplyCustomerBalance": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentIntents.ApplyCustomerBalance(ctx, "pi_1", keyed(&stripe.PaymentIntentApplyBalanceParams{Amount: new(int64(5)), Currency: new("eur")})))
	},
	"PaymentIntents.IncrementAuthorization": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentIntents.IncrementAuthorization(ctx, "pi_1", keyed(&stripe.PaymentIntentIncrementParams{Amount: new(int64(9)), Metadata: tags})))
	},
	"PaymentIntents.VerifyMicrodeposits": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentIntents.VerifyMicrodeposits(ctx, "pi_1", keyed(&stripe.PaymentIntentVerifyMicrodepositsParams{Amounts: []*int64{new(int64(32)), new(int64(45))}})))
	},
	"PaymentIntents.Cancel": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentIntents.Cancel(ctx, "pi_1", keyed(&stripe.PaymentIntentCancelParams{CancellationReason: new("abandoned")})))
	},
	"PaymentIntents.Capture": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentIntents.Capture(ctx, "pi_1", keyed(&stripe.PaymentIntentCaptureParams{AmountToCapture: new(int64(5))})))
	},
	"PaymentIntents.Confirm": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentIntents.Confirm(ctx, "pi_1", keyed(&stripe.PaymentIntentConfirmParams{PaymentMethod: new("pm_1")})))
	},
	"PaymentIntents.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentIntents.Create(ctx, keyed(&stripe.PaymentIntentParams{Amount: new(int64(5)), Currency: new("eur"), Customer: new("cus_1"),
			CaptureMethod: new("manual"), PaymentMethod: new("pm_1"), PaymentMethodTypes: refs("card"), Metadata: tags,
			TransferData: &stripego.PaymentIntentTransferDataParams{Destination: new("acct_1")}, ApplicationFeeAmount: new(int64(1))})))
	},
	"PaymentIntents.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentIntents.Get(ctx, "pi_1", "latest_charge.balance_transaction"))
	},
	"PaymentIntents.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.PaymentIntents.List(ctx, &stripe.PaymentIntentListParams{ListParams: page, Customer: new("cus_1"), CreatedRange: since}))
	},
	"PaymentIntents.Search": func(ctx context.Context, c *stripe.Client) error {
		return each(c.PaymentIntents.Search(ctx, "metadata['order']:'17'"))
	},
	"PaymentIntents.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentIntents.Update(ctx, "pi_1", keyed(&stripe.PaymentIntentParams{Metadata: tags})))
	},
	"PaymentLinks.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentLinks.Create(ctx, keyed(&stripe.PaymentLinkParams{
			LineItems:            []*stripego.PaymentLinkLineItemParams{{Price: new("price_1"), Quantity: new(int64(1))}},
			AfterCompletion:      &stripego.PaymentLinkAfterCompletionParams{Type: new("redirect"), Redirect: &stripego.PaymentLinkAfterCompletionRedirectParams{URL: new("https://shop.example")}},
			ApplicationFeeAmount: new(int64(1)), Currency: new("eur"), CustomerCreation: new("always"), InactiveMessage: new("gone"),
			Metadata: tags, OnBehalfOf: new("acct_1"), PaymentIntentData: &stripego.PaymentLinkPaymentIntentDataParams{Metadata: tags},
			PaymentMethodTypes: refs("card"),
			Restrictions:       &stripego.PaymentLinkRestrictionsParams{CompletedSessions: &stripego.PaymentLinkRestrictionsCompletedSessionsParams{Limit: new(int64(1))}}})))
	},
	"PaymentLinks.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentLinks.Get(ctx, "plink_1", "line_items"))
	},
	"PaymentLinks.Lines": func(ctx context.Context, c *stripe.Client) error {
		return each(c.PaymentLinks.Lines(ctx, "plink_1", nil))
	},
	"PaymentLinks.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.PaymentLinks.List(ctx, &stripe.PaymentLinkListParams{ListParams: page, Active: new(true)}))
	},
	"PaymentLinks.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentLinks.Update(ctx, "plink_1", keyed(&stripe.PaymentLinkParams{Active: new(false)})))
	},
	"PaymentMethods.Attach": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentMethods.Attach(ctx, "pm_1", keyed(&stripe.PaymentMethodAttachParams{Customer: new("cus_1")})))
	},
	"PaymentMethods.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentMethods.Create(ctx, keyed(&stripe.PaymentMethodParams{Type: new("sepa_debit"),
			SEPADebit:      &stripego.PaymentMethodSEPADebitParams{IBAN: new("DE89370400440532013000")},
			BillingDetails: &stripego.PaymentMethodBillingDetailsParams{Email: new("a@shop.example")}})))
	},
	"PaymentMethods.Detach": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentMethods.Detach(ctx, "pm_1", keyed(&stripe.PaymentMethodDetachParams{})))
	},
	"PaymentMethods.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentMethods.Get(ctx, "pm_1", "customer"))
	},
	"PaymentMethods.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.PaymentMethods.List(ctx, &stripe.PaymentMethodListParams{ListParams: page, Type: new("card"), Customer: new("cus_1")}))
	},
	"PaymentMethods.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.PaymentMethods.Update(ctx, "pm_1", keyed(&stripe.PaymentMethodParams{Metadata: tags})))
	},
	"Payouts.Cancel": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Payouts.Cancel(ctx, "po_1", keyed(&stripe.PayoutParams{})))
	},
	"Payouts.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Payouts.Create(ctx, keyed(&stripe.PayoutParams{Amount: new(int64(5)), Currency: new("eur"), Method: new("instant"), Metadata: tags})))
	},
	"Payouts.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Payouts.Get(ctx, "po_1", "balance_transaction"))
	},
	"Payouts.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Payouts.List(ctx, &stripe.PayoutListParams{ListParams: page, Status: new("paid"), CreatedRange: since, ArrivalDateRange: since}))
	},
	"Payouts.Reverse": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Payouts.Reverse(ctx, "po_1", keyed(&stripe.PayoutReverseParams{Metadata: tags})))
	},
	"Payouts.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Payouts.Update(ctx, "po_1", keyed(&stripe.PayoutParams{Metadata: tags})))
	},
	"Prices.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Prices.Create(ctx, keyed(&stripe.PriceParams{Active: new(true), Currency: new("eur"), Product: new("prod_1"), UnitAmount: new(int64(5)),
			LookupKey: new("tulips"), TransferLookupKey: new(true), Metadata: tags, Nickname: new("n"), TaxBehavior: new("inclusive"),
			Recurring: &stripego.PriceRecurringParams{Interval: new("month"), IntervalCount: new(int64(1))}})))
	},
	"Prices.Create with its product": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Prices.Create(ctx, keyed(&stripe.PriceParams{Currency: new("eur"), UnitAmountDecimal: new("0.5"), ProductData: &stripe.CheckoutSessionProduct{Name: new("Tulip")}})))
	},
	"Prices.Get": func(ctx context.Context, c *stripe.Client) error { return one(c.Prices.Get(ctx, "price_1", "product")) },
	"Prices.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Prices.List(ctx, &stripe.PriceListParams{ListParams: page, LookupKeys: refs("tulips"), Active: new(true), CreatedRange: since}))
	},
	"Prices.Search": func(ctx context.Context, c *stripe.Client) error { return each(c.Prices.Search(ctx, "active:'true'")) },
	"Prices.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Prices.Update(ctx, "price_1", keyed(&stripe.PriceParams{Active: new(false)})))
	},
	"Products.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Products.Create(ctx, keyed(&stripe.ProductParams{ID: new("tulip-red"), Active: new(true), Name: new("Tulip"), Description: new("red"),
			Images: refs("https://shop.example/t.png"), Metadata: tags, Shippable: new(true), StatementDescriptor: new("TULIPS"), TaxCode: new("txcd_1"),
			UnitLabel: new("bunch"), URL: new("https://shop.example/t")})))
	},
	"Products.Delete": func(ctx context.Context, c *stripe.Client) error {
		return c.Products.Delete(ctx, "prod_1", keyed(&stripe.DeleteParams{}))
	},
	"Products.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Products.Get(ctx, "prod_1", "default_price"))
	},
	"Products.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Products.List(ctx, &stripe.ProductListParams{ListParams: page, Active: new(true), CreatedRange: since}))
	},
	"Products.Search": func(ctx context.Context, c *stripe.Client) error { return each(c.Products.Search(ctx, "name~'tulip'")) },
	"Products.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Products.Update(ctx, "prod_1", keyed(&stripe.ProductParams{Active: new(false), DefaultPrice: new("price_1")})))
	},
	"Refunds.Cancel": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Refunds.Cancel(ctx, "re_1", keyed(&stripe.RefundCancelParams{})))
	},
	"Refunds.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Refunds.Create(ctx, keyed(&stripe.RefundParams{PaymentIntent: new("pi_1"), Amount: new(int64(1)), Reason: new("requested_by_customer"), Metadata: tags})))
	},
	"Refunds.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Refunds.Get(ctx, "re_1", "balance_transaction"))
	},
	"Refunds.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Refunds.List(ctx, &stripe.RefundListParams{ListParams: page, Charge: new("ch_1"), PaymentIntent: new("pi_1"), CreatedRange: since}))
	},
	"Refunds.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Refunds.Update(ctx, "re_1", keyed(&stripe.RefundParams{Metadata: tags})))
	},
	"Reports.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Reports.Create(ctx, keyed(&stripe.ReportRunParams{ReportType: new("payout_reconciliation.itemized.5"),
			Parameters: &stripe.ReportRunParametersParams{IntervalStart: new(int64(1)), IntervalEnd: new(int64(9)), Timezone: new("Etc/UTC"),
				Columns: refs("balance_transaction_id", "net"), Currency: new("eur"), Payout: new("po_1"), ReportingCategory: new("charge"), ConnectedAccount: new("acct_1")}})))
	},
	"Reports.Get":  func(ctx context.Context, c *stripe.Client) error { return one(c.Reports.Get(ctx, "frr_1")) },
	"Reports.List": func(ctx context.Context, c *stripe.Client) error { return each(c.Reports.List(ctx, nil)) },
	"Reports.Type": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Reports.Type(ctx, "payout_reconciliation.itemized.5"))
	},
	"Reports.Types": func(ctx context.Context, c *stripe.Client) error {
		_, err := c.Reports.Types(ctx)
		return err
	},
	"Reviews.Approve": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Reviews.Approve(ctx, "prv_1", keyed(&stripe.ReviewApproveParams{})))
	},
	"Reviews.Get": func(ctx context.Context, c *stripe.Client) error { return one(c.Reviews.Get(ctx, "prv_1", "charge")) },
	"Reviews.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Reviews.List(ctx, &stripe.ReviewListParams{ListParams: page, CreatedRange: since}))
	},
	"SetupIntents.Cancel": func(ctx context.Context, c *stripe.Client) error {
		return one(c.SetupIntents.Cancel(ctx, "seti_1", keyed(&stripe.SetupIntentCancelParams{})))
	},
	"SetupIntents.Confirm": func(ctx context.Context, c *stripe.Client) error {
		return one(c.SetupIntents.Confirm(ctx, "seti_1", keyed(&stripe.SetupIntentConfirmParams{PaymentMethod: new("pm_1")})))
	},
	"SetupIntents.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.SetupIntents.Create(ctx, keyed(&stripe.SetupIntentParams{Customer: new("cus_1"), Usage: new("off_session"), PaymentMethodTypes: refs("card"), Metadata: tags})))
	},
	"SetupIntents.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.SetupIntents.Get(ctx, "seti_1", "customer"))
	},
	"SetupIntents.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.SetupIntents.List(ctx, &stripe.SetupIntentListParams{ListParams: page, Customer: new("cus_1")}))
	},
	"SetupIntents.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.SetupIntents.Update(ctx, "seti_1", keyed(&stripe.SetupIntentParams{Metadata: tags})))
	},
	"SetupIntents.VerifyMicrodeposits": func(ctx context.Context, c *stripe.Client) error {
		return one(c.SetupIntents.VerifyMicrodeposits(ctx, "seti_1", keyed(&stripe.SetupIntentVerifyMicrodepositsParams{DescriptorCode: new("SM11AA")})))
	},
	"Subscriptions.Cancel": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Subscriptions.Cancel(ctx, "sub_1", keyed(&stripe.SubscriptionCancelParams{InvoiceNow: new(true), Prorate: new(true)})))
	},
	"Subscriptions.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Subscriptions.Create(ctx, keyed(&stripe.SubscriptionParams{Customer: new("cus_1"), Currency: new("eur"),
			Items:            []*stripe.SubscriptionItemParams{{Price: new("price_1"), Quantity: new(int64(1)), TaxRates: refs("txr_1"), Metadata: tags}},
			CollectionMethod: new("send_invoice"), DaysUntilDue: new(int64(14)), DefaultPaymentMethod: new("pm_1"), BackdateStartDate: new(int64(1)),
			BillingCycleAnchor: new(int64(2)), CancelAt: new(int64(3)), CancelAtPeriodEnd: new(false), Coupon: new("co_1"), Description: new("tulips"),
			Metadata: tags, OffSession: new(true), OnBehalfOf: new("acct_1"), PaymentBehavior: new("allow_incomplete"), PromotionCode: new("promo_1"),
			ProrationBehavior: new("none"), TrialEnd: new(int64(5)), TrialPeriodDays: new(int64(7)),
			TrialSettings: &stripego.SubscriptionTrialSettingsParams{EndBehavior: &stripego.SubscriptionTrialSettingsEndBehaviorParams{MissingPaymentMethod: new("cancel")}}})))
	},
	"Subscriptions.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Subscriptions.Get(ctx, "sub_1", "latest_invoice"))
	},
	"Subscriptions.Items": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Subscriptions.Items(ctx, "sub_1", nil))
	},
	"Subscriptions.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Subscriptions.List(ctx, &stripe.SubscriptionListParams{ListParams: page, Status: new("all"), Customer: new("cus_1"), CreatedRange: since}))
	},
	"Subscriptions.Resume": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Subscriptions.Resume(ctx, "sub_1", keyed(&stripe.SubscriptionResumeParams{BillingCycleAnchor: new("now")})))
	},
	"Subscriptions.Search": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Subscriptions.Search(ctx, "status:'active'"))
	},
	"Subscriptions.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Subscriptions.Update(ctx, "sub_1", keyed(&stripe.SubscriptionParams{
			Items:           []*stripe.SubscriptionItemParams{{ID: new("si_1"), Deleted: new(true)}},
			PauseCollection: &stripego.SubscriptionPauseCollectionParams{Behavior: new("void")}})))
	},
	"TaxCalculations.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.TaxCalculations.Create(ctx, keyed(&stripe.TaxCalculationParams{Currency: new("eur"), TaxDate: new(int64(1)), Expand: refs("line_items"),
			CustomerDetails: &stripego.TaxCalculationCustomerDetailsParams{AddressSource: new("shipping"), Address: &stripego.AddressParams{Country: new("DE")}},
			LineItems:       []*stripego.TaxCalculationLineItemParams{{Amount: new(int64(100)), Reference: new("a"), TaxBehavior: new("exclusive"), TaxCode: new("txcd_1"), Quantity: new(int64(1))}},
			ShippingCost:    &stripego.TaxCalculationShippingCostParams{Amount: new(int64(5)), TaxBehavior: new("exclusive")}})))
	},
	"TaxCalculations.Lines": func(ctx context.Context, c *stripe.Client) error {
		return each(c.TaxCalculations.Lines(ctx, "taxcalc_1", nil))
	},
	"TaxTransactions.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.TaxTransactions.Create(ctx, keyed(&stripe.TaxTransactionCreateParams{Calculation: new("taxcalc_1"), Reference: new("17"), Metadata: tags})))
	},
	"TaxTransactions.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.TaxTransactions.Get(ctx, "tax_1", "line_items"))
	},
	"TaxTransactions.Lines": func(ctx context.Context, c *stripe.Client) error {
		return each(c.TaxTransactions.Lines(ctx, "tax_1", nil))
	},
	"TaxTransactions.Reverse": func(ctx context.Context, c *stripe.Client) error {
		return one(c.TaxTransactions.Reverse(ctx, keyed(&stripe.TaxTransactionReverseParams{Mode: new("partial"), OriginalTransaction: new("tax_1"),
			Reference: new("17-1"), FlatAmount: new(int64(-5)), Metadata: tags})))
	},
	"TopUps.Cancel": func(ctx context.Context, c *stripe.Client) error {
		return one(c.TopUps.Cancel(ctx, "tu_1", keyed(&stripe.TopUpParams{})))
	},
	"TopUps.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.TopUps.Create(ctx, keyed(&stripe.TopUpParams{Amount: new(int64(5)), Currency: new("eur"), Description: new("d"), StatementDescriptor: new("TULIPS"),
			TransferGroup: new("17"), Metadata: tags})))
	},
	"TopUps.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.TopUps.Get(ctx, "tu_1", "balance_transaction"))
	},
	"TopUps.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.TopUps.List(ctx, &stripe.TopUpListParams{ListParams: page, Status: new("pending"), CreatedRange: since}))
	},
	"TopUps.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.TopUps.Update(ctx, "tu_1", keyed(&stripe.TopUpParams{Description: new("d"), Metadata: tags})))
	},
	"Transfers.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Transfers.Create(ctx, keyed(&stripe.TransferParams{Amount: new(int64(5)), Currency: new("eur"), Destination: new("acct_1"),
			SourceTransaction: new("ch_1"), TransferGroup: new("17"), Metadata: tags})))
	},
	"Transfers.Get": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Transfers.Get(ctx, "tr_1", "balance_transaction"))
	},
	"Transfers.GetReversal": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Transfers.GetReversal(ctx, "tr_1", "trr_1"))
	},
	"Transfers.UpdateReversal": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Transfers.UpdateReversal(ctx, "tr_1", "trr_1", keyed(&stripe.TransferReversalParams{Metadata: tags})))
	},
	"Transfers.List": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Transfers.List(ctx, &stripe.TransferListParams{ListParams: page, Destination: new("acct_1"), TransferGroup: new("17"), CreatedRange: since}))
	},
	"Transfers.Reversals": func(ctx context.Context, c *stripe.Client) error {
		return each(c.Transfers.Reversals(ctx, "tr_1", nil))
	},
	"Transfers.Reverse": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Transfers.Reverse(ctx, "tr_1", keyed(&stripe.TransferReversalParams{Amount: new(int64(1)), RefundApplicationFee: new(true), Metadata: tags})))
	},
	"Transfers.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.Transfers.Update(ctx, "tr_1", keyed(&stripe.TransferParams{Metadata: tags})))
	},
	"WebhookEndpoints.Check": func(ctx context.Context, c *stripe.Client) error {
		_, _, err := c.WebhookEndpoints.Check(ctx, stripe.EndpointConfig{URL: "https://shop.example/hooks", Events: []string{"charge.succeeded"}})
		return err
	},
	"WebhookEndpoints.Ensure": func(ctx context.Context, c *stripe.Client) error {
		for _, config := range []stripe.EndpointConfig{ // one that is made, and the mock's own, which is repaired
			{URL: "https://shop.example/hooks", Events: []string{"charge.succeeded"}, Connect: true, Description: "books"},
			{URL: "https://example.com/my/webhook/endpoint", Events: []string{"refund.created"}, Description: "books"},
		} {
			if _, _, err := c.WebhookEndpoints.Ensure(ctx, config); err != nil {
				return err
			}
		}
		return nil
	},
	"WebhookEndpoints.Rotate": func(ctx context.Context, c *stripe.Client) error {
		store := func(context.Context, string, commerce.Secret) error { return nil }
		_, err := c.WebhookEndpoints.Rotate(ctx, stripe.Rotation{Store: store, // the mock's own endpoint
			Endpoint: stripe.EndpointConfig{URL: "https://example.com/my/webhook/endpoint", Events: []string{"charge.succeeded"}}})
		return err
	},
	"WebhookEndpoints.Create": func(ctx context.Context, c *stripe.Client) error {
		return one(c.WebhookEndpoints.Create(ctx, keyed(&stripe.WebhookEndpointParams{URL: new("https://shop.example/hooks"), Connect: new(true),
			APIVersion: new(stripe.APIVersion), EnabledEvents: refs("charge.succeeded", "refund.created"), Description: new("books"), Metadata: tags})))
	},
	"WebhookEndpoints.Delete": func(ctx context.Context, c *stripe.Client) error {
		return c.WebhookEndpoints.Delete(ctx, "we_1", keyed(&stripe.DeleteParams{}))
	},
	"WebhookEndpoints.Get":  func(ctx context.Context, c *stripe.Client) error { return one(c.WebhookEndpoints.Get(ctx, "we_1")) },
	"WebhookEndpoints.List": func(ctx context.Context, c *stripe.Client) error { return each(c.WebhookEndpoints.List(ctx, nil)) },
	"WebhookEndpoints.Update": func(ctx context.Context, c *stripe.Client) error {
		return one(c.WebhookEndpoints.Update(ctx, "we_1", keyed(&stripe.WebhookEndpointParams{Disabled: new(true), EnabledEvents: refs("*")})))
	},
}

// apart are methods that send nothing to the API, and why.
var apart = map[string]string{
	"Reports.Download": "reads a file at another host, which the document does not have",
}

func TestEveryRequestOfTheClientIsAcceptedAndEveryAnswerRead(t *testing.T) {
	client := start(t)
	for name, send := range requests {
		t.Run(name, func(t *testing.T) { require.NoError(t, send(t.Context(), client)) })
	}
	t.Run("Ping", func(t *testing.T) { require.NoError(t, client.Ping(t.Context())) })
}

func TestNoMethodOfTheClientIsLeftOut(t *testing.T) {
	var methods []string
	for _, service := range reflect.VisibleFields(reflect.TypeFor[stripe.Client]()) {
		if !service.IsExported() {
			continue
		}
		for i := range service.Type.NumMethod() {
			name := service.Name + "." + service.Type.Method(i).Name
			if apart[name] == "" {
				methods = append(methods, name)
			}
		}
	}
	var sent []string // a method may be sent with several sets of parameters
	for name := range requests {
		sent = append(sent, strings.Fields(name)[0])
	}
	slices.Sort(sent)
	require.ElementsMatch(t, methods, slices.Compact(sent))
}

// The types that the workflows handle are what an endpoint is asked to deliver, and
// Stripe knows them all.
func TestTheEventsThatTheWorkflowsNeedAreKnownToStripe(t *testing.T) {
	events := inbox.Merge((&workflow.OrderToCash{}).Handlers(), (&workflow.PaymentFailed{}).Handlers()).Types("stripe")
	require.Contains(t, events, "charge.updated", "fees come with it")
	require.NotContains(t, events, "order.payment", "of our own")
	_, _, err := start(t).WebhookEndpoints.Ensure(t.Context(), stripe.EndpointConfig{URL: "https://shop.example/hooks", Events: events})
	require.NoError(t, err)
	_, _, err = start(t).WebhookEndpoints.Ensure(t.Context(), stripe.EndpointConfig{URL: "https://shop.example/hooks", Events: append(events, "order.payment")})
	require.ErrorIs(t, err, commerce.ErrInvalid, "so that acceptance means something")
}

// A parameter that the document does not know is refused, so acceptance means something.
func TestAnUnknownParameterAndAnotherVersionAreRefused(t *testing.T) {
	client := start(t)
	params := keyed(&stripe.RefundParams{PaymentIntent: new("pi_1")})
	params.AddExtra("tulips", "many")
	_, err := client.Refunds.Create(t.Context(), params)
	require.ErrorIs(t, err, commerce.ErrInvalid)

	params = keyed(&stripe.RefundParams{PaymentIntent: new("pi_1")})
	params.Headers = http.Header{"Stripe-Version": {"2022-11-15"}}
	_, err = client.Refunds.Create(t.Context(), params)
	require.ErrorIs(t, err, commerce.ErrInvalid)
}
