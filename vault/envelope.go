package vault

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/commercesync/commerce"
)

// A sealed record is, with numbers in big endian:
//
//	form     1 byte, 1
//	mark     8 bytes: the beginning of the SHA-256 of owner and name
//	version  8 bytes
//	wrapped  2 bytes of length, and the data key, sealed under the ring's key
//	body     4 bytes of length, and the secret, sealed under the data key
//
// A data key is made for one sealing and seals nothing else, so no nonce can come
// twice. Owner, name, version and the ring key's id are associated data of both
// sealings; what stands before the wrapped key only tells, where a record does not
// open, what has happened to it.
const (
	form      = 1
	headBytes = 1 + 8 + 8 + 2
	keyBytes  = 32      // AES-256-GCM
	maxWraps  = 1 << 14 // what a key service may make of them
)

// identity says whose a record is, so that two never say the same.
func identity(owner commerce.Ref, name string) []byte {
	var b []byte
	for _, part := range []string{owner.Tenant, owner.System, owner.Account, string(owner.Mode), owner.ID, name} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

// associated returns the associated data of a record's two sealings.
func associated(identity []byte, version int64, key string) (wrap, body []byte) {
	rest := binary.BigEndian.AppendUint64(nil, uint64(version))
	rest = append(rest, key...) // the rest, so its end needs no mark
	of := func(what string) []byte { return bytes.Join([][]byte{[]byte(what), identity, rest}, nil) }
	return of("commerce vault key 1\x00"), of("commerce vault secret 1\x00")
}

// head is what a record begins with.
func head(identity []byte, version int64, wrapped []byte) []byte {
	mark := sha256.Sum256(identity)
	b := append([]byte{form}, mark[:8]...)
	b = binary.BigEndian.AppendUint64(b, uint64(version))
	b = binary.BigEndian.AppendUint16(b, uint16(len(wrapped)))
	return append(b, wrapped...)
}

// seal makes the envelope of a secret under a key of the ring.
func seal(ctx context.Context, k Key, owner commerce.Ref, name string, version int64, secret []byte) ([]byte, opener, error) {
	id := identity(owner, name)
	wrap, body := associated(id, version, k.ID)
	data := make([]byte, keyBytes)
	defer clear(data)
	if _, err := rand.Read(data); err != nil {
		return nil, opener{}, err
	}
	wrapped, err := k.AEAD.EncryptWithContext(ctx, data, wrap)
	if err == nil && (len(wrapped) == 0 || len(wrapped) > maxWraps) {
		err = commerce.Errorf(commerce.KindInternal, system, "wrap data key", "key %q made %d bytes of %d", k.ID, len(wrapped), keyBytes)
	}
	if err != nil {
		return nil, opener{}, keyServiceError(k, err)
	}
	o := opener{place: place{owner, name}, version: version, key: k.ID, body: body, head: head(id, version, wrapped)}
	if o.data, err = newGCM(data); err != nil {
		return nil, opener{}, err
	}
	sealed := o.data.Seal(nil, nil, secret, body)
	b := binary.BigEndian.AppendUint32(bytes.Clone(o.head), uint32(len(sealed)))
	return append(b, sealed...), o, nil
}

// opener opens one version of one record.
type opener struct {
	place
	version int64
	key     string
	head    []byte // what the record begins with, up to the body's length
	body    []byte // associated data
	data    cipher.AEAD
}

// fits reports whether a record is the one that o opens.
func (o *opener) fits(r *Record) bool {
	return o.version == r.Version && o.key == r.Key && o.name == r.Name && o.owner == r.Owner && bytes.HasPrefix(r.Sealed, o.head)
}

// wrappedOf returns the wrapped data key of a record; nil where there is none.
func wrappedOf(sealed []byte) []byte {
	if len(sealed) < headBytes {
		return nil
	}
	end := headBytes + int(binary.BigEndian.Uint16(sealed[headBytes-2:]))
	if len(sealed) < end+4 {
		return nil
	}
	return sealed[headBytes:end]
}

// open opens the body of a record that fits.
func (o *opener) open(sealed []byte) ([]byte, error) {
	rest := sealed[len(o.head):]
	if len(rest) < 4 || uint64(len(rest)-4) != uint64(binary.BigEndian.Uint32(rest)) {
		return nil, refused(CodeRecordCut)
	}
	secret, err := o.data.Open(nil, nil, rest[4:], o.body)
	if err != nil {
		return nil, refused(CodeRecordAltered)
	}
	return secret, nil
}

// unwrap makes the opener of a record, and refuses one that can not be what was
// written for its owner, name and version.
func unwrap(ctx context.Context, k Key, r Record) (opener, error) {
	if len(r.Sealed) > 0 && r.Sealed[0] != form {
		return opener{}, refused(CodeRecordFormat)
	}
	wrapped := wrappedOf(r.Sealed)
	if wrapped == nil {
		return opener{}, refused(CodeRecordCut)
	}
	id := identity(r.Owner, r.Name)
	want := head(id, r.Version, wrapped)
	switch {
	case !bytes.Equal(want[1:9], r.Sealed[1:9]):
		return opener{}, refused(CodeRecordMoved)
	case !bytes.Equal(want[9:17], r.Sealed[9:17]):
		return opener{}, refused(CodeRecordReplayed)
	}
	if len(wrapped) == 0 || len(wrapped) > maxWraps {
		return opener{}, refused(CodeRecordAltered)
	}
	wrap, body := associated(id, r.Version, k.ID)
	data, err := k.AEAD.DecryptWithContext(ctx, wrapped, wrap)
	defer clear(data)
	if err != nil {
		return opener{}, unwrapError(k, err)
	}
	o := opener{place: place{r.Owner, r.Name}, version: r.Version, key: r.Key, head: want, body: body}
	if o.data, err = newGCM(data); err != nil {
		return opener{}, refused(CodeRecordAltered)
	}
	return o, nil
}

// newGCM makes the cipher of a data key: AES-256-GCM behind a random nonce, as Tink's.
func newGCM(key []byte) (cipher.AEAD, error) {
	if len(key) != keyBytes {
		return nil, aes.KeySizeError(len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
