#!/bin/sh
# Installs the Tryton 6.0 that the tests start, from Debian 12's own packages.
set -eu
packages="tryton-server tryton-proteus tryton-modules-sale tryton-modules-stock
tryton-modules-account-invoice tryton-modules-account-invoice-stock
tryton-modules-stock-package-shipping"
missing=""
for p in $packages; do
	case "$(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null || true)" in
	ii*) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
apt-get install -y --no-install-recommends $missing ||
	{ apt-get update && apt-get install -y --no-install-recommends $missing; }
