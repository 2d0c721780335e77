package odootest

// chart are the accounts of the generic chart, in the order of their ids.
var chart = []struct {
	code, name, kind string
	reconcile        bool
}{
	{"101000", "Current Assets", "asset_current", false},
	{"110100", "Stock Valuation", "asset_current", false},
	{"110400", "Cost of Production", "asset_current", true},
	{"110500", "Work in Progress", "asset_current", true},
	{"121000", "Account Receivable", "asset_receivable", true},
	{"121100", "Products to receive", "asset_current", true},
	{"122000", "Owner's Current Account", "asset_receivable", true},
	{"128000", "Prepaid Expenses", "asset_current", false},
	{"131000", "Tax Paid", "asset_current", false},
	{"132000", "Tax Receivable", "asset_receivable", true},
	{"141000", "Prepayments", "asset_prepayments", false},
	{"151000", "Fixed Asset", "asset_fixed", false},
	{"191000", "Non-current assets", "asset_non_current", false},
	{"201000", "Current Liabilities", "liability_current", false},
	{"211000", "Account Payable", "liability_payable", true},
	{"211100", "Bills to receive", "liability_current", true},
	{"212000", "Deferred Revenue", "liability_current", false},
	{"230000", "Salary Payable", "liability_current", true},
	{"230100", "Employee Payroll Taxes", "liability_current", true},
	{"230200", "Employer Payroll Taxes", "liability_current", true},
	{"251000", "Tax Received", "liability_current", false},
	{"252000", "Tax Payable", "liability_payable", true},
	{"291000", "Non-current Liabilities", "liability_non_current", false},
	{"301000", "Capital", "equity", false},
	{"302000", "Dividends", "equity", false},
	{"400000", "Product Sales", "income", false},
	{"441000", "Foreign Exchange Gain", "income", false},
	{"442000", "Cash Difference Gain", "income", false},
	{"443000", "Cash Discount Loss", "expense", false},
	{"450000", "Other Income", "income_other", false},
	{"500000", "Cost of Goods Sold", "expense_direct_cost", false},
	{"600000", "Expenses", "expense", false},
	{"610000", "Stock Variation", "expense", false},
	{"611000", "Purchase of Equipments", "expense", false},
	{"612000", "Rent", "expense", false},
	{"620000", "Bank Fees", "expense", false},
	{"630000", "Salary Expenses", "expense", false},
	{"641000", "Foreign Exchange Loss", "expense", false},
	{"642000", "Cash Difference Loss", "expense", false},
	{"643000", "Cash Discount Gain", "income", false},
	{"961000", "RD Expenses", "expense", false},
	{"962000", "Sales Expenses", "expense", false},
	{"101300", "Account Receivable (PoS)", "asset_receivable", true},
	{"201100", "Credit Card", "liability_credit_card", false},
	{"101401", "Bank", "asset_cash", false},
	{"101402", "Bank Suspense Account", "asset_current", false},
	{"101701", "Liquidity Transfer", "asset_current", true},
	{"101403", "Outstanding Receipts", "asset_current", true},
	{"101404", "Outstanding Payments", "asset_current", true},
	{"999999", "Undistributed Profits/Losses", "equity_unaffected", false},
}

// journals are those of the generic chart, in the order of their ids.
var journals = []struct {
	code, name, kind string
	sequence         int64
	account          int64
}{
	{"INV", "Sales", "sale", 5, 26},
	{"BILL", "Purchases", "purchase", 6, 32},
	{"MISC", "Miscellaneous Operations", "general", 9, 0},
	{"EXCH", "Exchange Difference", "general", 10, 0},
	{"CABA", "Cash Basis Taxes", "general", 10, 0},
	{"BNK1", "Bank", "bank", 7, 45},
	{"STJ", "Inventory Valuation", "general", 10, 0},
}
