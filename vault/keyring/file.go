package keyring

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// File is a ring in a file, as a Tink keyset in JSON. Whoever has it and the
// database has every credential, and without it nobody has any: keep a copy, and
// neither beside the database.
//
// Its methods change one thing each, in the order in which a ring is rotated:
// [File.Add], Promote, [vault.Vault.Rewrap], Retire, Remove; see the package comment.
type File struct {
	Path string
	// KEK seals the file: a key service's key, which is asked once whenever the file
	// is read. Nil: the keys lie in it as they are, and a file that everybody may read
	// is refused.
	KEK tink.AEADWithContext
}

const (
	maxBytes = 1 << 20
	newFile  = ".new" // while it is written
)

// fileAD is the associated data of a sealed file.
var fileAD = []byte("commerce vault ring")

// Create makes the file with one fresh key. One that is there is an error of kind
// conflict.
func (f File) Create(ctx context.Context) error {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return f.fail("create", err)
	}
	return f.write("create", func(w io.Writer) error {
		if _, err := os.Lstat(f.Path); !errors.Is(err, fs.ErrNotExist) {
			return commerce.Errorf(commerce.KindConflict, system, "", "%s is there already", f.Path)
		}
		return f.print(ctx, h, w)
	})
}

// Load reads the ring; it is a [vault.Config.Ring].
func (f File) Load(ctx context.Context) (*vault.Ring, error) {
	h, err := f.read(ctx)
	if err != nil {
		return nil, f.fail("load", err)
	}
	return Of(h)
}

// Add adds a fresh key at the end, wraps nothing with it yet, and returns its id. Every
// program that opens records should have loaded it before it is promoted.
func (f File) Add(ctx context.Context) (id string, err error) {
	err = f.change(ctx, "add key", func(m *keyset.Manager, _ *vault.Ring) error {
		n, err := m.Add(aead.AES256GCMKeyTemplate())
		id = keyID(n)
		return err
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// Promote makes a key the primary: new records are wrapped with it.
func (f File) Promote(ctx context.Context, id string) error {
	return f.changeKey(ctx, "promote key", id, func(m *keyset.Manager, r *vault.Ring, n uint32) error {
		if find(r, id).Retired {
			return commerce.Errorf(commerce.KindInvalid, system, "", "key %s is retired; enable it first", id)
		}
		return m.SetPrimary(n)
	})
}

// Retire ends the use of a key, so that no record under it is opened any more. It is an
// error of kind conflict while v holds records under it, or where it is the primary.
func (f File) Retire(ctx context.Context, v *vault.Vault, id string) error {
	return f.changeKey(ctx, "retire key", id, func(m *keyset.Manager, r *vault.Ring, n uint32) error {
		if r.Primary() == id {
			return commerce.Errorf(commerce.KindConflict, system, "", "key %s is the primary; promote another first", id)
		}
		if err := unused(ctx, v, id); err != nil {
			return err
		}
		return m.Disable(n)
	})
}

// Enable takes a retirement back.
func (f File) Enable(ctx context.Context, id string) error {
	return f.changeKey(ctx, "enable key", id, func(m *keyset.Manager, _ *vault.Ring, n uint32) error { return m.Enable(n) })
}

// Remove takes a retired key out for ever, also from backups that hold records under it.
func (f File) Remove(ctx context.Context, v *vault.Vault, id string) error {
	return f.changeKey(ctx, "remove key", id, func(m *keyset.Manager, r *vault.Ring, n uint32) error {
		if !find(r, id).Retired {
			return commerce.Errorf(commerce.KindConflict, system, "", "key %s is in use; retire it first", id)
		}
		if err := unused(ctx, v, id); err != nil {
			return err
		}
		return m.Delete(n)
	})
}

// unused refuses a key that records are still under.
func unused(ctx context.Context, v *vault.Vault, id string) error {
	n, err := v.Usage(ctx)
	if err == nil && n[id] > 0 {
		err = commerce.Errorf(commerce.KindConflict, system, "", "%d records are under key %s; rewrap first", n[id], id)
	}
	return err
}

// find returns a key of the ring; nil where it has none of that id.
func find(r *vault.Ring, id string) *vault.Key {
	for _, k := range r.Keys() {
		if k.ID == id {
			return &k
		}
	}
	return nil
}

func (f File) changeKey(ctx context.Context, op, id string, change func(*keyset.Manager, *vault.Ring, uint32) error) error {
	return f.change(ctx, op, func(m *keyset.Manager, r *vault.Ring) error {
		n, err := strconv.ParseUint(id, 10, 32)
		if find(r, id) == nil || err != nil {
			return commerce.Errorf(commerce.KindNotFound, system, "", "the ring has no key %q", id)
		}
		return change(m, r, uint32(n))
	})
}

// change reads the file, changes the keyset and puts a new file in the old one's place.
func (f File) change(ctx context.Context, op string, change func(*keyset.Manager, *vault.Ring) error) error {
	return f.write(op, func(w io.Writer) error {
		h, err := f.read(ctx)
		if err != nil {
			return err
		}
		r, err := Of(h)
		if err != nil {
			return err
		}
		m := keyset.NewManagerFromHandle(h)
		if err := change(m, r); err != nil {
			return err
		}
		if h, err = m.Handle(); err != nil {
			return err
		}
		return f.print(ctx, h, w)
	})
}

func (f File) read(ctx context.Context) (*keyset.Handle, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if f.KEK == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		return nil, commerce.Errorf(commerce.KindInvalid, system, "", "everybody may read the keys in %s (%v); take that away, or set File.KEK", f.Path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxBytes {
		return nil, commerce.Errorf(commerce.KindLimit, system, "", "%s has more than %d bytes", f.Path, maxBytes)
	}
	from := keyset.NewJSONReader(bytes.NewReader(text))
	if f.KEK == nil {
		h, err := insecurecleartextkeyset.Read(from)
		if err != nil { // the cause may quote the file
			return nil, commerce.Errorf(commerce.KindInvalid, system, "", "%s is no Tink keyset in JSON, or a sealed one", f.Path)
		}
		return h, nil
	}
	sealed, err := from.ReadEncrypted()
	if err != nil || len(sealed.GetEncryptedKeyset()) == 0 {
		return nil, commerce.Errorf(commerce.KindInvalid, system, "", "%s is no sealed Tink keyset in JSON", f.Path)
	}
	// Not keyset.ReadWithContext, whose error does not wrap the service's.
	text, err = f.KEK.DecryptWithContext(ctx, sealed.GetEncryptedKeyset(), fileAD)
	if err != nil {
		return nil, kekError(err)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(text)))
	if err != nil {
		return nil, commerce.Errorf(commerce.KindInvalid, system, "", "%s holds something else than a Tink keyset", f.Path)
	}
	return h, nil
}

func (f File) print(ctx context.Context, h *keyset.Handle, w io.Writer) error {
	to := keyset.NewJSONWriter(w)
	if f.KEK == nil {
		return insecurecleartextkeyset.Write(h, to)
	}
	if err := h.WriteWithContext(ctx, to, f.KEK, fileAD); err != nil {
		return kekError(err)
	}
	return nil
}

// write makes a new file beside the old one, which it then replaces. The new file also
// keeps a second writer away.
func (f File) write(op string, fill func(io.Writer) error) (err error) {
	if f.Path == "" {
		return invalid(op, "File.Path is empty")
	}
	name := f.Path + newFile
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		e := commerce.Errorf(commerce.KindConflict, system, op, "%s is there: somebody else changes the ring, or was cut off; in that case remove it", name)
		e.Outcome = commerce.NotSent
		return e
	}
	if err != nil {
		return f.fail(op, err)
	}
	err = fill(file)
	err = errors.Join(err, file.Sync())
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(name, f.Path)
	}
	if err != nil {
		_ = os.Remove(name)
		return f.fail(op, err)
	}
	// So that the new name outlives a power cut, where a directory can be synced.
	if dir, err := os.Open(filepath.Dir(f.Path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

// kekError says that the holder of the KEK failed.
func kekError(err error) error {
	return &commerce.Error{Kind: commerce.KindUnavailable, System: system, Code: vault.CodeKeyService,
		Text: "the holder of File.KEK did not seal or open the file: it is away, denies access, or the file was changed", Err: err}
}

// fail says what was being done with which file. Nothing was written.
func (f File) fail(op string, err error) error {
	op += " of " + f.Path
	if e, ok := err.(*commerce.Error); ok && e.System == system {
		c := *e
		c.Op, c.Outcome = op, commerce.NotSent
		return &c
	}
	kind := commerce.KindOf(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		kind = commerce.KindNotFound
	case errors.Is(err, fs.ErrPermission):
		kind = commerce.KindForbidden
	}
	return &commerce.Error{Kind: kind, System: system, Op: op, Outcome: commerce.NotSent, Err: err}
}
