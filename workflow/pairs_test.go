package workflow

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

func readPairs(text string) (pairs []Pair, errs []string) {
	for p, err := range ReadPairs(strings.NewReader(text)) {
		if err != nil {
			errs = append(errs, err.Error())
			continue
		}
		pairs = append(pairs, p)
	}
	return pairs, errs
}

func TestPairsAreReadAsSpreadsheetsWriteThem(t *testing.T) {
	t.Parallel()
	want := []Pair{{Row: 2, OrderNumber: "100000017", DocumentNumber: "SO17"}, {Row: 3, OrderNumber: "100000018", DocumentNumber: "SO 18"}}
	for name, text := range map[string]string{
		"commas":                "order_number,erp_number\n100000017,SO17\n100000018,SO 18\n",
		"semicolons":            "order_number;erp_number\n100000017;SO17\n100000018;SO 18\n",
		"tabs":                  "order_number\terp_number\n100000017\tSO17\n100000018\tSO 18\n",
		"a byte order mark":     "\ufefforder_number,erp_number\n100000017,SO17\n100000018,SO 18\n",
		"Windows line ends":     "order_number;erp_number\r\n100000017;SO17\r\n100000018;SO 18\r\n",
		"no line end":           "order_number;erp_number\n100000017;SO17\n100000018;SO 18",
		"quotes":                "\"order_number\",\"erp_number\"\n\"100000017\",\"SO17\"\n100000018,\"SO 18\"\n",
		"spaces and capitals":   "Order_Number , ERP_Number\n 100000017, SO17\n100000018 ,SO 18  \n",
		"columns the other way": "erp_number;order_number\nSO17;100000017\nSO 18;100000018\n",
		"rows without content":  "order_number,erp_number\n100000017,SO17\n100000018,SO 18\n,\n\n \n;\n",
	} {
		pairs, errs := readPairs(text)
		require.Empty(t, errs, name)
		require.Equal(t, want, pairs, name)
	}
	pairs, errs := readPairs("order_id,erp_id,store\n17,4711,\n18,4712,2\n")
	require.Empty(t, errs)
	require.Equal(t, []Pair{{Row: 2, OrderID: "17", DocumentID: "4711"}, {Row: 3, OrderID: "18", DocumentID: "4712", Store: "2"}}, pairs)
	pairs, errs = readPairs("order_number,store,erp_number\n17,1,A\n17,2,B\n")
	require.Empty(t, errs, "a number in two stores is two orders")
	require.Len(t, pairs, 2)
}

func TestWhatIsWrongInAFileOfPairsNamesRowAndColumn(t *testing.T) {
	t.Parallel()
	const head = "order_number,erp_number\n"
	for text, want := range map[string][]string{
		"":                                {"the file is empty"},
		"\n \n":                           {"the file is empty"},
		head:                              nil,
		"number,erp_number\n":             {`row 1, column "number": this column is not known; the columns are order_id, order_number, store, erp_id, erp_number`},
		"100000017,SO17\n":                {`row 1, column "100000017": this column is not known`},
		"order_number\n17\n":              {"row 1: one of the columns erp_id and erp_number has to be there, and not both"},
		"order_number,order_id,erp_id\n":  {"one of the columns order_id and order_number"},
		"erp_id,erp_number,order_id\n":    {"one of the columns erp_id and erp_number"},
		"order_id,erp_id,erp_id\n":        {"row 1, column erp_id: this column is there twice"},
		head + ",SO1\n18,SO2\n":           {"row 2, column order_number: it is empty"},
		head + "17,\n18,SO2\n":            {"row 2, column erp_number: it is empty"},
		head + "17\n18,SO2,x\n":           {"row 2: it has 1 columns, and the first row names 2", "row 3: it has 3 columns"},
		head + "1.00002E+15,A\n":          {`row 2, column order_number: "1.00002E+15" was rounded by a spreadsheet`},
		head + "17,A\n18,B\n17,C\n":       {"row 4: row 2 has the same order; keep one of the two"},
		head + "17,A\n\n18,A\n":           {"row 4: row 2 has the same document; keep one of the two"},
		head + "17,\"A\n18,B\n":           {"row 2: a quote is wrong at character"},
		head + "17,A\"B\n":                {"row 2: a quote is wrong at character"},
		head + "17,M\xfcller\n18,B\n":     {"row 2: this is not UTF-8; save the file as UTF-8"},
		"\xff\xfeo\x00r\x00":              {"the file is UTF-16; save it as UTF-8"},
		"o\x00r\x00d\x00":                 {"row 1: there is a zero byte"},
		"order_number,erp_number\r17,A\r": {"row 1: rows end with a carriage return alone"},
		head + strings.Repeat("1", 5000):  {"row 2: more than 4096 bytes"},
	} {
		_, errs := readPairs(text)
		require.Len(t, errs, len(want), "%.60q: %v", text, errs)
		for i := range want {
			require.Contains(t, errs[i], want[i], "%.60q", text)
		}
	}
	for _, err := range ReadPairs(strings.NewReader(head + "17,\n")) {
		bad, ok := errors.AsType[*PairError](err)
		require.True(t, ok)
		require.Equal(t, &PairError{Row: 2, Column: "erp_number", Text: "it is empty"}, bad)
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
}

func TestAFileThatBreaksOffIsAnErrorAndNoEnd(t *testing.T) {
	t.Parallel()
	broken := io.MultiReader(strings.NewReader("order_number,erp_number\n17,A\n"), brokenReader{})
	var pairs, errs int
	for _, err := range ReadPairs(broken) {
		if err != nil {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			errs++
			continue
		}
		pairs++
	}
	require.Equal(t, []int{1, 1}, []int{pairs, errs})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func FuzzReadPairs(f *testing.F) {
	for _, seed := range []string{"order_number,erp_number\n17,A\n", "\ufefforder_id;erp_id;store\r\n1;2;3\r\n", "order_id\terp_id\n\"1\"\t\"2\"\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows := 1 + strings.Count(text, "\n")
		for p, err := range ReadPairs(strings.NewReader(text)) {
			if err != nil {
				bad, ok := errors.AsType[*PairError](err)
				if !ok || bad.Row < 0 || bad.Row > rows || bad.Text == "" {
					t.Fatalf("%q: %T %v", text, err, err)
				}
				continue
			}
			if p.Row < 2 || p.Row > rows || (p.OrderID == "") == (p.OrderNumber == "") || (p.DocumentID == "") == (p.DocumentNumber == "") {
				t.Fatalf("%q: %+v", text, p)
			}
		}
	})
}
