package inbox

import (
	"context"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// FeedStatus says how far a feed came, and how its last poll in this process went.
type FeedStatus struct {
	Name   string
	Cursor string // as stored; "" where it never ran
	// CompleteTo is the time up to which every change was told, by the far side's clock;
	// zero where there is none yet, or where the feed is no [Completer].
	CompleteTo time.Time
	// Polled is when a poll of this process last went well, Failed when one last did
	// not; zero = never.
	Polled, Failed time.Time
	// Error is why the last poll failed, in words that may be shown; empty where it went well.
	Error string
}

// Feeds says how far each feed came, in the order of Config.Feeds. It makes no request
// to a far side.
func (in *Inbox) Feeds(ctx context.Context) ([]FeedStatus, error) {
	out := make([]FeedStatus, len(in.c.Feeds))
	for i := range in.c.Feeds {
		f := &in.c.Feeds[i]
		cursor, err := in.store.Cursor(ctx, f.Name)
		if err != nil {
			return nil, err
		}
		out[i] = in.feeds.get(f.Name)
		out[i].Name, out[i].Cursor, out[i].CompleteTo = f.Name, cursor, completeTo(f, cursor)
	}
	return out, nil
}

func completeTo(f *FeedConfig, cursor string) time.Time {
	if c, ok := f.Feed.(Completer); ok && cursor != "" {
		return c.CompleteTo(cursor)
	}
	return time.Time{}
}

// feedStates is what this process knows of its feeds.
type feedStates struct {
	mu    sync.Mutex
	feeds map[string]FeedStatus
}

func (s *feedStates) get(name string) FeedStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.feeds[name]
}

// change changes what is known of a feed and returns it.
func (s *feedStates) change(name string, change func(*FeedStatus)) FeedStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeds == nil {
		s.feeds = map[string]FeedStatus{}
	}
	f := s.feeds[name]
	change(&f)
	s.feeds[name] = f
	return f
}

// stands notes how far a feed came.
func (in *Inbox) stands(f *FeedConfig, cursor string) {
	to := completeTo(f, cursor)
	in.feeds.change(f.Name, func(s *FeedStatus) { s.CompleteTo = to })
}

// polled tells of a poll that has ended: one alert when a feed goes down, and one when
// it is back.
func (in *Inbox) polled(ctx context.Context, w *walk, err error) {
	f, now := w.feed, in.c.Now()
	s := in.feeds.change(f.Name, func(s *FeedStatus) {
		if s.Error = ""; err == nil {
			s.Polled = now
		} else {
			s.Failed, s.Error = now, in.reason(err)
		}
	})
	in.meters.polled(ctx, f, w.news, s.CompleteTo, now)
	if w.news > 0 {
		in.c.Logger.Info("inbox: poll found news", "feed", f.Name, "news", w.news, "complete_to", s.CompleteTo)
	}
	if err != nil {
		in.c.Logger.Warn("inbox: poll failed", "feed", f.Name, "error", safeText(err))
	}
	if !in.alerts.feeds.change(f.Name, err != nil) {
		return
	}
	if err != nil {
		in.alert(ctx, Alert{Kind: AlertFeedDown, Name: f.Name, Code: string(commerce.KindOf(err)), Reason: s.Error})
	} else {
		in.alert(ctx, Alert{Kind: AlertCleared, Of: AlertFeedDown, Name: f.Name})
	}
}
