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
	"fmt"
	"image/color"
	"image/png"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/integration/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }

// look opens a page in all views. seen are selectors of what has to be visible, texts of what
// has to be read in it.
func look(t *testing.T, file string, seen map[string]string) {
	ctx, requests := chromium.Tab(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("file://"+file)))
	name := strings.TrimSuffix(filepath.Base(file), ".html")
	all := slices.Sorted(maps.Keys(seen))
	selectors, err := json.Marshal(all)
	require.NoError(t, err)
	for _, v := range chromium.Views {
		v.See(ctx, t, 2000)
		for i, got := range chromium.Script[[]*string](ctx, t, fmt.Sprintf(visible, selectors)) {
			require.NotNil(t, got, "%s can not be seen in %s", all[i], v.Name)
			require.Contains(t, *got, seen[all[i]], "%s in %s", all[i], v.Name)
		}
		background := chromium.Script[string](ctx, t, `getComputedStyle(document.body).backgroundColor`)
		picture := chromium.Run(ctx, t, chromedp.CaptureScreenshot())
		require.Equal(t, v.Dark, dark(t, background), "%s is %s", v.Name, background)
		require.Greater(t, colours(t, picture), 20, "%s is blank", v.Name)
		chromium.Save(t, name+"-"+v.Name+".png", picture)
	}
	require.Equal(t, []string{"file://" + file}, requests(), "nothing but the page itself is asked for")
	tables(ctx, t)

	// The width of A4 less its margins, at 96 dots an inch.
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(688, 1000)))
	chromium.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	require.Empty(t, chromium.Script[string](ctx, t, chromium.Wider), "paper is narrower than the page")
	require.Equal(t, "table", chromium.Script[string](ctx, t, `getComputedStyle(document.querySelector("table")).display`))
	chromium.Save(t, name+"-paper.png", chromium.Run(ctx, t, chromedp.FullScreenshot(100)))
	pdf := chromium.Run(ctx, t, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	require.True(t, bytes.HasPrefix(pdf, []byte("%PDF-")))
	require.Greater(t, len(pdf), 20_000)
	chromium.Save(t, name+".pdf", pdf)
}

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
	there := chromium.Script[int](ctx, t, `document.querySelectorAll("table").length`)
	require.Zero(t, chromium.Script[int](ctx, t, `[...document.querySelectorAll("table")].filter(t => !t.caption || !t.caption.innerText || [...t.querySelectorAll("th")].some(h => !h.scope)).length`),
		"every table has a caption, and every heading of one a scope")
	require.Equal(t, 1, chromium.Script[int](ctx, t, `document.querySelectorAll("h1").length`))
	require.Zero(t, chromium.Script[int](ctx, t, `document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size`), "an id is there twice")
	nodes := chromium.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
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
