package vault_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/vault"
)

// BenchmarkOpen opens one record again and again, whose data key is remembered, beside bare
// AES-256-GCM with a prepared cipher on a record of the same length and associated data of
// the same length. Both are run in turns; what is reported is the median of each in
// nanoseconds, and of their ratio.
//
//	go test ./vault -run - -bench Open$ -benchtime 200x
func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{32, 107, 300, 1000, 4000} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			const turn = 1000
			ctx := b.Context()
			secret := bytes.Repeat([]byte("s"), size)
			v := newVault(b, vault.Config{})
			_, err := v.Seal(ctx, owner, "api_key", secret, 0)
			require.NoError(b, err)
			bare := bareOpen(b, secret)

			var vaults, bares, ratios []time.Duration
			for b.Loop() {
				start := time.Now()
				for range turn {
					if _, _, err := v.Open(ctx, owner, "api_key"); err != nil {
						b.Fatal(err)
					}
				}
				ours := time.Since(start)
				start = time.Now()
				for range turn {
					bare()
				}
				theirs := time.Since(start)
				vaults, bares = append(vaults, ours/turn), append(bares, theirs/turn)
				ratios = append(ratios, 1000*ours/theirs)
			}
			b.ReportMetric(float64(median(vaults)), "vault-ns")
			b.ReportMetric(float64(median(bares)), "bare-ns")
			b.ReportMetric(float64(median(ratios))/1000, "times-bare")
		})
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// bareOpen is the control: nothing but the decryption.
func bareOpen(b *testing.B, secret []byte) func() {
	key, nonce, associated := make([]byte, 32), make([]byte, 12), make([]byte, 100)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	require.NoError(b, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(b, err)
	sealed := gcm.Seal(nil, nonce, secret, associated)
	return func() {
		if _, err := gcm.Open(nil, nonce, sealed, associated); err != nil {
			b.Fatal(err)
		}
	}
}
