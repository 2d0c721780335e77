# make test    installs the servers that are missing (Debian, as root) and tests everything
# make vet     gofmt, go vet and tidy modules
# make lint    golangci-lint, where it is installed

MODULES := . examples internal/integration
GOTEST  := go test -race -shuffle=on -timeout 20m

.PHONY: test servers vet lint

test: servers vet
	@set -e; for m in $(MODULES); do \
		echo "== $$m"; (cd $$m && $(GOTEST) ./...); \
	done

servers:
	@internal/integration/servers.sh

vet:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "not gofmt-ed: $$bad"; exit 1; }
	@set -e; for m in $(MODULES); do \
		(cd $$m && go vet ./... && GOWORK=off go mod tidy -diff); \
	done

lint:
	@set -e; for m in $(MODULES); do (cd $$m && golangci-lint run ./...); done
