package magento_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
)

// unitedStates is enough of a country to look a region up.
const unitedStates = `{"id":"US","available_regions":[{"id":"43","code":"NY","name":"New York"},{"id":"57","code":"TX","name":"Texas"}]}`

func replayCustomers(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	ctx, rec := t.Context(), w.rec
	w.lenient = strings.Contains(rec.Request.Query, "fields=")
	w.reads["/directory/countries/US"] = unitedStates
	w.reads["/directory/countries/GB"] = `{"id":"GB"}`
	switch {
	case rec.Request.Method == http.MethodGet && strings.HasPrefix(w.path, "/customerGroups"):
		got, err := c.Customers.Groups(ctx)
		require.NoError(t, err)
		return full, decodedAs(t, rec, got, rec.sent(t).(map[string]any)["items"], err)
	case rec.Request.Method == http.MethodGet && w.path == "/customers/search":
		return replayError(t, w, c) // a good one is a list
	case rec.Request.Method == http.MethodGet:
		got, err := c.Customers.Get(ctx, id(w.path))
		return checked(t, w, rec, got, err)
	case rec.Request.Method == http.MethodDelete:
		return replayError(t, w, c)
	}
	var in struct {
		Customer *struct {
			WebsiteID  magento.ID `json:"website_id"`
			Email      string
			Firstname  string
			Middlename string
			Lastname   string
			Taxvat     string
			GroupID    magento.ID                 `json:"group_id"`
			Addresses  *[]magento.CustomerAddress `json:"addresses"`
			RegionID   magento.ID                 `json:"region_id"`
		}
		Password string
	}
	require.NoError(t, json.Unmarshal(rec.Request.Body, &in), rec.file)
	said := string(rec.Request.Body)
	if in.Customer == nil {
		return replayError(t, w, c) // nothing that the client could say
	}
	w.loose = true // fields that the client does not write, and a region beside its object
	p := magento.CustomerParams{WebsiteID: in.Customer.WebsiteID, GroupID: in.Customer.GroupID, Email: in.Customer.Email, Firstname: in.Customer.Firstname,
		Middlename: in.Customer.Middlename, Lastname: in.Customer.Lastname, Taxvat: in.Customer.Taxvat, Password: commerce.NewSecret(in.Password)}
	region := ""
	if in.Customer.Addresses != nil {
		p.Addresses, p.ReplaceAddresses = *in.Customer.Addresses, rec.Request.Method == http.MethodPut
		for _, a := range p.Addresses {
			if a.Region.ID == 0 {
				region = a.Region.Code + a.Region.Name
			}
		}
	}
	if region != "" && !strings.Contains(said, `"GB"`) {
		// The client looks the id up, so that it sends another request than this one, or none.
		w.lenient = false
		country := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return reply(r, unitedStates), nil
			}
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Contains(t, string(body), `"region_id":43`, rec.file)
			return rec.answer(r), nil
		})
		other := newClient(t, magento.Config{Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")})}, country)
		got, err := other.Customers.Update(ctx, id(w.path), p)
		if region == "ZZ" {
			var e *commerce.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, magento.CodeRegion, e.Code)
			return refused, ""
		}
		return answerOnly, decoded(t, rec, got, err)
	}
	var got magento.Customer
	var err error
	if rec.Request.Method == http.MethodPost {
		got, err = c.Customers.Create(ctx, p)
	} else {
		got, err = c.Customers.Update(ctx, id(w.path), p)
	}
	return checked(t, w, rec, got, err)
}

func replayCatalogue(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	ctx, rec := t.Context(), w.rec
	w.lenient = strings.Contains(rec.Request.Query, "fields=")
	name, err := url.PathUnescape(w.path[strings.LastIndexByte(w.path, '/')+1:])
	require.NoError(t, err)
	switch {
	case strings.HasPrefix(w.path, "/products/") && (rec.Response.Status >= 500 || strings.Count(w.path, "/") > 2):
		return replayError(t, w, c)
	case strings.HasPrefix(w.path, "/products/"):
		w.path = "/products/" + name // as a URL holds it
		w.rec.Request.Path = strings.Replace(rec.Request.Path, rec.Request.Path[strings.LastIndexByte(rec.Request.Path, '/')+1:], name, 1)
		got, err := c.Products.Get(ctx, name)
		return checked(t, w, rec, got, err)
	case strings.Contains(w.path, "get-product-salable-quantity"):
		sku := strings.Split(w.path, "/")[3]
		if rec.Response.Status >= 300 {
			w.reads["/products/"+sku] = `{}`
		}
		got, err := c.Stock.Salable(ctx, sku, id(name))
		return checked(t, w, rec, got, err)
	case strings.Contains(w.path, "stock-resolver"):
		got, err := c.Stock.OfWebsite(ctx, name)
		return checked(t, w, rec, got, err)
	case strings.HasSuffix(w.path, "/sources"):
		got, err := c.Stock.Sources(ctx)
		require.NoError(t, err)
		return full, decodedAs(t, rec, got, rec.sent(t).(map[string]any)["items"], err)
	case strings.HasSuffix(w.path, "/source-items"):
		sku := filters(rec.Request.Query).Get("searchCriteria[filter_groups][0][filters][0][value]")
		if sku == "" {
			w.lenient = true // the client asks for those of a sku, from the first page
			_, err := c.Stock.SourceItems(ctx, "X")
			return answerOnly, decodedAs(t, rec, nil, nil, err)
		}
		got, err := c.Stock.SourceItems(ctx, sku)
		require.NoError(t, err)
		return full, decodedAs(t, rec, got, rec.sent(t).(map[string]any)["items"], err)
	}
	if rec.Response.Status >= 300 {
		return replayError(t, w, c)
	}
	return answerOnly, "" // whether something is salable is its quantity being above nought
}

func replayDirectory(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	if w.path == "/directory/currency" {
		got, err := c.Directory.Currencies(t.Context())
		return checked(t, w, w.rec, got, err)
	}
	got, err := c.Directory.Country(t.Context(), strings.TrimPrefix(w.path, "/directory/countries/"))
	return checked(t, w, w.rec, got, err)
}

func replayAddress(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	var in struct {
		Entity struct {
			magento.OrderAddress
			ParentID magento.ID `json:"parent_id"`
		}
	}
	require.NoError(t, json.Unmarshal(w.rec.Request.Body, &in), w.rec.file)
	a, order := in.Entity.OrderAddress, id(w.path)
	own, err := json.Marshal(a)
	require.NoError(t, err)
	if in.Entity.ParentID != order || a.EntityID == 0 {
		own = []byte(`{"entity_id":1}`) // an address of another order, or of none
	}
	assignment := `[{"shipping":{"address":` + string(own) + `}}]`
	w.loose = true
	w.reads["/orders/"+order.String()] = `{"entity_id":` + order.String() + `,"billing_address":` + string(own) + `,"extension_attributes":{"shipping_assignments":` + assignment + `}}`
	got, err := c.Orders.SetAddress(t.Context(), order, a)
	if !w.matched {
		require.ErrorIs(t, err, commerce.ErrInvalid, w.rec.file)
		require.True(t, commerce.SafeToRetry(err), w.rec.file)
		return refused, ""
	}
	return checked(t, w, w.rec, got, err)
}

// replayHandshake plays both requests of an exchange, with the recorded one answered as
// recorded.
func replayHandshake(t *testing.T, rec recording) (string, string) {
	t.Helper()
	const shop = "http://127.0.0.1:38080"
	if rec.Request.Path == "/callback" {
		r := httptest.NewRequest(http.MethodPost, "/callback", strings.NewReader(*rec.Request.BodyText))
		a, err := magento.ParseActivation(r)
		require.NoError(t, err)
		require.Equal(t, "4s8cvtsy2dps53603ensrgkl222omgw6", a.ConsumerKey)
		require.Equal(t, shop+"/", a.StoreBaseURL)
		require.Len(t, a.Verifier.Reveal(), 32)
		return full, ""
	}
	now := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	h := magento.Handshake{BaseURL: shop, Now: func() time.Time { return now }, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		require.Equal(t, http.MethodPost, r.Method)
		require.Empty(t, r.URL.RawQuery)
		if r.URL.Path == rec.Request.Path {
			return rec.answer(r), nil
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(bytes.NewReader([]byte("oauth_token=t&oauth_token_secret=s")))}, nil
	})}
	_, err := h.Keys(t.Context(), magento.Activation{ConsumerKey: "k", ConsumerSecret: commerce.NewSecret("s"), StoreBaseURL: shop, Verifier: commerce.NewSecret("v")}, now)
	if rec.Response.Status == http.StatusOK {
		require.NoError(t, err, rec.file)
		return full, ""
	}
	require.ErrorIs(t, err, commerce.ErrAuth, rec.file)
	problem, perr := url.QueryUnescape(strings.TrimPrefix(*rec.Response.BodyText, "oauth_problem="))
	require.NoError(t, perr)
	require.ErrorContains(t, err, problem, rec.file)
	return full, ""
}
