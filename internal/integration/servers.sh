#!/bin/sh
# Installs the servers that the tests start, from Debian 12's own packages: PostgreSQL
# 15, MariaDB 10.11, Redis 7.0 and Tryton 6.0; and Chromium, in which they open pages.
# Elsewhere, or without the rights, it says what is missing, and the tests that need it skip
# (with CI=true they fail). Arguments are further packages.
set -eu
packages="postgresql mariadb-server-core mariadb-client-core redis-server chromium tryton-server tryton-proteus tryton-modules-sale
tryton-modules-stock tryton-modules-account-invoice
tryton-modules-account-invoice-stock tryton-modules-stock-package-shipping $*"
command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || {
	echo "no Debian: install PostgreSQL, MariaDB, Redis, Chromium and Tryton 6.0 yourself to run all tests" >&2
	exit 0
}
missing=""
for p in $packages; do
	case "$(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null || true)" in
	ii*) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || {
	echo "not root: run 'apt-get install --no-install-recommends$missing' to run all tests" >&2
	exit 0
}
# Only the programs are wanted, no server that runs by itself.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] ||
	echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
apt-get install -y --no-install-recommends $missing ||
	{ apt-get update && apt-get install -y --no-install-recommends $missing; }
