// Package chromium opens pages in a real browser, headless, for tests that look at what a
// person sees:
//
//	go test ./browser ./connect -screenshot /tmp/pages    keeps the pictures
package chromium

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var keep = flag.String("screenshot", "", "directory to keep pictures and PDFs in")

// Main is the TestMain of a package: it ends the browser and looks for goroutines that are
// left.
func Main(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if err := errors.Join(chrome.stop(), goleak.Find()); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// browser is one Chromium for all tests of a package, started by the first.
type browser struct {
	once   sync.Once
	ctx    context.Context
	err    error
	cancel []context.CancelFunc
}

var chrome = &browser{}

var errMissing = errors.New("Chromium is not installed: make servers installs it on Debian")

func (b *browser) start() {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		b.err = errMissing
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-dev-shm-usage", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to be root in one
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endBrowser := chromedp.NewContext(ctx)
	b.cancel = []context.CancelFunc{endBrowser, end}
	b.ctx, b.err = ctx, chromedp.Do(ctx)
}

func (b *browser) stop() (err error) {
	if b.err == nil && b.ctx != nil {
		err = chromedp.Cancel(b.ctx)
	}
	for _, cancel := range b.cancel {
		cancel()
	}
	return err
}

// Need skips the test where there is no browser, and fails it where CI=true.
func Need(t *testing.T) {
	t.Helper()
	chrome.once.Do(chrome.start)
	if errors.Is(chrome.err, errMissing) {
		if os.Getenv("CI") == "true" {
			t.Fatal("a browser is needed where CI=true: ", chrome.err)
		}
		t.Skip(chrome.err)
	}
	require.NoError(t, chrome.err)
}

// Tab opens an empty page; asked are the addresses that it asked the network for. With
// chromedp.WithNewBrowserContext it knows no cookie of the others.
func Tab(t *testing.T, options ...chromedp.ContextOption) (ctx context.Context, asked func() []string) {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chrome.ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute) // a machine may be busy
	t.Cleanup(cancel)
	var mu sync.Mutex
	var all []string
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, e.Request.URL)
		}
	}))
	Call(ctx, t, network.Enable, network.EnableParams{})
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), all...)
	}
}

// Call sends a command of the DevTools protocol.
func Call[P, R any](ctx context.Context, t *testing.T, command cdp.Command[P, R], params P) R {
	t.Helper()
	got, err := chromedp.Call(ctx, command, params)
	require.NoError(t, err)
	return got
}

// Run runs an action.
func Run[T any](ctx context.Context, t *testing.T, action chromedp.Action[T]) T {
	t.Helper()
	got, err := chromedp.Run(ctx, action)
	require.NoError(t, err)
	return got
}

// Script evaluates JavaScript in the page.
func Script[T any](ctx context.Context, t *testing.T, text string) T {
	t.Helper()
	return Run(ctx, t, chromedp.Evaluate[T](text))
}

// View is a way of looking at a page.
type View struct {
	Name  string
	Width int64
	Dark  bool
}

// Views are on a desk and on a telephone, in light and dark.
var Views = []View{{"desk", 1280, false}, {"desk-dark", 1280, true}, {"telephone", 390, false}, {"telephone-dark", 390, true}}

// See looks at the page so, and fails where it is wider than its window.
func (v View) See(ctx context.Context, t *testing.T, height int64) {
	t.Helper()
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(v.Width, height)))
	Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	require.Empty(t, Script[string](ctx, t, Wider), "%s is wider than its window of %d", v.Name, v.Width)
}

// Wider is a script that names the first element which reaches beyond the window.
const Wider = `(() => {
	const room = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= room) return "";
	const e = [...document.body.querySelectorAll("*")].find(e => e.getBoundingClientRect().right > room + 0.5);
	return e ? e.outerHTML.slice(0, 200) : "the page";
})()`

// Build builds a program of the examples, as a user would, and returns where it is.
func Build(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	build := exec.CommandContext(t.Context(), "go", "build", fmt.Sprintf("-race=%t", raced), "-o", program, "./"+name)
	build.Dir = filepath.Join("..", "..", "..", "examples")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// Save keeps a picture where -screenshot says.
func Save(t *testing.T, name string, b []byte) {
	t.Helper()
	dir := *keep
	if dir == "" {
		dir = t.TempDir()
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
}
