// Package browsertest is for tests of pages in a real Chromium, Debian's package. Where there is none they are skipped,
// loudly, unless OPENSANDBOX_REQUIRE_CHROMIUM=1 says that there must be one.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Widths of a page, in CSS pixels.
const (
	Desk  = 1280
	Phone = 390
)

// Page is a tab of its own. What goes wrong in it by itself, an exception, a refused resource, a dialog, fails the test.
type Page struct {
	t   testing.TB
	ctx context.Context
}

// Open loads a page and waits until it is there.
func Open(t testing.TB, url string) *Page {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("OPENSANDBOX_REQUIRE_CHROMIUM") == "1" {
			t.Fatal("there must be a Chromium: apt-get install chromium")
		}
		t.Skip("SKIPPED: there is no Chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.WSURLReadTimeout(time.Minute))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	ctx, closed := chromedp.NewExecAllocator(ctx, options...)
	var mu sync.Mutex
	var wrong []string
	p := &Page{t: t}
	var left context.CancelFunc
	p.ctx, left = chromedp.NewContext(ctx, chromedp.WithListener(func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			wrong = append(wrong, (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				wrong = append(wrong, e.Entry.Text+" "+e.Entry.URL)
			}
		case *page.EventJavascriptDialogOpening:
			wrong = append(wrong, "a dialog: "+e.Message)
			go func() { // the page waits for it
				_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			}()
		}
	}))
	t.Cleanup(func() {
		left()
		closed()
		cancel()
		mu.Lock()
		defer mu.Unlock()
		for _, what := range wrong {
			t.Error("in the page: ", what)
		}
	})
	p.Do(chromedp.Navigate(url))
	return p
}

// Do runs actions.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// Value runs an action and gives its value.
func Value[T any](p *Page, action chromedp.Action[T]) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, action)
	if err != nil {
		p.t.Fatal(err)
	}
	return value
}

// Eval gives the value of an expression in the page, which may do what only a reader's gesture may; a promise is awaited.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	return Value(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise, func(params *runtime.EvaluateParams) {
		yes := true
		params.UserGesture = &yes
	}))
}

// Look sets how wide the page is, and whether its reader likes it dark.
func (p *Page) Look(width int64, dark bool) {
	p.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	p.Do(chromedp.EmulateViewport(width, 844))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media); err != nil {
		p.t.Fatal(err)
	}
}

// faint lists texts that can hardly be read: WCAG 2.2 asks for a contrast of 4.5 to 1 (success criterion 1.4.3).
const faint = `(() => {
	const rgb = (c) => (c.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = (el) => {
		for (; el; el = el.parentElement) {
			const c = rgb(getComputedStyle(el).backgroundColor);
			if (c.length === 3 || c[3] > 0) return c;
		}
		return [255, 255, 255];
	};
	const found = [];
	for (const el of document.querySelectorAll("body *")) {
		if (!el.checkVisibility() || ![...el.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
		const style = getComputedStyle(el);
		const [over, under] = [light(rgb(style.color)), light(ground(el))];
		const ratio = (Math.max(over, under) + 0.05) / (Math.min(over, under) + 0.05);
		if (ratio < 4.5) found.push(el.tagName + "." + el.className + " " + ratio.toFixed(2) + " " + el.textContent.trim().slice(0, 40));
	}
	return found;
})()`

// CheckReadable fails the test where the page is wider than its window, or has texts that can hardly be read.
func (p *Page) CheckReadable() {
	p.t.Helper()
	if over := Eval[float64](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		p.t.Errorf("the page is %v pixels wider than its window", over)
	}
	for _, text := range Eval[[]string](p, faint) {
		p.t.Error("hard to read: ", text)
	}
}
