// Package browser_test opens the pages of package report in a real browser, headless:
// what a person should see is there and can be seen, on a desk and on a telephone, in
// light and dark; nothing is fetched; tables are tables to a screen reader; it prints.
//
//	go test ./browser -screenshot /tmp/pages    keeps the pictures and the PDF
package browser_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image/color"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var keep = flag.String("screenshot", "", "directory to keep pictures and PDFs in")

var chrome = &browser{}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if err := errors.Join(chrome.stop(), goleak.Find()); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// browser is one Chromium for all tests, started by the first.
type browser struct {
	once   sync.Once
	ctx    context.Context
	err    error
	cancel []context.CancelFunc
}

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

// need skips the test where there is no browser, and fails it where CI=true.
func need(t *testing.T) {
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

// tab opens a page. requests are what it asked the network for, itself included.
func tab(t *testing.T, file string) (ctx context.Context, requests func() []string) {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chrome.ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute) // a machine may be busy
	t.Cleanup(cancel)
	var mu sync.Mutex
	var asked []string
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, e.Request.URL)
		}
	}))
	call(ctx, t, network.Enable, network.EnableParams{})
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("file://"+file)))
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), asked...)
	}
}

func call[P, R any](ctx context.Context, t *testing.T, command cdp.Command[P, R], params P) R {
	t.Helper()
	got, err := chromedp.Call(ctx, command, params)
	require.NoError(t, err)
	return got
}

func run[T any](ctx context.Context, t *testing.T, action chromedp.Action[T]) T {
	t.Helper()
	got, err := chromedp.Run(ctx, action)
	require.NoError(t, err)
	return got
}

func script[T any](ctx context.Context, t *testing.T, text string) T {
	t.Helper()
	return run(ctx, t, chromedp.Evaluate[T](text))
}

// view is a way of looking at a page.
type view struct {
	name  string
	width int64
	dark  bool
}

var views = []view{{"desk", 1280, false}, {"desk-dark", 1280, true}, {"telephone", 390, false}, {"telephone-dark", 390, true}}

// look opens a page in all views. seen are selectors of what has to be visible, texts of what
// has to be read in it.
func look(t *testing.T, file string, seen map[string]string) {
	ctx, requests := tab(t, file)
	name := strings.TrimSuffix(filepath.Base(file), ".html")
	all := slices.Sorted(maps.Keys(seen))
	selectors, err := json.Marshal(all)
	require.NoError(t, err)
	for _, v := range views {
		scheme := "light"
		if v.dark {
			scheme = "dark"
		}
		require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(v.width, 2000)))
		call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		require.Empty(t, script[string](ctx, t, wider), "%s is wider than its window of %d", v.name, v.width)
		for i, got := range script[[]*string](ctx, t, fmt.Sprintf(visible, selectors)) {
			require.NotNil(t, got, "%s can not be seen in %s", all[i], v.name)
			require.Contains(t, *got, seen[all[i]], "%s in %s", all[i], v.name)
		}
		background := script[string](ctx, t, `getComputedStyle(document.body).backgroundColor`)
		picture := run(ctx, t, chromedp.CaptureScreenshot())
		require.Equal(t, v.dark, dark(t, background), "%s is %s", v.name, background)
		require.Greater(t, colours(t, picture), 20, "%s is blank", v.name)
		save(t, name+"-"+v.name+".png", picture)
	}
	require.Equal(t, []string{"file://" + file}, requests(), "nothing but the page itself is asked for")
	tables(ctx, t)

	// The width of A4 less its margins, at 96 dots an inch.
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(688, 1000)))
	call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	require.Empty(t, script[string](ctx, t, wider), "paper is narrower than the page")
	require.Equal(t, "table", script[string](ctx, t, `getComputedStyle(document.querySelector("table")).display`))
	save(t, name+"-paper.png", run(ctx, t, chromedp.FullScreenshot(100)))
	pdf := run(ctx, t, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	require.True(t, bytes.HasPrefix(pdf, []byte("%PDF-")))
	require.Greater(t, len(pdf), 20_000)
	save(t, name+".pdf", pdf)
}

// wider names the first element that reaches beyond the window.
const wider = `(() => {
	const room = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= room) return "";
	const e = [...document.body.querySelectorAll("*")].find(e => e.getBoundingClientRect().right > room + 0.5);
	return e ? e.outerHTML.slice(0, 200) : "the page";
})()`

// visible is, for each selector, the text of the first element of it, or its name where it is
// a drawing; null where it can not be seen.
const visible = `%s.map(selector => {
	const e = document.querySelector(selector);
	if (!e) return null;
	const r = e.getBoundingClientRect(), s = getComputedStyle(e);
	if (r.width < 1 || r.height < 1 || s.visibility !== "visible" || s.opacity === "0") return null;
	return e.innerText || e.tagName;
})`

// tables checks what a screen reader is told, in the narrow view, where tables look like
// lists.
func tables(ctx context.Context, t *testing.T) {
	t.Helper()
	there := script[int](ctx, t, `document.querySelectorAll("table").length`)
	require.Zero(t, script[int](ctx, t, `[...document.querySelectorAll("table")].filter(t => !t.caption || !t.caption.innerText || [...t.querySelectorAll("th")].some(h => !h.scope)).length`),
		"every table has a caption, and every heading of one a scope")
	require.Equal(t, 1, script[int](ctx, t, `document.querySelectorAll("h1").length`))
	require.Zero(t, script[int](ctx, t, `document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size`), "an id is there twice")
	nodes := call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
	roles := map[string]int{}
	for _, n := range nodes {
		if n.Role != nil && !n.Ignored {
			roles[strings.Trim(string(n.Role.Value), `"`)]++
		}
	}
	require.Equal(t, there, roles["table"], "tables stay tables: %v", roles)
	require.Greater(t, roles["row"], there)
	require.Greater(t, roles["columnheader"], there)
}

func dark(t *testing.T, background string) bool {
	t.Helper()
	var r, g, b int
	_, err := fmt.Sscanf(background, "rgb(%d, %d, %d)", &r, &g, &b)
	require.NoError(t, err, background)
	return r+g+b < 3*128
}

// colours counts the colours of a picture.
func colours(t *testing.T, picture []byte) int {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	seen := map[color.Color]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 4 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 4 {
			seen[img.At(x, y)] = true
		}
	}
	return len(seen)
}

func save(t *testing.T, name string, b []byte) {
	t.Helper()
	dir := *keep
	if dir == "" {
		dir = t.TempDir()
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
}
