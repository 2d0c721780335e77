// Package connect_test goes through examples/connect as a merchant does, in a real browser:
// connects, sees the health of the connection, rotates the key, goes back, disconnects, and
// comes back from Stripe in ways that are no answer.
//
//	go test ./connect -screenshot /tmp/pages    keeps the pictures
package connect_test

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/integration/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }

// program is the example as a user runs it, out of the box.
type program struct {
	login string
	mu    sync.Mutex
	log   bytes.Buffer
}

func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func start(t *testing.T) *program {
	t.Helper()
	p := &program{}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	run := exec.CommandContext(ctx, chromium.Build(t, "connect"))
	run.Env = append(os.Environ(), "LISTEN=127.0.0.1:0")
	run.Stderr = p
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	run.WaitDelay = 20 * time.Second
	out, err := run.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, run.Start())
	t.Cleanup(func() {
		stop()
		_ = run.Wait() // it was interrupted
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	p.login = strings.TrimSpace(strings.TrimPrefix(line, "Open"))
	return p
}

// visit is a browser that is logged in.
type visit struct {
	t     *testing.T
	ctx   context.Context
	asked func() []string
}

func (p *program) visit(t *testing.T) *visit {
	t.Helper()
	v := &visit{t: t}
	v.ctx, v.asked = chromium.Tab(t, chromedp.WithNewBrowserContext())
	chromium.Views[0].See(v.ctx, t, 1000)
	v.open(p.login)
	return v
}

func (v *visit) open(address string) {
	v.t.Helper()
	require.NoError(v.t, chromedp.Do(v.ctx, chromedp.Navigate(address)))
}

// click follows a link or presses a button, and waits until the next page shows want.
func (v *visit) click(selector, want chromedp.CSS) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Click(selector), chromedp.WaitVisible(want)); err != nil {
		chromium.Save(v.t, "failed.png", chromium.Run(v.ctx, v.t, chromedp.FullScreenshot(100)))
		require.NoError(v.t, err, "%s shows %s", selector, want)
	}
}

// fill types into a field.
func (v *visit) fill(selector chromedp.CSS, text string) {
	v.t.Helper()
	require.NoError(v.t, chromedp.Do(v.ctx, chromedp.SendKeys(selector, text)))
}

func (v *visit) text(selector chromedp.CSS) string {
	v.t.Helper()
	return chromium.Run(v.ctx, v.t, chromedp.Text(selector))
}

// picture keeps how the page looks on a desk and on a telephone, in light and dark.
func (v *visit) picture(name string) {
	v.t.Helper()
	for _, view := range chromium.Views {
		view.See(v.ctx, v.t, 900)
		chromium.Save(v.t, name+"-"+view.Name+".png", chromium.Run(v.ctx, v.t, chromedp.FullScreenshot(100)))
	}
	chromium.Views[0].See(v.ctx, v.t, 1000)
	require.Equal(v.t, 1, chromium.Script[int](v.ctx, v.t, `document.querySelectorAll("h1").length`))
	require.Zero(v.t, chromium.Script[int](v.ctx, v.t, `[...document.querySelectorAll("input:not([type=hidden])")].filter(i => !i.labels.length).length`), "every field has a label")
}

// back is the last address by which the browser came back from Stripe.
func (v *visit) back() string {
	v.t.Helper()
	last := ""
	for _, address := range v.asked() {
		if strings.Contains(address, "/connect/stripe/callback?") {
			last = address
		}
	}
	require.NotEmpty(v.t, last)
	return last
}

func TestAMerchantConnectsLooksRotatesAndDisconnects(t *testing.T) {
	chromium.Need(t)
	p := start(t)
	v := p.visit(t)
	require.Contains(t, v.text("#none"), "Nothing is connected yet")
	v.picture("empty")

	// Connect: at Stripe's page and back.
	v.click("#connect", "form[method=post] button[value=connect]")
	v.click("button[value=connect]", "#message")
	require.Contains(t, v.text("h1"), "Connected")
	v.picture("connected")
	v.click("#back", "#accounts article")

	// Health.
	require.Contains(t, v.text("#accounts article"), "Healthy")
	require.Contains(t, v.text("#key article"), "Healthy")
	first := v.text("#key h3 code")
	v.picture("healthy")
	v.click("#check", "[role=status]")
	require.Contains(t, v.text("[role=status]"), "checked")

	// Rotate: with a key that Stripe does not know, then with the other one.
	v.click("#rotate", "#do")
	v.picture("rotate")
	v.fill("input[name=key]", "sk_test_typing_error")
	v.fill("input[name=code]", v.text("#hint"))
	v.click("#do", "[role=alert]")
	require.Contains(t, v.text("[role=alert]"), "Stripe refused the key")
	v.picture("refused")
	v.fill("input[name=key]", v.text("#keyhint"))
	v.click("#do", "[role=status]")
	require.Contains(t, v.text("[role=status]"), "rotated")
	require.NotEqual(t, first, v.text("#key h3 code"))
	v.picture("rotated")
	v.click("#check", "[role=status]")
	require.Contains(t, v.text("#accounts article"), "Healthy", "with the new key")

	// And back, by the same proof.
	v.click("#rollback", "#do")
	v.click("#do", "[role=status]")
	require.Equal(t, first, v.text("#key h3 code"))
	require.Contains(t, v.text("#access"), "roll back")

	v.click("#accounts article a", "#do")
	v.picture("disconnect")
	v.click("#do", "[role=status]")
	require.Contains(t, v.text("#none"), "Nothing is connected yet")

	p.mu.Lock()
	defer p.mu.Unlock()
	for _, secret := range []string{"sk_test_", strings.SplitN(v.back(), "code=", 2)[1][:20], p.login[strings.Index(p.login, "token=")+6:]} {
		require.NotContains(t, p.log.String(), secret)
	}
}

func TestADeclinedConsentAndAReplayedCallbackShowAClearPage(t *testing.T) {
	chromium.Need(t)
	p := start(t)
	v := p.visit(t)
	v.click("#connect", "form[method=post] button[value=cancel]")
	v.click("button[value=cancel]", "#message")
	require.Equal(t, "Not connected", v.text("h1"))
	require.Contains(t, v.text("#message"), "You chose not to give access")
	v.picture("declined")
	v.click("#back", "#none")

	v.click("#connect", "form[method=post] button[value=connect]")
	v.click("button[value=connect]", "#message")
	replayed := v.back()

	v.open(replayed)
	require.Equal(t, "Connected", v.text("h1"), "a page that is loaded again says the same")
	v.open(strings.Replace(replayed, "code=ac_", "code=ac_0", 1))
	require.Equal(t, "This answer was used before", v.text("h1"))
	v.picture("replayed")

	other := p.visit(t)
	other.open(replayed)
	require.Equal(t, "This answer belongs to another session", other.text("h1"))
	other.picture("stolen")
	other.click("#back", "#accounts article")
	require.Equal(t, 1, chromium.Script[int](other.ctx, t, `document.querySelectorAll("#accounts article").length`), "one connection, whoever presents what")
}

// TestAMerchantWhoLeavesAtStripeIsSeenAndLetGo: nobody tells the program, a check finds it.
func TestAMerchantWhoLeavesAtStripeIsSeenAndLetGo(t *testing.T) {
	chromium.Need(t)
	v := start(t).visit(t)
	v.click("#connect", "form[method=post] button[value=connect]")
	far, _, ok := strings.Cut(chromium.Run(v.ctx, t, chromedp.Location()), "/oauth/authorize")
	require.True(t, ok)
	v.click("button[value=connect]", "#message")
	v.click("#back", "#accounts article")
	account := v.text("#accounts h3")

	form := url.Values{"client_id": {"ca_demo"}, "client_secret": {"sk_test_demo_one"}, "stripe_user_id": {account}}
	left, err := http.PostForm(far+"/oauth/deauthorize", form)
	require.NoError(t, err)
	require.NoError(t, left.Body.Close())
	require.Equal(t, http.StatusOK, left.StatusCode)
	http.DefaultClient.CloseIdleConnections()

	v.click("#check", ".finding")
	require.Contains(t, v.text("#accounts article"), "Broken")
	require.Contains(t, v.text("#accounts .finding"), "What to do")
	require.Contains(t, v.text("#key article"), "Healthy")
	v.picture("broken")
	v.click("#accounts article a", "#do")
	v.fill("input[name=code]", v.text("#hint"))
	v.click("#do", "#none")
}
