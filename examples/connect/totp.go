package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238 and every authenticator app
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// totp is a second factor as authenticator apps have it: RFC 6238 with six digits and 30
// seconds. A code works once.
type totp struct {
	key []byte
	now func() time.Time

	mu   sync.Mutex
	last int64 // the newest step that was used
}

var base = base32.StdEncoding.WithPadding(base32.NoPadding)

// newTOTP reads a secret in base 32; an empty one is made.
func newTOTP(secret string) (*totp, error) {
	t := &totp{now: time.Now}
	if secret == "" {
		t.key = make([]byte, 20)
		_, err := rand.Read(t.key)
		return t, err
	}
	key, err := base.DecodeString(strings.ToUpper(strings.TrimRight(strings.ReplaceAll(secret, " ", ""), "=")))
	if err != nil || len(key) < 16 {
		return nil, errors.New("TOTP_SECRET is no base 32 of at least 16 bytes")
	}
	t.key = key
	return t, nil
}

// uri is what an authenticator app reads.
func (t *totp) uri() string {
	return "otpauth://totp/commerce:connect?issuer=commerce&secret=" + base.EncodeToString(t.key)
}

func (t *totp) step() int64 { return t.now().Unix() / 30 }

// code is that of a step.
func (t *totp) code(step int64) string {
	mac := hmac.New(sha1.New, t.key)
	_ = binary.Write(mac, binary.BigEndian, step)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}

// check takes the code of this step, of the one before and of the one after, as clocks
// differ, and none that is older than one it took.
func (t *totp) check(code string) bool {
	code = strings.ReplaceAll(code, " ", "")
	t.mu.Lock()
	defer t.mu.Unlock()
	for step := t.step() - 1; step <= t.step()+1; step++ {
		if step > t.last && subtle.ConstantTimeCompare([]byte(t.code(step)), []byte(code)) == 1 {
			t.last = step
			return true
		}
	}
	return false
}
