package workflow

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/commercesync/commerce"
)

// AdoptOutcome says what became of one order in a run of [Adopt].
type AdoptOutcome string

const (
	// AdoptFound: a dry run found one document, and a run would adopt it.
	AdoptFound AdoptOutcome = "found"
	// AdoptAdopted: the document is the order's from now on.
	AdoptAdopted AdoptOutcome = "adopted"
	// AdoptAlready: the order has a sales order since before this run.
	AdoptAlready AdoptOutcome = "already"
	// AdoptNotFound: the ERP has no document that counts.
	AdoptNotFound AdoptOutcome = "not_found"
	// AdoptAmbiguous: more than one document or order answers, or the totals differ.
	AdoptAmbiguous AdoptOutcome = "ambiguous"
	// AdoptRefused: it can not be adopted; Text says why.
	AdoptRefused AdoptOutcome = "refused"
)

// AdoptLine is one order, or one row of a file of pairs.
type AdoptLine struct {
	Outcome  AdoptOutcome
	Row      int          // of the file of pairs; 0 = found by its reference
	Order    commerce.Ref // zero where the shop does not have it
	Number   string
	Document commerce.Document // at the ERP
	Text     string
}

// OpenOrder is an order of the time before that the shop has not ended.
type OpenOrder struct {
	Order    commerce.Ref
	Number   string
	Placed   time.Time
	State    commerce.OrderState
	Payment  commerce.PaymentState // of the payments that the processor has
	Total    commerce.Money
	Paid     commerce.Money    // as the shop has recorded it
	Shipped  bool              // a part of it at least
	Document commerce.Document // at the ERP; zero = none was found
	Taken    bool              // it is taken up, or would be
	Text     string
}

// AdoptReport says what a run of [Adopt] did, or would do. Its String is a table for
// people; it has order numbers, ids and amounts, and nothing of persons.
type AdoptReport struct {
	DryRun bool

	Found     int // by a dry run
	Adopted   int
	Already   int
	NotFound  int
	Ambiguous int
	Refused   int
	// Ended are canceled and closed orders without a document: nobody misses one.
	Ended int
	// Newer are orders that were placed after StartAt: they are OrderToCash's own.
	Newer int
	// Lines are those that a person has to look at: not found, ambiguous and refused;
	// and in a dry run those that were found.
	Lines []AdoptLine

	// Open are the orders that the shop has not ended, whatever became of their document.
	Open []OpenOrder
	// OpenOrders counts them, Taken those of them that this run took up.
	OpenOrders, Taken int

	most, listed int
}

func (r *AdoptReport) add(l AdoptLine) {
	list := true
	switch l.Outcome {
	case AdoptFound:
		r.Found++
	case AdoptAdopted:
		r.Adopted++
		list = l.Text != ""
	case AdoptAlready:
		r.Already++
		list = false
	case AdoptNotFound:
		r.NotFound++
	case AdoptAmbiguous:
		r.Ambiguous++
	case AdoptRefused:
		r.Refused++
	}
	if !list {
		return
	}
	if r.listed++; r.listed <= r.most {
		r.Lines = append(r.Lines, l)
	}
}

func (r *AdoptReport) open(x OpenOrder) {
	r.OpenOrders++
	if len(r.Open) < r.most {
		r.Open = append(r.Open, x)
	}
}

// String is the table that WriteTo writes.
func (r *AdoptReport) String() string {
	var b strings.Builder
	_, _ = r.WriteTo(&b) // a builder takes everything
	return b.String()
}

// WriteTo writes the report as a table.
func (r *AdoptReport) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	if r.DryRun {
		fmt.Fprintf(&b, "Dry run, nothing was written: %d would be adopted", r.Found)
	} else {
		fmt.Fprintf(&b, "%d adopted", r.Adopted)
	}
	fmt.Fprintf(&b, ", %d already, %d not found, %d ambiguous, %d refused, %d ended without one, %d newer.\n",
		r.Already, r.NotFound, r.Ambiguous, r.Refused, r.Ended, r.Newer)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if len(r.Lines) > 0 {
		fmt.Fprintln(t, "\nOUTCOME\tROW\tORDER\tNUMBER\tDOCUMENT\tSTATE\tTOTAL\tREMARK")
		for _, l := range r.Lines {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Outcome, dash(rowOf(l)), dash(shopID(l.Order)), dash(l.Number),
				dash(document(l.Document)), dash(l.Document.State), amountOr(l.Document.Total), l.Text)
		}
	}
	_ = t.Flush()
	rest(&b, r.listed-len(r.Lines))
	taken := "taken up"
	if r.DryRun {
		taken = "would be taken up"
	}
	fmt.Fprintf(&b, "\n%d open orders of the time before, %d of them %s now.\n", r.OpenOrders, r.Taken, taken)
	if len(r.Open) > 0 {
		t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "\nORDER\tNUMBER\tPLACED\tSTATE\tPAYMENT\tSHIPPED\tTOTAL\tDOCUMENT\tTAKEN\tREMARK")
		for _, x := range r.Open {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", shopID(x.Order), dash(x.Number), x.Placed.UTC().Format(time.DateOnly), x.State,
				dash(string(x.Payment)), yesNo(x.Shipped), amountOr(x.Total), dash(document(x.Document)), yesNo(x.Taken), x.Text)
		}
		_ = t.Flush()
	}
	rest(&b, r.OpenOrders-len(r.Open))
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func document(d commerce.Document) string {
	if d.Number == "" {
		return d.Ref.ID
	}
	return d.Number + " (" + d.Ref.ID + ")"
}

func rest(b *strings.Builder, n int) {
	if n > 0 {
		fmt.Fprintf(b, "and %d more\n", n)
	}
}

func dash(s string) string { return cmp.Or(s, "-") }

func rowOf(l AdoptLine) string {
	if l.Row == 0 {
		return ""
	}
	return strconv.Itoa(l.Row)
}

func amountOr(m commerce.Money) string {
	if m.Currency() == "" {
		return "-"
	}
	return m.String()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
