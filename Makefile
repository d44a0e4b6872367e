# The S3 signature proxy. `make` says what there is to do; the work is done in scripts/.

NGINX ?= installed
PGO ?= auto

# Not for the environment: to nginx a variable of this name lists the sockets that it inherits.
unexport NGINX PGO

.DEFAULT_GOAL := help
.PHONY: help module run test test-asan fuzz differential chaos senders deployment failover lint bench install credentials deb debs dist check-deb check-debs check-dist check-credentials check-image check-compose check-helm check-arm64 check-msrv check-nginxes check-page check-readme clean

help: ## Shows this list
	@echo 'make TARGET:'
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r target text; do \
		printf '  %-13s  %s\n' "$$target" "$$text"; done
	@echo
	@echo 'NGINX=vendored    with module and run: for the nginx of the nginx-src crate, which is built too, instead of the installed'
	@echo 'NGINX_SOURCE_DIR= NGINX_BUILD_DIR=    with module and test: a source tree of yours, and where it was built'
	@echo 'PGO=              with module and test: built once, in half of the time, without profile-guided optimization'
	@echo 'TESTS=t/x.t       with test: only these files'
	@echo 'PORT=8080         with run: where the proxy listens'
	@echo 'DEBS=trixie/arm64 with debs: only these'
	@echo 'DESTDIR=          with install: put before each path'
	@echo 'PREFIX=           with install: where sign_s3 goes, /usr/local'

module: ## Builds the module and sign_s3: build/ (NGINX=vendored: the module for that nginx, build-vendored/, with its nginx)
	@scripts/install-packages $(if $(filter vendored,$(NGINX)),vendored,build $(if $(PGO),pgo))
	@$(if $(filter vendored,$(NGINX)),,PGO=$(PGO)) scripts/build-module $(NGINX)
	@scripts/build-sign-s3

credentials: ## Builds s3_credentials, which gets and renews temporary keys of an origin: build/s3_credentials
	@scripts/install-packages credentials
	@scripts/build-credentials

run: ## Starts two S3 origins and the proxy, proves that it works, and serves until Ctrl-C
	@scripts/run $(NGINX)

test: ## Runs all tests: the crates', and t/ with the installed nginx and the vendored one
	@PGO=$(PGO) scripts/test $(TESTS)

test-asan: ## Runs t/ with AddressSanitizer in the vendored nginx and in the module
	@scripts/test-asan

fuzz: ## Runs the fuzz targets, ten seconds each (SECONDS_EACH=10; cargo-fuzz is built first)
	@scripts/fuzz

differential: ## Holds 100,000 random requests (COUNT=) that botocore signs, half of them changed then, against the verifier
	@scripts/differential

chaos: module ## Sends 5,000 random requests through nginx to origins that fail in impolite ways, and judges all that comes of them (ARGS='--seed 17')
	@scripts/chaos $(ARGS)

senders: ## Uploads through the proxy with twelve real clients in each of their modes, by their presigned URLs, and eight with origins that call a bucket otherwise (make module comes first)
	@scripts/install-packages test
	@prove -I t/lib t/senders.t t/senders-presigned.t
	@TEST_CLIENTS="boto3 aws-cli rclone s3cmd curl minio-py client-s3 aws-sdk-rust" prove -I t/lib t/two-names.t

deployment: module ## Runs of the tests only those of docker-compose.yml's parts: templates, HAProxy, failover under load
	@scripts/install-packages test
	@prove -I t/lib t/deploy.t t/failover-haproxy.t

failover: module ## Kills, stops, cuts off and spoils origins under load, and prints what callers saw (six minutes or more; FAILOVER='killed,stopped': those)
	@scripts/failover

lint: ## Runs rustfmt, clippy, cargo-deny, shellcheck, perl -c, and looks for import cycles
	@scripts/lint

bench: ## Measures the proxy against plain nginx
	@test -x bench/run || { echo 'make bench: bench/run is missing' >&2; exit 1; }
	@scripts/install-packages bench
	@bench/run

install: ## Installs the module, sign_s3 and nginx-conf/ for the installed nginx; `make module` comes first
	@scripts/install

deb: module ## Builds the Debian package: build/libnginx-mod-http-s3-signature_*.deb
	@scripts/install-packages deb
	@scripts/make-deb

check-deb: deb ## Installs, uses, removes and purges the package in a fresh Debian (as root)
	@scripts/install-packages run root
	@scripts/check-deb

dist: ## Builds what is handed on as source: an archive that builds offline, bills of materials, SHA256SUMS: build/dist/
	@scripts/make-dist

debs: dist ## Builds the packages for Debian 12 and 13, amd64 and arm64, each in such a Debian (as root; DEBS='trixie/arm64': those)
	@scripts/install-packages root
	@scripts/make-debs $(DEBS)

check-dist: ## Makes the archive twice, and builds it in a fresh Debian without network (as root)
	@scripts/install-packages root
	@scripts/check-dist

check-debs: ## Does what check-deb does with each package that make debs has built (as root)
	@scripts/install-packages run root
	@set -e; for deb in build/dist/*.deb; do scripts/check-deb "$$deb"; done

check-credentials: ## Lints and tests s3_credentials
	@scripts/install-packages credentials lint
	@scripts/check-credentials

check-image: ## Carries out the Dockerfile in fresh Debians, and starts what comes out (as root; no container engine)
	@scripts/install-packages run root
	@scripts/check-image

check-compose: ## Runs docker-compose.yml as deploy/README.md says on a container engine of its own (as root)
	@scripts/install-packages root
	@scripts/check-compose

check-helm: ## Renders and lints the Helm chart, and holds it against the schemas of Kubernetes
	@scripts/install-packages helm
	@scripts/check-helm

check-arm64: ## Builds module and sign_s3 for arm64 in a fresh Debian, and runs them under qemu (as root)
	@scripts/install-packages run root
	@scripts/check-arm64

check-msrv: ## Builds module and sign_s3 with exactly the oldest Rust that Cargo.toml names, in a fresh Debian (as root)
	@scripts/install-packages root
	@scripts/check-msrv

check-nginxes: ## Runs t/ with the nginx of Debian 13 and of the next Debian, and of a source tree (as root; SUITES=, QUICK=yes)
	@scripts/install-packages run root
	@cargo build --package test-origin
	@scripts/check-nginxes $(SUITES)

check-page: ## Looks at the status page in headless Chromium: both schemes, a phone, accessibility, hostile names, while nothing answers
	@scripts/check-page

check-readme: ## Runs what README.md prints for a new machine, on one: a fresh Debian (as root)
	@scripts/install-packages root
	@scripts/check-readme

clean: ## Removes what was built, and what make run and the tests left
	rm -rf target build build-asan build-tree build-vendored .work
