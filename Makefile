# make test    installs the servers that are missing (Debian, as root) and tests everything
# make test-tryton proves adapter, books and quickstart on a real Tryton 6.0 in full; ORDERS=… for more
# make test-odoo proves the Odoo adapter on a real Odoo 19 (Debian, as root; 2 GB, minutes the first time)
# make kill    100 kills a database; KILLS=500 for more (make test does 25)
# make rewrap  10,000 sealed records get a new key under readers, writers and 20 kills a database
# make matrix  every store fault, the webhook matrix and the contention at full size; KEYS=… CALLERS=…
# make sim     plays 2,000 disturbed days at each shop; SEEDS=20000 for more, SHOP=magento for one
# make sim-back plays days on which money goes back, from both sides, with books kept; SEEDS=…
# make pollers 2,000 random histories of both shops, of which no poll may miss a change; SEEDS=…
# make payouts 100,000 generated payouts are explained and booked; PAYOUTS=…
# make refunds 100,000 random orders are given back in parts; REFUNDS=…
# make fuzz    T=60s runs every fuzz target for T
# make soak    T=10m lets the program work for T while 1 % of each fault happens (make test: seconds)
# make sim-control plants bugs, one after the other, which the days must find; BUGS=lease for some
# make crashpoints crashes order to cash and a failed payment at every point and pair of points
# make bench   measures the library beside what most programs do; ARGS=-h tells more
# make figures writes docs/figures.md from what make bench measures
#
# KEEP=1 puts what kill, rewrap, matrix, sim, sim-back, sim-control, crashpoints, pollers, payouts and soak
# say into docs/figures.md too.
# make vet     gofmt, go vet and tidy modules
# make lint    golangci-lint, where it is installed

MODULES := . idempotency/redisstore examples internal/bench internal/integration
GOTEST  := go test -race -shuffle=on -timeout 20m

# A harness runs with $(SAYS); $(call keep,NAME,COMMAND) behind it keeps its figures.
SAYS = -v -count=1 $(if $(KEEP),-json)
keep = $(if $(KEEP),| go run -C $(CURDIR)/internal/bench . -write ../../docs -take $(1) -command '$(2)')

.PHONY: test test-tryton test-odoo kill rewrap matrix sim sim-back sim-control crashpoints pollers payouts refunds fuzz soak bench figures servers vet lint

test: servers vet
	@set -e; for m in $(MODULES); do \
		echo "== $$m"; (cd $$m && $(GOTEST) ./...); \
	done

test-tryton: servers
	FULL=1 go test -race -timeout 60m -count=1 -v -run Real ./erp/tryton
	cd internal/integration && ORDERS=$${ORDERS:-12} go test -race -timeout 60m -count=1 -v -run RealTryton ./books
	cd examples && ORDERS=$${ORDERS:-20} go test -count=1 -v -run RealTryton ./quickstart

test-odoo:
	@internal/integration/servers.sh mmdebstrap debian-archive-keyring
	cd internal/integration && ODOO=1 go test -race -timeout 60m -count=1 -v ./odoo

kill: servers
	cd internal/integration && KILLS=$${KILLS:-100} CRASHES=$${CRASHES:-40} go test -race -timeout 180m $(SAYS) ./kill $(call keep,kill,make kill KILLS=$(or $(KILLS),100))

rewrap: servers
	cd internal/integration && RECORDS=$${RECORDS:-10000} KILLS=$${KILLS:-20} go test -timeout 60m $(SAYS) ./vault $(call keep,rewrap,make rewrap)

matrix: servers
	cd internal/integration && FULL=1 go test -timeout 180m $(SAYS) ./faults ./webhooks ./contention $(call keep,matrix,make matrix$(if $(KEYS), KEYS=$(KEYS)))

pollers:
	cd internal/integration && go test -timeout 120m $(SAYS) ./pollers -seeds $${SEEDS:-2000} $(call keep,pollers,make pollers SEEDS=$(or $(SEEDS),2000))

payouts:
	go test -timeout 120m $(SAYS) -run PropertiesOfGenerated ./reconcile -payouts $${PAYOUTS:-100000} $(call keep,payouts,make payouts PAYOUTS=$(or $(PAYOUTS),100000))

refunds:
	go test -timeout 120m -count=1 -v -run AllocationsAlways ./mapping -rapid.checks $${REFUNDS:-100000}

# A run whose time ends while a worker is busy fails with "context deadline exceeded",
# which is no finding (go.dev/issue/75804, mended in Go 1.27).
fuzz:
	@out=$$(mktemp); trap 'rm -f "$$out"' EXIT; \
	git grep -E '^func Fuzz\w+\(f ' -- '*_test.go' | sed -E 's#^(.*/)?[^/]+:func (Fuzz\w+).*#./\1 \2#' | sort -u | \
	while read -r dir target; do \
		echo "== $$dir $$target"; \
		go test $$dir -run "^$$target$$" -fuzz "^$$target$$" -fuzztime $${T:-60s} -fuzzminimizetime 100x >"$$out" 2>&1 || \
			{ grep -q 'context deadline exceeded' "$$out" && ! grep -q 'Failing input' "$$out"; } || { cat "$$out"; exit 1; }; \
		grep '^fuzz: elapsed' "$$out" | tail -1; \
	done

soak: servers
	cd internal/integration && SOAK=$${T:-10m} BACKLOG=$${BACKLOG:-100000} go test -timeout 0 $(SAYS) ./soak $(call keep,soak,make soak T=$(or $(T),10m))

bench: servers
	cd internal/bench && go run . $(ARGS)

figures: servers
	cd internal/bench && go run . -json $(ARGS) >bench.tmp && mv bench.tmp ../../docs/figures/bench.jsonl && go run . -write ../../docs

sim:
	GOGC=400 go test -timeout 0 $(SAYS) -run DisturbedDays ./internal/sim -seeds $${SEEDS:-2000} -shop "$(SHOP)" $(call keep,sim,make sim SEEDS=$(or $(SEEDS),2000))

sim-back:
	GOGC=400 go test -timeout 0 $(SAYS) -run MoneyGoesBack ./internal/sim -backs $${SEEDS:-200} -shop "$(SHOP)" $(call keep,sim,make sim-back SEEDS=$(or $(SEEDS),200))

sim-control:
	go test -timeout 0 $(SAYS) -run PlantedBugs ./internal/sim -bugs "$${BUGS:-.}" $(call keep,sim-control,make sim-control)

crashpoints:
	go test -timeout 120m $(SAYS) -run ACrashAtAnyPoint ./internal/sim -crashpoints $(call keep,crashpoints,make crashpoints)

servers:
	@internal/integration/servers.sh

vet:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "not gofmt-ed: $$bad"; exit 1; }
	@set -e; for m in $(MODULES); do \
		(cd $$m && go vet ./... && GOWORK=off go mod tidy -diff); \
	done

lint:
	@set -e; for m in $(MODULES); do (cd $$m && golangci-lint run ./...); done
