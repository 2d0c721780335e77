// Package reconcile says what is in a payout, to the last cent, and books it.
//
// Stripe pays out one sum. This package reads what it is made of, proves that the rows
// add up to it, finds the order and the ERP document of every row, names a reason for
// every difference, and makes entries that balance. It has no clock, no network and no
// client: rows come in as sequences, from a report or from the API.
//
//	got, err := reconcile.Payout(ctx, reconcile.Input{
//		Payout: payout,                                                   // as Stripe has it
//		Lines:  reconcile.Itemized(report, reconcile.ItemizedConfig{}),   // what is in it
//		Shop:   reconcile.Orders(orders, reconcile.OrdersConfig{}),       // what was sold
//	}, reconcile.Config{})
//	if err != nil {
//		return err
//	}
//	defer got.Close() // removes the spill files
//	for d, err := range got.Discrepancies() {
//		…              // d.Reason, both sides, d.Difference; d.Reason.Advice() says what to do
//	}
//	entry, err := got.Entry(chart) // balances; an *OpenError where the payout does not close
//
// # Proof
//
// [Proof] has the closed sums of the payout: sales, refunds, disputes, fees, reserves,
// transfers and adjustments make its net, always. What the bank gets beyond that is the
// rest, to the minor unit. A row that is there twice, a report that was cut between two
// rows, a payout whose rows are still being listed: none of them closes, and nothing is
// posted from it.
//
// Of payouts made by hand nobody can say what is in them. [Balances] follows the balance
// of each currency instead and names the earliest day on which it is not what Stripe
// states.
//
// # Matching
//
// Rows are matched by ids: refund, payment intent, charge, the order's number in the
// metadata; several rows of one id by their sums and amounts. Shop and ERP are matched
// by number first, each shop's documents among themselves, and compared by what a sale comes
// to, gift cards included ([Document].Total), and where both say their lines
// and taxes, by these too ([Discrepancy].Lines). What no id joins is proposed by amount,
// currency and date, with a confidence; a proposal counts when a person has confirmed it
// ([Config].Confirmed).
//
// Disputes, and of Connect transfers, application fees and what is taken back of them,
// belong to the document of the charge that they are for, directly or by way of other
// lines; they are not compared with it. [Matched] counts what became of every line.
// [Report.Matches] leads from each line to the order and on to the ERP's document,
// [Report.Alone] has what belongs to none, and [Keys] are all names on that way, of
// discrepancies too.
//
// Neither side is held in memory. Both are spread over partitions on disk by the hash of
// an id, as entries of 32 bytes, and compared one pair of partitions at a time within
// Config.Memory; what is said about a row, and the lines of documents, are read from disk
// only where they differ. The result does not depend on the order of the rows. Every input
// is read ahead, on a core of its own where there are some.
//
// # Books
//
// A [Chart] has an account for every reporting category and every type of fee; what has
// none stops the posting by its name, or goes to a suspense account where the chart says
// so. [Chart.Entries] books all movements of a balance: one activity entry a day, whether
// the money was paid out or not, and one entry a payout, from clearing to money in
// transit. The clearing account is then Stripe's balance, on every day and in every
// currency. Sales and refunds are posted by documents of their own, or by the day's entry
// over the accounts that [Chart].Split names; a platform of Connect books its sellers'
// money gross or net ([Platform]). [Next] makes supplements where facts come late: posted
// entries never change.
//
// [Chart.Opening] takes a balance over, once; what is older is in no entry. [Chart.Lost]
// makes a loss of a dispute that was lost. Where the company has another currency, every
// entry is worth what its day says, and [Chart.Revalue] books what the days between
// filling and emptying an account gain or lose.
//
// [Month] closes a month: sales and tax beside the money, the clearing account as
// everybody has it who has a word on it, with the first day on which they differ, and
// what is not paid out, on its way, held back, suspended or from another month.
//
// # Input that is not right
//
// A missing column, a row that is cut, an amount with too many digits, another encoding:
// each is a [*RowError] with row and column, and ends the run. What is merely unexpected, such as
// a reporting category that nobody has seen, is kept, counted and surfaced.
package reconcile
