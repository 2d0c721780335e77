package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/commercesync/commerce"
)

// Codes of the findings of [Flow.Check].
const (
	FoundNotConnected = "oauth_not_connected" // there is no grant
	FoundUnread       = "oauth_unread"        // there may be one, and it can not be opened
	FoundEnded        = "oauth_ended"         // the far side renews it no more
	FoundGone         = "oauth_access_gone"   // the merchant took the access away, and nobody noticed
	FoundNotRenewed   = "oauth_not_renewed"   // the access token ended some time ago
	FoundEnding       = "oauth_ending"        // the connection ends within 30 days
)

// Check looks at a connection: whether there is a grant, whether it can be used, whether the
// far side still knows of it, and whether it will end. It changes nothing.
func (f *Flow) Check(ctx context.Context, connection commerce.Ref) commerce.Findings {
	connection = connection.With("")
	found := func(code string, severity commerce.Severity, seen, expected, mend string) commerce.Findings {
		return commerce.Findings{{Connection: connection, Code: code, Severity: severity, Seen: seen, Expected: expected, Mend: mend}}
	}
	const again = "connect the account again, from the page of connections"
	g, err := f.Grant(ctx, connection)
	now, day := f.c.Now(), 24*time.Hour
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return found(FoundNotConnected, commerce.Broken, "there is no grant", "one that the merchant gave", again)
	case err != nil:
		return found(FoundUnread, commerce.Broken, "the grant can not be read: "+err.Error(), "a vault that opens it", "look at the vault and its keys")
	case g.Ended != "":
		return found(FoundEnded, commerce.Broken, "the far side refused to renew the access ("+g.Ended+")", "tokens that are renewed", again)
	}
	if p := f.c.Provider; p.alive != nil {
		if there, err := f.alive(ctx, connection); err == nil && !there {
			return found(FoundGone, commerce.Broken, "the far side gives no access to the account", "access until somebody ends it",
				again+"; and give the event account.application.deauthorized to Flow.Deauthorized, so that it is noticed")
		}
	}
	switch {
	case !g.Ends.IsZero() && g.Ends.Sub(now) <= 30*day:
		return found(FoundEnding, commerce.Warning, "the connection ends on "+g.Ends.UTC().Format(time.DateOnly), "more than 30 days", again)
	case !g.Expires.IsZero() && now.Sub(g.Expires) > time.Hour:
		return found(FoundNotRenewed, commerce.Warning, "the access token ended on "+g.Expires.UTC().Format(time.RFC3339), "tokens that are renewed before they end",
			"let a program call Flow.Run, and look into its log for why tokens are not renewed")
	}
	return nil
}
