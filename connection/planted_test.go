package connection_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// planted is a misconfiguration and what a check has to say of it: its codes and nothing
// else. The empty plant has no codes.
type planted struct {
	name string
	want []string
	run  func(t *testing.T) commerce.Findings
}

// proves runs the plants and holds each finding to what a person needs.
func proves(t *testing.T, plants []planted) {
	t.Helper()
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			found := p.run(t)
			require.Equal(t, p.want, codes(found), "%v", found)
			for _, f := range found {
				require.NotEmpty(t, f.Seen, f.Code)
				require.NotEmpty(t, f.Mend, f.Code)
				require.NotEmpty(t, f.Severity, f.Code)
				require.NotContains(t, f.String(), secretPart)
			}
		})
	}
}

// secretPart is in every credential of these tests.
const secretPart = "s3cr3t"

// inside carries requests to a handler in this process.
type inside struct{ http.Handler }

func (h inside) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	h.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// status answers everything with one status.
func status(n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) })
}

// trip is a transport of one function.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
