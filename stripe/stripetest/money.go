package stripetest

import "strings"

// money finds the endpoints of Connect, of what moves money between accounts and
// banks, of fraud and of reports. It reports false where the path is none of them.
func (f *Fake) money(q *request, resource, id, action string) (object, *problem, bool) {
	action, under, _ := strings.Cut(action, "/")
	at := q.method + " " + resource + shape(id, action)
	if under != "" {
		at += "/id"
	}
	do := func(m object, p *problem) (object, *problem, bool) { return m, p, true }
	switch at {
	case "GET account":
		return do(f.ownAccount(q))
	case "GET accounts":
		return do(list(f, q, &f.accounts, f.renderAccount, "created"))
	case "POST accounts":
		return do(f.createAccount(q))
	case "GET accounts/id":
		return do(f.showAccount(q, id))
	case "POST accounts/id":
		return do(f.updateAccount(q, id))
	case "DELETE accounts/id":
		return do(f.deleteAccount(q, id))
	case "POST accounts/id/reject":
		return do(f.rejectAccount(q, id))
	case "POST accounts/id/login_links":
		return do(f.createLoginLink(q, id))
	case "GET accounts/id/external_accounts":
		return do(f.listBanks(q, id))
	case "POST accounts/id/external_accounts":
		return do(f.createBank(q, id))
	case "GET accounts/id/external_accounts/id":
		return do(f.showBank(q, id, under))
	case "POST accounts/id/external_accounts/id":
		return do(f.updateBank(q, id, under))
	case "DELETE accounts/id/external_accounts/id":
		return do(f.deleteBank(q, id, under))
	case "POST account_links":
		return do(f.createAccountLink(q))
	case "GET transfers":
		return do(list(f, q, &f.transfers, f.renderTransfer, "destination", "transfer_group", "created"))
	case "POST transfers":
		return do(f.createTransfer(q))
	case "GET transfers/id":
		return do(show(q, &f.transfers, "transfer", id, f.renderTransfer))
	case "POST transfers/id":
		return do(f.updateTransfer(q, id))
	case "GET transfers/id/reversals":
		t, ok := f.transfers.get(id)
		if !ok {
			return nil, missing("transfer", id), true
		}
		return do(below(f, q, t.reversals, f.renderReversal))
	case "POST transfers/id/reversals":
		return do(f.createReversal(q, id))
	case "GET transfers/id/reversals/id":
		return do(f.showReversal(q, id, under))
	case "POST transfers/id/reversals/id":
		return do(f.updateReversal(q, id, under))
	case "GET application_fees":
		return do(list(f, q, &f.fees, f.renderFee, "charge", "created"))
	case "GET application_fees/id":
		return do(show(q, &f.fees, "application_fee", id, f.renderFee))
	case "GET application_fees/id/refunds":
		a, ok := f.fees.get(id)
		if !ok {
			return nil, missing("application_fee", id), true
		}
		return do(below(f, q, a.refunds, f.renderFeeRefund))
	case "POST application_fees/id/refunds":
		return do(f.createFeeRefund(q, id))
	case "GET application_fees/id/refunds/id":
		return do(f.showFeeRefund(q, id, under))
	case "POST application_fees/id/refunds/id":
		return do(f.updateFeeRefund(q, id, under))
	case "GET topups":
		return do(list(f, q, &f.topups, f.renderTopUp, "status=canceled|failed|pending|succeeded", "created"))
	case "POST topups":
		return do(f.createTopUp(q))
	case "GET topups/id":
		return do(show(q, &f.topups, "topup", id, f.renderTopUp))
	case "POST topups/id":
		return do(f.updateTopUp(q, id))
	case "POST topups/id/cancel":
		return do(f.cancelTopUp(q, id))
	case "POST payouts/id":
		return do(f.updatePayout(q, id))
	case "GET reviews":
		return do(list(f, q, &f.reviews, f.renderReview, "created"))
	case "GET reviews/id":
		return do(show(q, &f.reviews, "review", id, f.renderReview))
	case "POST reviews/id/approve":
		return do(f.approveReview(q, id))
	case "GET radar/id":
		if id == "early_fraud_warnings" {
			return do(list(f, q, &f.warnings, f.renderWarning, "charge", "payment_intent", "created"))
		}
	case "GET radar/id/" + action:
		if id == "early_fraud_warnings" {
			return do(show(q, &f.warnings, "early fraud warning", action, f.renderWarning))
		}
	case "GET reporting/id":
		switch id {
		case "report_runs":
			return do(list(f, q, &f.reports, f.renderReport, "created"))
		case "report_types":
			return do(f.listReportTypes(q))
		}
	case "POST reporting/id":
		if id == "report_runs" {
			return do(f.createReport(q))
		}
	case "GET reporting/id/" + action:
		switch id {
		case "report_runs":
			return do(show(q, &f.reports, "report run", action, f.renderReport))
		case "report_types":
			return do(f.showReportType(q, action))
		}
	}
	return nil, nil, false
}
