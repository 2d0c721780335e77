package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/keyring"
)

func TestNeitherASecretNorAKeyIsPrinted(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	const text = "sk_live_0123456789abcdef"
	f := newFile(t)
	ring, err := f.Load(ctx)
	require.NoError(t, err)
	key := newKey(t, "k1")
	var store vault.Memory
	c := vault.Config{Store: &store, Ring: vault.Fixed(ring)}
	v := newVault(t, c)
	_, err = v.Seal(ctx, owner, "api_key", []byte(text), 0)
	require.NoError(t, err)
	secret, _, err := v.Secret(ctx, owner, "api_key")
	require.NoError(t, err)
	require.Equal(t, text, secret.Reveal())
	record, err := store.Get(ctx, owner, "api_key")
	require.NoError(t, err)
	_, refusal := v.Seal(ctx, owner, "api_key", []byte(text), 7)
	require.Error(t, refusal)
	var entry vault.Entry
	for entry = range v.List(ctx, owner.Tenant) {
	}
	log, err := vault.NewAccessLog(ctx, v, &vault.AccessMemory{}, vault.AccessConfig{})
	require.NoError(t, err)
	logKey, _, err := v.Open(ctx, commerce.Ref{System: "vault", Account: "access log"}, "access_log_key")
	require.NoError(t, err)
	guard, err := vault.NewGuard(v, vault.GuardConfig{Log: log})
	require.NoError(t, err)
	slot, err := vault.NewSlot(vault.SlotConfig[commerce.Secret]{Keeper: v, Owner: owner, Name: "slot"})
	require.NoError(t, err)
	require.NoError(t, slot.Put(ctx, commerce.NewSecret(text), time.Time{}))
	require.Error(t, slot.Rejected(ctx, commerce.NewSecret(text)))
	type within struct{ V, w any }

	hidden := []string{text}
	for _, s := range []string{text, string(keyMaterial(t, f.Path)), string(logKey)} {
		hidden = append(hidden, s, fmt.Sprintf("%x", s), fmt.Sprintf("%X", s), base64.StdEncoding.EncodeToString([]byte(s)),
			strings.Trim(fmt.Sprint([]byte(s)), "[]"), strings.Trim(fmt.Sprintf("%#v", []byte(s)), "[]byte{}"))
	}
	for name, value := range map[string]any{
		"a secret": secret, "a pointer to one": &secret, "a struct of one": struct{ s commerce.Secret }{secret}, "a vault": v,
		"a configuration": c, "a store": &store, "a record": record, "an entry": entry, "a ring": ring, "a key": key, "keys": []vault.Key{key},
		"a file": f, "a file with a key": keyring.File{Path: "p", KEK: key.AEAD}, "an error": refusal, "inside": within{v, ring}, "a log": log, "a guard": guard, "a slot": slot,
	} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", value)
		if b, err := json.Marshal(value); err == nil {
			out.Write(b)
		}
		for _, h := range hidden {
			require.NotContains(t, out.String(), h, name)
		}
	}
	require.Equal(t, "vault with keys "+ring.Primary()+" (primary)", fmt.Sprintf("%d", v))
	require.Equal(t, "[sealed]", fmt.Sprint(secret))
	require.Equal(t, "key k1", fmt.Sprintf("%#v", key))
}

// keyMaterial is the AES key in a file of one key: the last field of Tink's message.
func keyMaterial(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	value := regexp.MustCompile(`"value":\s*"([^"]+)"`).FindSubmatch(text)
	require.NotNil(t, value)
	message, err := base64.StdEncoding.DecodeString(string(value[1]))
	require.NoError(t, err)
	require.Greater(t, len(message), 32)
	return message[len(message)-32:]
}
