package inbox

import (
	"context"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// Handler is one piece of work that an event asks for. It must reckon with being
// called again for the same event: after a failure, and after a crash also where it
// had succeeded.
type Handler struct {
	// Name says which handler an event died of: "order-to-cash".
	Name string
	// Handle does the work. nil means done. The kind of an error decides what
	// becomes of the event: permanent kinds bury it, commerce.KindParked parks it
	// without using up an attempt, all others make it wait and try again. ctx ends a
	// margin before the right to work on the event does.
	Handle func(ctx context.Context, e commerce.Event) error
}

// Handlers says which handlers an event goes to, by "system type":
//
//	inbox.Handlers{
//		"stripe charge.succeeded": {{Name: "receipts", Handle: post}},
//		"stripe *":                {{Name: "archive", Handle: archive}},
//	}
//
// All handlers of an event run, in order, those of its own type before those of
// "*", each also where an earlier one failed.
type Handlers map[string][]Handler

// Merge joins the handlers of several workflows; for one key they run in the order
// of the arguments.
func Merge(all ...Handlers) Handlers {
	out := Handlers{}
	for _, hs := range all {
		for key, list := range hs {
			out[key] = append(slices.Clone(out[key]), list...)
		}
	}
	return out
}

// Types returns the types of one system's events that are handled, in order: what its
// webhook endpoint has to deliver. It is the one place that says so, because the
// workflows say it by what they handle. "*" is among them where a handler takes all.
func (hs Handlers) Types(system string) []string {
	var types []string
	for key := range hs {
		if source, kind, _ := strings.Cut(key, " "); source == system {
			types = append(types, kind)
		}
	}
	slices.Sort(types)
	return types
}

// of returns the handlers of an event.
func (hs Handlers) of(e commerce.Event) []Handler {
	exact, any := hs[e.Ref.System+" "+e.Type], hs[e.Ref.System+" *"]
	if len(any) == 0 {
		return exact
	}
	return slices.Concat(exact, any)
}

func (hs Handlers) check() error {
	for key, list := range hs {
		if source, kind, ok := strings.Cut(key, " "); !ok || source == "" || kind == "" || strings.Contains(kind, " ") {
			return invalid("new", `Handlers: key %q is not "system type"`, key)
		}
		names := map[string]bool{}
		for i, h := range list {
			switch {
			case h.Handle == nil:
				return invalid("new", "Handlers: %q: handler %d (%q) has no Handle", key, i, h.Name)
			case h.Name == "":
				return invalid("new", "Handlers: %q: handler %d has no Name", key, i)
			case names[h.Name]:
				return invalid("new", "Handlers: %q: two handlers are named %q", key, h.Name)
			}
			names[h.Name] = true
		}
	}
	return nil
}
