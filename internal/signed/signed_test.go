package signed_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/signed"
)

var at = time.Unix(1793610000, 0)

func verifier(t testing.TB, secrets ...string) *signed.Verifier {
	var list []commerce.Secret
	for _, s := range secrets {
		list = append(list, commerce.NewSecret(s))
	}
	v, err := signed.New(signed.Config{System: "test", What: "parcel", Name: "ParcelConfig", Header: "Parcel-Signature",
		Secrets: commerce.Static(list), Now: func() time.Time { return at }})
	require.NoError(t, err)
	return v
}

func TestWhatIsSignedWithAnySecretIsTakenAndErrorsSpeakOfTheCaller(t *testing.T) {
	t.Parallel()
	v := verifier(t, "new", "old")
	verify := func(header string) (int64, error) {
		return v.Verify(t.Context(), http.Header{"Parcel-Signature": {header}}, []byte("body"))
	}
	for _, secrets := range [][]string{{"new"}, {"old"}, {"other", "old"}, {"old", "other"}} {
		got, err := verify(signed.Sign(at, []byte("body"), secrets...))
		require.NoError(t, err, "%v", secrets)
		require.Equal(t, at.Unix(), got)
	}
	_, err := verify(signed.Sign(at, []byte("body"), "other"))
	require.EqualError(t, err, "test: verify parcel: bad_signature no signature was made with a secret of this endpoint")
	require.ErrorIs(t, err, commerce.ErrAuth)
	_, err = verify(signed.Sign(at.Add(-time.Hour), []byte("body"), "new"))
	require.EqualError(t, err, "test: verify parcel: stale the signature is older than ParcelConfig.Tolerance")
	_, err = v.Verify(context.Background(), nil, nil)
	require.EqualError(t, err, "test: verify parcel: unsigned there is no Parcel-Signature header")
	_, err = signed.New(signed.Config{System: "test", What: "parcel", Name: "ParcelConfig"})
	require.EqualError(t, err, "test: new parcel: ParcelConfig.Secrets is not set")
}

// Whatever the header says, it is taken only where it holds the one signature.
func FuzzVerify(f *testing.F) {
	good := signed.Sign(at, []byte("body"), "secret")
	_, mac, _ := strings.Cut(good, "v1=")
	for _, h := range []string{good, "", ",", "t=,v1=", "v1=" + mac, good + "," + good, "t=1793610000,v1=" + mac[:62], "v1=" + mac + ",t=1793610000",
		"t=01793610000,v1=" + mac, good + ",v0=1", strings.Repeat("v1="+mac+",", 20) + "t=1793610000"} {
		f.Add(h)
	}
	v := verifier(f, "secret")
	f.Fuzz(func(t *testing.T, header string) {
		got, err := v.Verify(t.Context(), http.Header{"Parcel-Signature": {header}}, []byte("body"))
		if err != nil {
			require.ErrorIs(t, err, commerce.ErrAuth)
			return
		}
		require.Equal(t, at.Unix(), got)
		require.Contains(t, header, "t=1793610000")
		require.Contains(t, strings.ToLower(header), "v1="+mac)
	})
}
