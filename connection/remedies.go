package connection

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"syscall"

	"github.com/commercesync/commerce"
)

// erps are the systems that keep books.
var erps = []string{"tryton", "odoo", "erpnext"}

var shops = []string{"magento", "nopcommerce"}

func caused[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func expired(err error) bool {
	e, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && e.Reason == x509.Expired
}

func alert(err error) bool {
	return caused[tls.AlertError](err) || caused[tls.RecordHeaderError](err) || caused[*tls.CertificateVerificationError](err)
}

func timedOut(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

func cut(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func refusedPort(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

func canceled(err error) bool { return errors.Is(err, context.Canceled) }

// remedies is the table. The first row that fits counts: causes before symptoms, one
// system's before everybody's.
var remedies = slices.Concat(network, grants, access, symptoms)

// network is what keeps a system from being asked at all.
var network = []Remedy{
	{Code: "certificate_expired", Area: Outage, Severity: commerce.Broken, is: match{because: expired},
		Shows: "x509: certificate has expired or is not yet valid",
		Cause: "the server's certificate is over, or this machine's clock is wrong",
		Mend:  "compare this machine's clock first; then renew the certificate where the system is hosted"},
	{Code: "certificate_unknown", Area: Outage, Severity: commerce.Broken, is: match{because: caused[x509.UnknownAuthorityError]},
		Shows: "x509: certificate signed by unknown authority",
		Cause: "the certificate is self-signed, or the server does not send the intermediate certificates",
		Mend:  "have the server send its full chain; for a CA of your own put that into the system's trust store or into Config.Transport"},
	{Code: "certificate_of_another", Area: Outage, Severity: commerce.Broken, is: match{because: caused[x509.HostnameError]},
		Shows: "x509: certificate is valid for …, not …",
		Cause: "the certificate is for another host name",
		Mend:  "put the name that the certificate is for into the configured address, or have a certificate made for this one"},
	{Code: "tls_failed", Area: Outage, Severity: commerce.Broken, is: match{because: alert},
		Shows: "tls: first record does not look like a TLS handshake; remote error: tls",
		Cause: "the two sides can not agree on TLS, or nothing speaks TLS at that port",
		Mend:  "see that the address has the port of https, and that the server allows TLS 1.2 or 1.3"},
	{Code: "name_unknown", Area: Outage, Severity: commerce.Broken, is: match{because: caused[*net.DNSError]},
		Shows: "lookup …: no such host",
		Cause: "the host name of the configured address can not be looked up",
		Mend:  "correct the spelling of the address; if it is right, see whether this machine reaches its DNS server"},
	{Code: "connection_refused", Area: Outage, Severity: commerce.Broken, is: match{because: refusedPort},
		Shows: "connect: connection refused",
		Cause: "nothing listens at the configured address and port",
		Mend:  "correct the port; if it is right, start the system, and see its firewall"},
	{Code: "maintenance", Area: Outage, Severity: commerce.Broken, is: match{systems: shops, status: []int{503}},
		Shows: "503 from the shop, with a page",
		Cause: "the shop is in maintenance mode, or the web server before it is overloaded",
		Mend:  "nothing is lost: work waits. At Magento bin/magento maintenance:disable ends it, if nobody is upgrading"},
	{Code: "rate_limited", Area: Outage, Severity: commerce.Warning, is: match{kind: commerce.KindRateLimited},
		Shows: "429",
		Cause: "more requests are made than the system allows; other programs with the same account count as well",
		Mend:  "lower Resilience.Rate of this client, and see who else works with the account"},
	{Code: "breaker_open", Area: Outage, Severity: commerce.Broken, is: match{kind: commerce.KindParked},
		Shows: "circuit breaker is open until …; waiting … for the rate limit",
		Cause: "calls to this system failed a moment ago, so that none is made for a while",
		Mend:  "look at the errors from before this one; it tries again by itself"},
	{Code: "timed_out", Area: Outage, Severity: commerce.Broken, is: match{because: timedOut},
		Shows: "no answer before the context ended; i/o timeout; TLS handshake timeout",
		Cause: "the system did not answer in time: it is overloaded, or a firewall drops what is sent",
		Mend:  "ask for the address with curl from this machine; if that hangs too, let this machine's address pass the firewall"},
	{Code: "interrupted", Area: Outage, Severity: commerce.Notice, is: match{because: canceled},
		Shows: "context canceled",
		Cause: "this program stopped waiting, as when it shuts down",
		Mend:  "nothing; what was not done is done at the next start"},
	{Code: "connection_cut", Area: Outage, Severity: commerce.Broken, is: match{because: cut},
		Shows: "EOF; connection reset by peer; the answer was cut",
		Cause: "the connection ended before the answer did: a restart, or a proxy with a short time-out",
		Mend:  "if it stays, raise the time-out of the proxy before the system; what a write did is looked up by itself"},
	{Code: "page_in_place_of_answer", Area: Outage, Severity: commerce.Broken,
		is:    match{kind: commerce.KindUnavailable, texts: []string{"that is not Magento's", "that is not the API's", "a proxy may have sent it", "is no balance"}},
		Shows: "an answer of type \"text/html\" that is not Magento's; a proxy may have sent it",
		Cause: "a proxy, a firewall or an error page answers in place of the system",
		Mend:  "open the address from this machine; let its API paths pass by without login page, bot check or cache"},
	{Code: "unavailable", Area: Outage, Severity: commerce.Broken, is: match{kind: commerce.KindUnavailable, status: []int{500, 502, 503, 504, 408, 424}},
		Shows: "500, 502, 503 or 504",
		Cause: "the system, or a proxy before it, is ill",
		Mend:  "look at its status page or its logs; calls are made again by themselves"},

	{Code: "redirected", Area: Redirect, Severity: commerce.Broken, is: match{status: []int{301, 302, 303, 307, 308}},
		Shows: "the shop redirects; the address is redirected",
		Cause: "the configured address leads elsewhere (http to https, or another host name), and credentials are not sent after it",
		Mend:  "open the address in a browser and configure the one where it ends"},
}

// access is what is wrong with credentials, rights and signatures.
var access = []Remedy{
	{Code: "stripe_key_expired", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"stripe"}, codes: []string{"api_key_expired"}},
		Shows: "stripe: 401 api_key_expired",
		Cause: "the key was rolled or has expired",
		Mend:  "make a key under Developers > API keys in Stripe's Dashboard and put it in; the old one can not be revived"},
	{Code: "stripe_key_refused", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"stripe"}, kind: commerce.KindAuth, status: []int{401}},
		Shows: "stripe: 401",
		Cause: "Stripe does not know the key: it is cut, of another account, or deleted",
		Mend:  "copy the whole secret or restricted key (sk_… or rk_…) from Developers > API keys; a publishable key (pk_…) is none"},
	{Code: "magento_signature_refused", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, kind: commerce.KindAuth, texts: []string{"signature is invalid", "signature_invalid"}},
		Shows: "magento: 401 The signature is invalid. Verify and try again.",
		Cause: "a secret of the integration is wrong, or the shop believes to be served on another scheme, host or port than Config.BaseURL says",
		Mend:  "copy both secrets again from System > Integrations; behind a proxy that ends TLS let it send X-Forwarded-Proto, or configure http as the shop sees it"},
	{Code: "magento_consumer_unknown", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, kind: commerce.KindAuth, texts: []string{"consumer having the specified key", "not the correct length", "consumer_key_rejected"}},
		Shows: "magento: 401 A consumer having the specified key does not exist",
		Cause: "the consumer key is cut, or of another shop, or the integration was deleted",
		Mend:  "copy the consumer key of the integration under System > Integrations; it has 32 characters"},
	{Code: "magento_token_unknown", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, texts: []string{"token does not exist", "token length is invalid", "token_rejected", "token_expired", "token_revoked"}},
		Shows: "magento: 401 Specified token does not exist; 400 The token length is invalid.",
		Cause: "the access token was replaced, as by Reauthorize, is cut, or is of another shop",
		Mend:  "copy access token and access token secret again from System > Integrations"},
	{Code: "magento_clock", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, kind: commerce.KindAuth, texts: []string{"validating the nonce"}},
		Shows: "magento: 401 An error occurred validating the nonce",
		Cause: "this machine's clock is more than ten minutes ahead of the shop's",
		Mend:  "let both machines take their time from NTP"},
	{Code: "magento_nonce_used", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, kind: commerce.KindAuth, texts: []string{"nonce is already", "nonce_used"}},
		Shows: "magento: 401 The nonce is already being used by the consumer",
		Cause: "a request was sent twice as it was, by a proxy that repeats requests or by a Config.Nonce that repeats itself",
		Mend:  "switch repeating off in the proxy; leave Config.Nonce empty"},
	{Code: "magento_oauth_header", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, texts: []string{"oauth_", "Signature method"}},
		Shows: "magento: 400 \"oauth_nonce\" is required. Enter and try again.",
		Cause: "the signature's header came in parts, or of another method: a proxy changes Authorization",
		Mend:  "let the proxy pass Authorization on as it is"},
	{Code: "magento_activation_late", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, texts: []string{"Consumer key has expired", "activation is older"}},
		Shows: "magento: 401 Consumer key has expired",
		Cause: "the integration was activated more than 300 seconds before its tokens were fetched",
		Mend:  "activate the integration again under System > Integrations, with this program running"},
	{Code: "magento_two_factor", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, texts: []string{"2FA", "two-factor"}},
		Shows: "magento: 400 Please ask an administrator with sufficient access to configure 2FA first",
		Cause: "two-factor authentication is on, as it is by default: an admin's name and password give no token",
		Mend:  "make an integration under System > Integrations and use its four keys"},
	{Code: "magento_login_refused", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, kind: commerce.KindAuth, texts: []string{"sign-in was incorrect"}},
		Shows: "magento: 401 The account sign-in was incorrect or your account is disabled temporarily",
		Cause: "name or password is wrong, or the account is locked after too many tries; Magento answers both alike",
		Mend:  "unlock the account under System > Locked Users, set a password; better: use an integration"},
	{Code: "magento_keys_mixed", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, kind: commerce.KindAuth, texts: []string{"Keys "}},
		Shows: "magento: Keys must hold one way to log in",
		Cause: "the credentials are of two ways to log in, or one of the four keys is missing",
		Mend:  "give the four keys of the integration and nothing else"},
	{Code: "magento_bearer_disabled", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"magento"}, kind: commerce.KindAuth, texts: []string{"isn't authorized to access"}},
		Shows: "magento: 401 The consumer isn't authorized to access %resources. with a Bearer",
		Cause: "the token is not taken: it ended, or it is an integration's access token, which is no bearer since 2.4.4",
		Mend:  "use the four keys of the integration (OAuth 1.0a) in place of Keys.Bearer"},
	{Code: "nop_login_refused", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"nopcommerce"}, codes: []string{"login"}},
		Shows: "nopcommerce: log in: login",
		Cause: "the shop refused name and password; after some tries it locks the account for a while",
		Mend:  "sign in with them on the shop's own page; set a password under Customers; a login is tried again when the credentials change or Config.LoginPause is over"},
	{Code: "nop_token_refused", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"nopcommerce"}, kind: commerce.KindAuth},
		Shows: "nopcommerce: 401 Unauthorized",
		Cause: "the token is not taken, also a new one: the account is deleted, inactive or has to sign in again, or the clocks differ",
		Mend:  "see under Customers that the account is active; let both machines take their time from NTP"},
	{Code: "odoo_key_refused", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"odoo"}, kind: commerce.KindAuth},
		Shows: "odoo: AccessDenied; 401",
		Cause: "user, API key or database is wrong, or the key has ended: keys that people make live three months at most",
		Mend:  "make a key under Preferences > Account Security > New API Key as the user that this program is, and put it in before the old one ends"},
	{Code: "tryton_login_refused", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"tryton"}, kind: commerce.KindAuth},
		Shows: "tryton: user or password was refused",
		Cause: "user or password is wrong, or the login wants a second factor",
		Mend:  "sign in with them in Tryton's own client; give the user of this program the authentication method password alone"},
	{Code: "erpnext_key_refused", Area: Authentication, Severity: commerce.Broken, is: match{systems: []string{"erpnext"}, kind: commerce.KindAuth},
		Shows: "erpnext: 401 AuthenticationError",
		Cause: "API key or secret is wrong, or the user is disabled",
		Mend:  "generate keys under Users > the user > API Access; a new secret ends the old one at once"},

	{Code: "stripe_account_left", Area: Scope, Severity: commerce.Broken, is: match{systems: []string{"stripe"}, kind: commerce.KindForbidden, codes: []string{"account_invalid"}},
		Shows: "stripe: 403 account_invalid",
		Cause: "the connected account has not let the platform in, or has taken the access away",
		Mend:  "connect the account again, or disconnect it here as well"},
	{Code: "stripe_permission_missing", Area: Scope, Severity: commerce.Broken, is: match{systems: []string{"stripe"}, kind: commerce.KindForbidden},
		Shows: "stripe: 403",
		Cause: "the restricted key lacks a permission for this call",
		Mend:  "edit the key under Developers > API keys and give it the permission that the finding or the text names"},
	{Code: "magento_right_missing", Area: Scope, Severity: commerce.Broken, is: match{systems: []string{"magento"}, kind: commerce.KindForbidden},
		Shows: "magento: 401 The consumer isn't authorized to access Magento_Sales::ship",
		Cause: "the integration lacks the right that the text names",
		Mend:  "tick the right under System > Integrations > the integration > API, save, and Reauthorize"},
	{Code: "nop_access_missing", Area: Scope, Severity: commerce.Broken, is: match{systems: []string{"nopcommerce"}, kind: commerce.KindForbidden, status: []int{403}},
		Shows: "nopcommerce: 403 Access denied.",
		Cause: "the account lacks the permission \"Access Web API Backend\" (community plugin: the role Api Users and the right to manage orders)",
		Mend:  "tick it for the account's role under Configuration > Access control list"},
	{Code: "nop_open", Area: Scope, Severity: commerce.Broken, is: match{systems: []string{"nopcommerce"}, codes: []string{"open"}},
		Shows: "nopcommerce: open: the API takes a token that is none",
		Cause: "the plugin's developer mode is on: everybody may read and write everything",
		Mend:  "switch it off at once under Configuration > Local plugins > Web API > Configure, and change what was exposed"},
	{Code: "odoo_right_missing", Area: Scope, Severity: commerce.Broken, is: match{systems: []string{"odoo"}, kind: commerce.KindForbidden},
		Shows: "odoo: AccessError",
		Cause: "the user of the key lacks a right to the model that the text names",
		Mend:  "give the user the groups Sales (user: all documents), Inventory (user) and, with books, Accounting (accountant) under Settings > Users"},
	{Code: "tryton_right_missing", Area: Scope, Severity: commerce.Broken, is: match{systems: []string{"tryton"}, kind: commerce.KindForbidden},
		Shows: "tryton: UserError You are not allowed to access …",
		Cause: "the user is in no group with access to the model that the text names",
		Mend:  "put the user into the groups Sales, Stock and, with books, Account under Administration > Users"},
	{Code: "erpnext_right_missing", Area: Scope, Severity: commerce.Broken, is: match{systems: []string{"erpnext"}, kind: commerce.KindForbidden},
		Shows: "erpnext: 403 PermissionError",
		Cause: "no role of the user has a right to the doctype that the text names",
		Mend:  "give the user the roles Sales User, Stock User and, with books, Accounts User"},
	{Code: "forbidden", Area: Scope, Severity: commerce.Broken, is: match{kind: commerce.KindForbidden},
		Shows: "403",
		Cause: "the credentials are good and lack a right",
		Mend:  "give the account the right that the text names"},

	{Code: "delivery_unsigned", Area: Signature, Severity: commerce.Warning, is: match{kind: commerce.KindAuth, codes: []string{"unsigned"}},
		Shows: "verify webhook: unsigned",
		Cause: "somebody else called the webhook, or a proxy took the signature's header away",
		Mend:  "let the proxy pass on every header; strangers may be left unanswered"},
	{Code: "delivery_header_malformed", Area: Signature, Severity: commerce.Warning, is: match{kind: commerce.KindAuth, codes: []string{"malformed_header"}},
		Shows: "verify webhook: malformed_header",
		Cause: "the signature's header was changed or doubled on the way",
		Mend:  "let the proxy pass the header on as it is"},
	{Code: "delivery_signature_wrong", Area: Signature, Severity: commerce.Broken, is: match{kind: commerce.KindAuth, codes: []string{"bad_signature"}},
		Shows: "verify webhook: bad_signature",
		Cause: "the signing secret is of another endpoint or of the other mode, or a proxy changes the body",
		Mend:  "copy the endpoint's signing secret (whsec_…) from Developers > Webhooks; while it is rolled give both; let no proxy decompress or rewrite the body"},
	{Code: "delivery_stale", Area: Signature, Severity: commerce.Warning, is: match{kind: commerce.KindAuth, codes: []string{"stale"}},
		Shows: "verify webhook: stale",
		Cause: "the signature is too old: a replay, a queue before this program, or a clock that is ahead here",
		Mend:  "let this machine take its time from NTP; deliver directly"},
	{Code: "delivery_of_the_future", Area: Signature, Severity: commerce.Broken, is: match{kind: commerce.KindAuth, codes: []string{"future"}},
		Shows: "verify webhook: future",
		Cause: "this machine's clock is behind",
		Mend:  "let this machine take its time from NTP"},
	{Code: "secrets_unavailable", Area: Signature, Severity: commerce.Broken, is: match{codes: []string{"no_secrets", "empty_secret"}},
		Shows: "verify webhook: no_secrets; empty_secret",
		Cause: "the signing secrets can not be had, or one is empty",
		Mend:  "see that the vault or the setting with the whsec_… can be read; deliveries are sent again"},
}
