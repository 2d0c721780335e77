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
		got, err := in.poll(ctx, &in.c.Feeds[i])
		n += got
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}

func (in *Inbox) pollForever(ctx context.Context, f *FeedConfig) {
	every := f.Every
	def(&every, time.Minute)
	failures := 0
	for {
		if _, err := in.poll(ctx, f); err == nil {
			failures = 0
		} else {
			failures++
		}
		wait := every
		if failures > 0 {
			wait = in.spread(every << min(failures, 4))
		}
		if in.sleep(ctx, wait, nil); ctx.Err() != nil {
			return
		}
	}
}

// poll reads one feed to its end and stores what it yields, page by page, each with its
// cursor in one transaction.
func (in *Inbox) poll(ctx context.Context, f *FeedConfig) (news int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = in.panicked(p, "feed", f.Name)
		}
		if err == nil || ctx.Err() == nil { // the end of the program says nothing about the feed
			in.tellFeed(ctx, f.Name, err)
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
		return 0, err
	}
	var page []Change
	flush := func() error {
		n, err := in.storePage(ctx, f, page)
		news += n
		page = page[:0]
		return err
	}
	for c, err := range f.Feed.Changes(polling, cursor) {
		if err != nil {
			// What came before the error stands; that there was no more is not known.
			return news, errors.Join(flush(), err)
		}
		if !c.Event.Ref.IsZero() {
			if c.Event, err = in.accept(c.Event); err != nil {
				return news, errors.Join(flush(), err)
			}
		}
		if len(page) > 0 && (len(page) == in.c.MaxBatch || kindOf(c) != kindOf(page[0])) {
			if err := flush(); err != nil {
				return news, err
			}
		}
		page = append(page, c)
	}
	return news, flush()
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

// storePage stores changes of one kind with the cursor after the last of them.
func (in *Inbox) storePage(ctx context.Context, f *FeedConfig, page []Change) (news int, err error) {
	if len(page) == 0 {
		return 0, nil
	}
	b := Batch{ID: in.fresh(), Feed: f.Name, Cursor: page[len(page)-1].Cursor, Repair: f.Repair || page[0].Repair}
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
	got, err := in.commit(ctx, b)
	if refused(err) && len(page) > 1 {
		// One by one, as they came: all before the bad one are stored, and the cursor
		// stands before it.
		for i := range page {
			n, err := in.storePage(ctx, f, page[i:i+1])
			news += n
			if err != nil {
				return news, err
			}
		}
		return news, nil
	}
	in.tellClashes(ctx, b, got)
	for _, a := range got {
		if !a.Duplicate {
			news++
		}
	}
	return news, err
}

// tellFeed raises one alert when a feed goes down and one when it is back.
func (in *Inbox) tellFeed(ctx context.Context, name string, err error) {
	if err != nil {
		in.c.Logger.Warn("inbox: poll failed", "feed", name, "error", safeText(err))
	}
	if !in.alerts.feeds.change(name, err != nil) {
		return
	}
	if err != nil {
		in.alert(ctx, Alert{Kind: AlertFeedDown, Name: name, Code: string(commerce.KindOf(err)), Reason: in.reason(err)})
	} else {
		in.alert(ctx, Alert{Kind: AlertCleared, Of: AlertFeedDown, Name: name})
	}
}
