package inbox

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/commercesync/commerce"
)

// meters are the instruments of an inbox.
type meters struct {
	attempts metric.Int64Counter
	duration metric.Float64Histogram
	behind   metric.Float64Gauge
	news     metric.Int64Counter
}

func (m *meters) open(meter metric.Meter) (err error) {
	if m.attempts, err = meter.Int64Counter("commerce.inbox.attempts",
		metric.WithDescription("Attempts at events, by how they ended.")); err != nil {
		return err
	}
	if m.duration, err = meter.Float64Histogram("commerce.inbox.duration", metric.WithUnit("s"),
		metric.WithDescription("How long the handlers of an event took.")); err != nil {
		return err
	}
	if m.behind, err = meter.Float64Gauge("commerce.inbox.feed.behind", metric.WithUnit("s"),
		metric.WithDescription("How long ago it is up to when a feed has told every change; told by each poll, also by one that failed.")); err != nil {
		return err
	}
	m.news, err = meter.Int64Counter("commerce.inbox.feed.news",
		metric.WithDescription("Changes that a feed brought and that were news; those of a sweep say what the changes feed missed."))
	return err
}

// polled records a poll that has ended.
func (m *meters) polled(ctx context.Context, f *FeedConfig, news int, complete, now time.Time) {
	name := attribute.String("feed", f.Name)
	m.news.Add(ctx, int64(news), metric.WithAttributes(name, attribute.Bool("repair", f.Repair)))
	if !complete.IsZero() {
		m.behind.Record(ctx, now.Sub(complete).Seconds(), metric.WithAttributes(name))
	}
}

// start begins the span of one attempt; done ends it. Both carry ids only.
func (m *meters) start(ctx context.Context, t trace.Tracer, root string, e Entry) (_ context.Context, done func(State, error)) {
	began := time.Now()
	ctx, span := t.Start(ctx, "inbox "+e.Event.Ref.System+" "+e.Event.Type, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			attribute.Int64("commerce.event.seq", e.Seq),
			attribute.String("commerce.event.id", e.Event.Ref.ID),
			attribute.String("commerce.root", root),
			attribute.Int("commerce.event.attempt", e.Attempts+1),
			attribute.Int64("commerce.event.generation", e.Generation),
		))
	return ctx, func(state State, err error) {
		if err != nil {
			span.SetStatus(codes.Error, string(commerce.KindOf(err)))
		}
		span.SetAttributes(attribute.String("commerce.event.state", string(state)))
		span.End()
		set := metric.WithAttributes(attribute.String("system", e.Event.Ref.System),
			attribute.String("type", e.Event.Type), attribute.String("state", string(state)))
		m.attempts.Add(ctx, 1, set)
		m.duration.Record(ctx, time.Since(began).Seconds(), set)
	}
}
