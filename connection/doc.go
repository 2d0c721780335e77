// Package connection says what is wrong with the connections of a program, what was
// expected, and how to mend it: reachability and certificates, credentials and their
// rights, webhooks, clocks, settings by which amounts would disagree.
//
// Each adapter below package mapping has a Check that returns commerce.Findings; none is
// what one hopes for. A [Checker] runs the checks of every connection side by side, each
// with a time-out that holds whatever hangs, keeps the last results, and tells what
// changed:
//
//	checker, err := connection.New(connection.Config{
//		Connections: connection.These(
//			connection.Connection{Ref: stripeRef, Key: key.Current, Check: func(ctx context.Context) commerce.Findings {
//				return pay.Check(ctx, stripepay.CheckConfig{Endpoint: endpoint})
//			}},
//			connection.Connection{Ref: erpRef, Check: books.Check},
//		),
//		Notify: func(ctx context.Context, c connection.Change) error { return mail(ctx, c) },
//	})
//	results, err := checker.Check(ctx) // on demand
//	err = checker.Run(ctx)             // and every hour
//
// # From an error to its remedy
//
// [Diagnose] names the cause of an error and its remedy. The same table stands in
// docs/troubleshooting.md. [Found] makes a finding of an error that a check met.
//
// # What a check may do
//
// A check reads. The two exceptions are asked for by name: a delivery to one's own webhook,
// signed and of a type that no handler has, and a [RoundTrip], which pays a small order in
// test mode.
package connection
