package inbox

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/commercesync/commerce"
)

// Feed reads what changed in a system that does not tell by itself, or whose telling
// may be lost.
//
// The cursor is the feed's whole memory, and "" its first day. It is stored with what
// was yielded before it, so a poll that is cut off goes on from the last page stored:
// in the middle of a walk as well. What has to last longer than the program stands in
// it, such as the end of the last round of a daily sweep: the feed then yields nothing,
// and asks nothing of the far side, until the next round is due.
type Feed interface {
	// Changes yields what changed after cursor, oldest first, and ends at a bound taken
	// when it began. An error ends it; what was yielded before stands. It reads a page,
	// yields its changes and reads the next, so that memory does not grow with the shop;
	// while the loop's body runs, the store commits.
	Changes(ctx context.Context, cursor string) iter.Seq2[Change, error]
}

// Completer is a [Feed] that can say how far it came.
type Completer interface {
	// CompleteTo returns the time up to which every change was told when the feed stood
	// at cursor, assuming the lag that the feed was configured with, by the far side's
	// clock; zero where there is none yet. It only reads the text: it makes no request.
	CompleteTo(cursor string) time.Time
}

// Change is one changed object.
type Change struct {
	// Event's Ref.ID and Object are the object's id where Hash is set: the inbox adds
	// the revision. Without a hash Ref.ID is the event's own id, as in a list of missed
	// webhooks. A zero Event only moves the cursor.
	Event commerce.Event
	// Hash is of the content that matters; the same hash as last time is no news. Where
	// the object has a date of its last change, that matters too: a change that is taken
	// back before the next poll is then news all the same.
	Hash string
	// Cursor is where to go on after this change. It is stored with it.
	Cursor string
	// Repair: worked after what is told, as with FeedConfig.Repair. A feed's first walk
	// through years of orders marks them so, that today's do not wait behind them.
	Repair bool
}

// FeedConfig is one feed of an inbox.
type FeedConfig struct {
	// Name is the feed's for ever: its cursor is stored under it.
	Name string
	Feed Feed
	// Repair: the feed brings what should have come by another way already, such as a list
	// of webhooks that were not delivered. What it brings is worked after what is told.
	Repair bool
	// Every is how long after a poll the next one begins. Defaults to 1 minute.
	// After errors it grows up to 16 times as long. The first poll begins with Run:
	// what is to happen once a day however often the program starts, the feed keeps in
	// its cursor.
	Every time.Duration
	// Timeout bounds one poll. What was read until then is stored and the next one
	// goes on from there. Defaults to 10 minutes.
	Timeout time.Duration
}

func checkFeeds(feeds []FeedConfig) error {
	names := map[string]bool{}
	for i, f := range feeds {
		switch {
		case f.Name == "":
			return invalid("new", "Feeds[%d].Name is empty", i)
		case names[f.Name]:
			return invalid("new", "Feeds: two feeds are named %q", f.Name)
		case f.Feed == nil:
			return invalid("new", "Feeds: %q has no Feed", f.Name)
		case f.Every < 0:
			return invalid("new", "Feeds: %q: Every must be positive", f.Name)
		case f.Timeout < 0:
			return invalid("new", "Feeds: %q: Timeout must be positive", f.Name)
		}
		names[f.Name] = true
	}
	return nil
}

// Poll polls every feed once in the calling goroutine and returns how many changes were
// news. Run does the same, each feed in its own time. The errors of all feeds are joined.
func (in *Inbox) Poll(ctx context.Context) (int, error) {
	n := 0
	var errs []error
	for i := range in.c.Feeds {
		got, _, err := in.poll(ctx, &in.c.Feeds[i])
		n += got
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}

func (in *Inbox) pollForever(ctx context.Context, f *FeedConfig) {
	every := f.Every
	def(&every, time.Minute)
	failures := 0
	for ctx.Err() == nil {
		_, more, err := in.poll(ctx, f)
		switch {
		case more:
			continue
		case err == nil:
			failures = 0
		default:
			failures++
		}
		wait := every
		if failures > 0 {
			wait = in.spread(every << min(failures, 4))
		}
		in.sleep(ctx, wait, nil)
	}
}

// walk is a poll under way.
type walk struct {
	in   *Inbox
	feed *FeedConfig
	at   string   // the cursor, as it is stored
	page []Change // read after it, and not stored yet
	news int
}

// poll reads one feed to its end and stores what it yields, page by page, each with its
// cursor in one transaction. More says that it ended for its time, not for its end.
func (in *Inbox) poll(ctx context.Context, f *FeedConfig) (news int, more bool, err error) {
	w := &walk{in: in, feed: f}
	defer func() {
		if p := recover(); p != nil {
			err = in.panicked(p, "feed", f.Name)
		}
		news = w.news
		if err == nil || ctx.Err() == nil { // the end of the program says nothing about the feed
			in.polled(ctx, w, err)
		}
	}()
	timeout := f.Timeout
	def(&timeout, 10*time.Minute)
	polling, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	call, done := in.call(ctx)
	cursor, err := in.store.Cursor(call, f.Name)
	done()
	if err != nil {
		return 0, false, err
	}
	in.stands(f, cursor)
	w.at = cursor
	err = w.read(ctx, f.Feed.Changes(polling, cursor))
	switch {
	case cursorMoved(err):
		in.c.Logger.Info("inbox: another process polls the feed", "feed", f.Name)
		return 0, false, nil
	case err != nil && polling.Err() != nil && ctx.Err() == nil && w.at != cursor:
		return 0, true, nil
	}
	return 0, false, err
}

// read stores what comes, a page of one kind at a time.
func (w *walk) read(ctx context.Context, changes iter.Seq2[Change, error]) error {
	for c, err := range changes {
		if err != nil {
			// What came before the error stands; that there was no more is not known.
			return errors.Join(w.flush(ctx), err)
		}
		if !c.Event.Ref.IsZero() {
			if c.Event, err = w.in.accept(c.Event); err != nil {
				return errors.Join(w.flush(ctx), err)
			}
		}
		if len(w.page) > 0 && (len(w.page) == w.in.c.MaxBatch || kindOf(c) != kindOf(w.page[0])) {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
		w.page = append(w.page, c)
	}
	return w.flush(ctx)
}

func (w *walk) flush(ctx context.Context) error {
	page := w.page
	w.page = w.page[:0]
	if len(page) == 0 || kindOf(page[0]).moved && page[len(page)-1].Cursor == w.at {
		return nil
	}
	return w.store(ctx, page)
}

// changeKind tells apart what can not share a batch.
type changeKind struct {
	moved   bool // only the cursor moved
	revised bool // the store numbers the revisions; else events with ids of their own
	repair  bool
}

func kindOf(c Change) changeKind {
	if c.Event.Ref.IsZero() {
		return changeKind{moved: true}
	}
	return changeKind{revised: c.Hash != "", repair: c.Repair}
}

// store stores changes of one kind with the cursor after the last of them.
func (w *walk) store(ctx context.Context, page []Change) error {
	b := Batch{ID: w.in.fresh(), Feed: w.feed.Name, Since: w.at, Cursor: page[len(page)-1].Cursor,
		Repair: w.feed.Repair || page[0].Repair}
	kind := kindOf(page[0])
	if !kind.moved {
		// In order of identity, as every batch; changes of one object stay in theirs.
		sorted := slices.Clone(page)
		slices.SortStableFunc(sorted, func(a, b Change) int { return byIdentity(a.Event, b.Event) })
		for _, c := range sorted {
			b.Events = append(b.Events, c.Event)
			if kind.revised {
				b.Revise = append(b.Revise, c.Hash)
			}
		}
	}
	got, err := w.in.commit(ctx, b)
	if refused(err) && len(page) > 1 {
		// One by one, as they came: all before the bad one are stored, and the cursor
		// stands before it.
		for i := range page {
			if err := w.store(ctx, page[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	w.at = b.Cursor
	w.in.stands(w.feed, w.at)
	w.in.tellClashes(ctx, b, got)
	for _, a := range got {
		if !a.Duplicate {
			w.news++
		}
	}
	return nil
}

// codeCursorMoved is the code of a store's error where another process was first.
const codeCursorMoved = "cursor_moved"

func cursorMoved(err error) bool {
	e, ok := errors.AsType[*commerce.Error](err)
	return ok && e.Kind == commerce.KindConflict && e.Code == codeCursorMoved
}
