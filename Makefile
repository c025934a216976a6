# pbx-appliance: one command each. `make` prints this help.
SHELL := /bin/bash
.DEFAULT_GOAL := help
SCRATCH ?= .build
SWIFT_BUILD = swift build --scratch-path $(SCRATCH)
# Optimised over the borders of modules: a registration costs a seventh less.
SWIFT_RELEASE = $(SWIFT_BUILD) -c release --static-swift-stdlib -Xswiftc -cross-module-optimization
SWIFT_TEST = swift test --scratch-path $(SCRATCH)
PROGRAMS = pbxd pbxctl vendorcloud softphone pbxsim
# Debian packages. BUILD: compiler's own needs and our libraries. STORY: what demo and lint run with. INTEROP: peers not written by us.
BUILD_PACKAGES = ca-certificates git make pkg-config g++ libc6-dev libssl-dev libsqlite3-dev libopus-dev zlib1g-dev libc-ares-dev tzdata \
    libcurl4 libxml2 libncurses6 libedit2 libz3-4 libsqlite3-0 openssl python3
INTEROP_PACKAGES = sip-tester baresip linphone-cli libsrtp2-1 libopus0 rtpengine-daemon tshark kamailio age openssl curl strace $(CENTRE_PACKAGES)
# The Control Center's page is used in a browser, the telemetry read by a monitoring system.
CENTRE_PACKAGES = chromium fonts-dejavu-core prometheus
BENCH_PACKAGES = sip-tester python3 debootstrap gcc
# They wait for sockets and clocks. Beside the ones that compute they would wait half a minute for each turn, and their peers would not.
REAL_TIME_TESTS = ^(TransportTests|ReactorTests|VendorCloudTests|NameResolverTests)\.
SEED ?=
SEEDS ?= 1..200
PROOF_SEEDS ?= 1..20
# Every so manieth cut point of a running pbxd; 1, which takes seven minutes, is for the night.
PROOF_CUTS ?= 10
OFFICE_SECONDS ?= 300
APPLIANCES ?= 1000
FUZZ_SECONDS ?= 30
LIVE_JOBS ?= 6
ONLY ?=
PROMPTS ?= $(SCRATCH)/prompts
APT_GET = env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300

## help: this text
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | awk -F': ' '{printf "  make %-12s %s\n", $$1, $$2}'

# Installs what is missing of $(1), as root or through sudo; does nothing, and asks for nothing, when all of it is there.
define install_packages
	@missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; sudo=""; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	  $$sudo $(APT_GET) -q update >/dev/null && $$sudo $(APT_GET) -q -y --no-install-recommends install $$missing >/dev/null \
	    || { echo "could not install:$$missing (run 'make deps' as root, or install them by hand)" >&2; exit 1; }; \
	fi
endef

## deps: install the Debian packages that build, demo and tests need
deps:
	$(call install_packages,$(BUILD_PACKAGES))

## deps-interop: install the peers that `make interop` runs against
deps-interop: deps
	$(call install_packages,$(INTEROP_PACKAGES))
	@# A daemon that has just come with its package is not left running; make asks before the line above installs it.
	@[ -n "$(shell dpkg-query -W -f='$${Status}' rtpengine-daemon 2>/dev/null | grep 'ok installed')" ] || [ ! -d /run/systemd/system ] \
	  || $$([ "$$(id -u)" = 0 ] || echo sudo -n) systemctl disable --now rtpengine-daemon

## build: compile every program (debug)
build: deps
	$(SWIFT_BUILD)

## demo: the whole story on loopback: pair, monitor, back up, restore, provision, call
demo: build
	python3 scripts/demo.py --bin $(SCRATCH)/debug

## run: the same, and it stays: prints the web page's address and what to type
run: build
	python3 scripts/demo.py --bin $(SCRATCH)/debug --stay

## test: unit, simulation and integration tests, then the story
test: deps
	$(SWIFT_BUILD) --build-tests
	$(SWIFT_TEST) --skip-build --filter '$(REAL_TIME_TESTS)'
	$(SWIFT_TEST) --skip-build --skip '$(REAL_TIME_TESTS)'
	python3 scripts/demo.py --bin $(SCRATCH)/debug --quiet

## sim: deterministic simulator; SEED=7 prints one trace's hash, SEEDS=1..200 sweeps
sim: deps
	$(SWIFT_BUILD) --product pbxsim
	@if [ -n "$(SEED)" ]; then $(SCRATCH)/debug/pbxsim run --seed $(SEED); else $(SCRATCH)/debug/pbxsim sweep --seeds $(SEEDS) --jobs $$(nproc); fi

## sim-office: random offices of 30 users, checked after every step; SEED=7 plays one, SEEDS=1..200 sweeps, OFFICE_SECONDS=300 long
sim-office: deps
	$(SWIFT_RELEASE) --product pbxsim
	$(SCRATCH)/release/pbxsim office --seeds $(if $(SEED),$(SEED)..$(SEED),$(SEEDS)) --seconds $(OFFICE_SECONDS) --jobs $$(nproc)

## office-live: every scenario of docs/FEATURES.md over loopback sockets, each against a pbxd of its own; ONLY=name plays one
office-live: deps
	$(SWIFT_BUILD) --product pbxd
	$(SWIFT_BUILD) --product pbxsim
	$(SCRATCH)/debug/pbxsim live --pbxd $(SCRATCH)/debug/pbxd --jobs $(LIVE_JOBS) $(if $(ONLY),--scenario $(ONLY))

## interop: calls, captures and backups against software that we did not write
interop: build deps-interop
	python3 scripts/interop.py --bin $(SCRATCH)/debug
	python3 scripts/secure.py --bin $(SCRATCH)/debug
	python3 scripts/codecs.py --bin $(SCRATCH)/debug
	python3 scripts/vectors.py --bin $(SCRATCH)/debug
	python3 scripts/rtpengine.py --bin $(SCRATCH)/debug
	python3 scripts/centre.py --bin $(SCRATCH)/debug
	python3 scripts/telemetry.py --bin $(SCRATCH)/debug

## centre: the Control Center's page in a headless Chromium, by keyboard, in both languages; PICTURES=DIR keeps its views
centre: build
	$(call install_packages,$(CENTRE_PACKAGES))
	python3 scripts/centre.py --bin $(SCRATCH)/debug $(if $(PICTURES),--pictures $(PICTURES))

## telemetry: a stock Prometheus scrapes the appliance; what it pushes is read by OpenTelemetry's own definition
telemetry: build
	$(call install_packages,$(CENTRE_PACKAGES))
	python3 scripts/telemetry.py --bin $(SCRATCH)/debug

## fleet: APPLIANCES=1000 pair, report and back up against one vendor cloud, which is then restarted
fleet: deps
	$(SWIFT_RELEASE) --product pbxsim
	$(SWIFT_RELEASE) --product pbxctl
	$(SWIFT_RELEASE) --product vendorcloud
	python3 scripts/fleet.py --bin $(SCRATCH)/release --appliances $(APPLIANCES)

## fuzz: libFuzzer over the SIP parsers, FUZZ_SECONDS for each
fuzz: deps
	python3 scripts/fuzz.py --seconds $(FUZZ_SECONDS) --scratch $(SCRATCH)/fuzz

## signalling: every SIPp case of Tests/Interop against a running pbxd
signalling: build deps-interop
	python3 scripts/signalling.py --bin $(SCRATCH)/debug

## storm: 100,000 messages of mutated call flows, then 1,000,000 forged requests from one address and again from 200, with a good telephone calling all the while
storm: build
	python3 scripts/storm.py --bin $(SCRATCH)/debug mutate
	python3 scripts/storm.py --bin $(SCRATCH)/debug flood
	python3 scripts/storm.py --bin $(SCRATCH)/debug flood --addresses 200

## media-attack: hostile telephones and strangers at the media of a running pbxd, in 22 chapters
media-attack: build
	python3 scripts/media_attack.py --bin $(SCRATCH)/debug

## torture: every message of RFC 4475 and RFC 5118 with its verdict
torture: deps
	$(SWIFT_BUILD) --build-tests
	$(SWIFT_TEST) --skip-build --filter TortureTests

## bench: start-up, memory, CPU per registration and call, media cost, beside peers or a library's bare limit
bench: deps
	$(call install_packages,$(BENCH_PACKAGES))
	$(SWIFT_RELEASE) --product pbxd
	$(SWIFT_RELEASE) --product pbxsim
	$(SWIFT_RELEASE) --product pbxctl
	python3 scripts/bench.py --bin $(SCRATCH)/release
	python3 scripts/bench_media.py --bin $(SCRATCH)/release

## bench-media: what media cost beside the bare relay, libopus, rtpengine and Asterisk, in one alternating run
bench-media: deps
	$(call install_packages,$(BENCH_PACKAGES))
	$(SWIFT_RELEASE) --product pbxd
	python3 scripts/bench_media.py --bin $(SCRATCH)/release

## soak: two minutes of 200 relayed and 40 transcoded calls: nothing lost, nothing grown
soak: deps
	$(SWIFT_RELEASE) --product pbxd
	$(SWIFT_RELEASE) --product pbxctl
	python3 scripts/soak.py --bin $(SCRATCH)/release --seconds 120

## soak-debug: the same with the debug build, which has time for fewer calls
soak-debug: build
	python3 scripts/soak.py --bin $(SCRATCH)/debug --seconds 120 --relayed 40 --transcoded 4

## soak-nightly: the same for ten minutes
soak-nightly: deps
	$(SWIFT_RELEASE) --product pbxd
	$(SWIFT_RELEASE) --product pbxctl
	python3 scripts/soak.py --bin $(SCRATCH)/release --seconds 600

## privacy-proof: every proof of docs/PRIVACY.md: permits, mutations, flow table, linter, ledger, canaries, unplugging, power cuts, the relay's memory
privacy-proof: deps-interop
	$(SWIFT_BUILD) --build-tests
	python3 scripts/permits.py --scratch $(SCRATCH)
	$(SCRATCH)/debug/pbxctl privacy lint >/dev/null
	$(SWIFT_TEST) --skip-build --filter 'PrivacyContractTests|PersistenceTests|MutatedContractTests|StrictModeTests|LedgerSigningTests|HostileApplianceTests|OpenServersTests'
	$(SWIFT_TEST) --skip-build --filter 'FlowTableTests|PrivacyDocumentTests|InvariantTests'
	$(SWIFT_TEST) --skip-build --filter 'PromiseTests|CanaryFileTests|PromisedDeletionTests|BackupFileTests|PowerCutTests|LogPolicyTests|BackupTests|BackupPlanServiceTests|UpdatesTests|CrashReportsTests|CloudServiceTests|CrashMarkerTests|SignedManifestTests'
	python3 scripts/recovery.py --bin $(SCRATCH)/debug
	python3 scripts/blindness.py --bin $(SCRATCH)/debug
	python3 scripts/services.py --bin $(SCRATCH)/debug
	python3 scripts/centre.py --bin $(SCRATCH)/debug
	python3 scripts/powercut.py --bin $(SCRATCH)/debug --every $(PROOF_CUTS)
	$(SCRATCH)/debug/pbxsim sweep --seeds $(PROOF_SEEDS) --jobs $$(nproc)

# --- firmware. Needs root (chroot, ownership in file systems); everything is below FIRMWARE_WORK, which is worth keeping between runs.
ARCH ?= arm64
BOARD ?= qemu-virt
VERSION ?= 1.0.0
FIRMWARE_WORK ?= /var/tmp/arm
IMAGE = $(FIRMWARE_WORK)/img/$(BOARD)
UPDATE_KEYS ?= $(FIRMWARE_WORK)/keys
POWER_CUTS ?= 3
NIGHTLY_CUTS ?= 50
QEMU_BIN ?= $(SCRATCH)/debug
FIRMWARE_PACKAGES = qemu-system-arm qemu-system-common qemu-user-static u-boot-tools squashfs-tools dosfstools mtools e2fsprogs kmod cpio zstd \
    binutils git openssl rauc swtpm swtpm-tools tpm2-openssl cryptsetup-bin fdisk python3 python3-yaml gcc-aarch64-linux-gnu make flex bison bc libssl-dev
IMAGE_PY = python3 hw/build/image.py --work $(FIRMWARE_WORK) --board $(BOARD) --update-ca $(UPDATE_KEYS)/ca.pem

## deps-firmware: install what the firmware targets need
deps-firmware: deps
	$(call install_packages,$(FIRMWARE_PACKAGES))

## cross: pbxd and pbxctl for ARCH=arm64, with the compiler that the package archive has
cross: deps-firmware
	@[ "$(ARCH)" = arm64 ] || { echo "no recipe for ARCH=$(ARCH); there is arm64" >&2; exit 1; }
	WORK=$(FIRMWARE_WORK) hw/build/10-toolchain.sh
	@# The number of jobs is part of what the compiler's state is compared by.
	SWIFT_FLAGS="-j $$(nproc)" WORK=$(FIRMWARE_WORK) hw/build/20-build.sh . pbxd pbxctl

## image: a board's disk image, BOARD=qemu-virt, rpi3, rpi4 or imx8mm-evk; VERSION=X.Y.Z
image: cross
	hw/build/keys.sh $(UPDATE_KEYS)
	$(IMAGE_PY) --version $(VERSION) --out $(IMAGE)

## bundle: the signed update of that image
bundle: image
	hw/build/bundle.sh $(IMAGE) $(IMAGE)/update.raucb $(UPDATE_KEYS)/signer.pem $(UPDATE_KEYS)/signer.key

## qemu: boot the image in the emulator; prints where web page, SIP and log are
qemu: BOARD = qemu-virt
qemu: image
	python3 scripts/firmware/qemu.py --image $(IMAGE) --keep $(FIRMWARE_WORK)/qemu

## qemu-test: the demo story, updates, roll-back, devices and POWER_CUTS power cuts in the emulator
qemu-test: BOARD = qemu-virt
qemu-test: image
	@# The peers on this machine; QEMU_BIN=directory takes those that are built already.
	@[ "$(QEMU_BIN)" != "$(SCRATCH)/debug" ] || { $(SWIFT_BUILD) --product vendorcloud && $(SWIFT_BUILD) --product softphone; }
	$(IMAGE_PY) --version 1.0.1 --out $(FIRMWARE_WORK)/img/test-next --quick
	$(IMAGE_PY) --version 1.0.2 --out $(FIRMWARE_WORK)/img/test-broken --quick --break daemon
	python3 scripts/firmware/qemu_test.py --bin $(QEMU_BIN) --image $(IMAGE) --figures $(IMAGE)/figures.json
	python3 scripts/firmware/device_test.py --image $(IMAGE)
	python3 scripts/firmware/update_test.py --image $(IMAGE) --next $(FIRMWARE_WORK)/img/test-next --broken $(FIRMWARE_WORK)/img/test-broken \
	  --keys $(UPDATE_KEYS)
	python3 scripts/firmware/power_test.py --image $(IMAGE) --next $(FIRMWARE_WORK)/img/test-next --keys $(UPDATE_KEYS) --cuts $(POWER_CUTS)

## firmware-reproducible: the image twice from its inputs; one hash
firmware-reproducible: image
	$(IMAGE_PY) --version $(VERSION) --out $(FIRMWARE_WORK)/img/again
	cmp $(IMAGE)/SHA256SUMS $(FIRMWARE_WORK)/img/again/SHA256SUMS && echo "two builds, one hash: $$(grep disk.img $(IMAGE)/SHA256SUMS)"

## firmware-report: sizes by component, boot time, memory
firmware-report:
	python3 scripts/firmware/report.py --image $(IMAGE)

## firmware-nightly: all of the firmware: image for each board, two builds of one, the story, updates, NIGHTLY_CUTS=50 power cuts
firmware-nightly: firmware-reproducible
	for b in rpi3 rpi4 imx8mm-evk; do $(MAKE) image BOARD=$$b || exit 1; done
	$(MAKE) qemu-test POWER_CUTS=$(NIGHTLY_CUTS)
	$(MAKE) firmware-report

## factory: one board's factory partition; SERIAL=… MODEL=… PKI=directory OUT=file
factory:
	@[ -n "$(SERIAL)" ] && [ -n "$(MODEL)" ] && [ -n "$(PKI)" ] && [ -n "$(OUT)" ] || { echo "usage: make factory SERIAL=… MODEL=… PKI=DIR OUT=FILE" >&2; exit 64; }
	WORK=$(FIRMWARE_WORK) hw/build/factory.sh $(OUT) $(SERIAL) $(MODEL) $(PKI) "hw/build/run-arm64.sh pbxctl"

## flash: write the image to a card; DEVICE=/dev/… FACTORY=file. Asks first
flash:
	@[ -n "$(DEVICE)" ] || { echo "usage: make flash BOARD=… DEVICE=/dev/… FACTORY=FILE" >&2; exit 64; }
	python3 hw/build/flash.py $(IMAGE) $(DEVICE) $(if $(FACTORY),--factory $(FACTORY))

## deploy: install this tree's image on a running board; HOST=address TOKEN_FILE=file with its administration's token
deploy: bundle
	@[ -n "$(HOST)" ] && [ -n "$(TOKEN_FILE)" ] || { echo "usage: make deploy HOST=… TOKEN_FILE=…" >&2; exit 64; }
	python3 scripts/firmware/deploy.py --host $(HOST) --token-file $(TOKEN_FILE) $(IMAGE)/update.raucb

## lint: purity of the core, direction of imports, formatting, forbidden names
lint: deps
	python3 scripts/lint.py --self-test
	python3 scripts/lint.py
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

## format: settle the layout of every Swift file
format:
	swift format format --in-place --parallel --recursive Package.swift Sources Tests

## prompts: speak the appliance's prompts with espeak-ng into PROMPTS (German, English, French)
prompts:
	$(call install_packages,espeak-ng python3)
	python3 scripts/prompts.py $(PROMPTS)

## docs: check that the documents name what exists
docs:
	python3 scripts/lint.py --docs

## check: all that a change must pass
check: lint docs test interop signalling fuzz

## clean: remove build products
clean:
	rm -rf $(SCRATCH)

.PHONY: help deps deps-interop build demo run test sim interop signalling torture fuzz storm bench bench-media soak soak-debug soak-nightly media-attack privacy-proof sim-office office-live centre telemetry fleet prompts lint format docs check clean deps-firmware cross image bundle qemu qemu-test firmware-reproducible firmware-report firmware-nightly factory flash deploy
