package keyring_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/testing/fakekms"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault/keyring"
)

func ExampleFile() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	// A program takes the key of a key service: the client that Tink has for it.
	uri, err := fakekms.NewKeyURI()
	if err != nil {
		panic(err)
	}
	service, err := fakekms.NewAEADWithContext(uri)
	if err != nil {
		panic(err)
	}
	file := keyring.File{Path: filepath.Join(dir, "ring.json"), KEK: service}
	fmt.Println(file.Create(ctx))
	ring, err := file.Load(ctx)
	fmt.Println(len(ring.Keys()), err)
	_, err = keyring.File{Path: file.Path}.Load(ctx) // by somebody who has the file alone
	fmt.Println(errors.Is(err, commerce.ErrInvalid))
	// Output:
	// <nil>
	// 1 <nil>
	// true
}
