# A thin front for meson. `make demo`, `make tour` and `make check` do all their own set-up.
BUILD   ?= build
PAIRS   ?= $(CURDIR)/../shared/pairs
DESTDIR ?=
export PAIRS
SUDO   := $(if $(filter 0,$(shell id -u)),,sudo -E)

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=/usr --libexecdir=libexec -Dwerror=true

# What building, testing and the demo need; asks nothing where all is there.
deps:
	$(SUDO) tools/install-packages
	tools/install-node-modules $(BUILD)

demo: deps
	$(MAKE) all
	$(SUDO) env SUTURE_BUILD=$(abspath $(BUILD)) EXAMPLE=$(EXAMPLE) \
		unshare -m /usr/bin/python3 tools/demo/demo.py

# What Suture is for, told with dates.
story: deps
	$(MAKE) all
	$(SUDO) env SUTURE_BUILD=$(abspath $(BUILD)) unshare -m /usr/bin/python3 tools/story/story.py

# A new user's path, by an ordinary person at a terminal and in Cockpit.
tour: deps
	$(MAKE) all
	$(SUDO) env SUTURE_BUILD=$(abspath $(BUILD)) unshare -m /usr/bin/python3 tools/tour/tour.py

# The tests as they are, then once more under AddressSanitizer and UndefinedBehaviorSanitizer.
check: deps
	$(MAKE) all
	meson setup build-asan --reconfigure -Db_sanitize=address,undefined -Db_lundef=false \
		-Dwerror=true >/dev/null || meson setup build-asan -Db_sanitize=address,undefined \
		-Db_lundef=false -Dwerror=true
	ninja -C build-asan
	$(SUDO) env PAIRS=$(PAIRS) tools/run-tests $(BUILD) build-asan

# The delta engine by other compilers and for other processors.
deps-hosts: deps
	$(SUDO) tools/install-packages hosts || echo "check-hosts will skip what is missing"

check-hosts: deps-hosts
	tests/hosts/check-hosts

# A machine that boots, with Suture in it, under QEMU.
deps-device: deps
	$(SUDO) tools/install-packages device

check-device: deps-device deps-packages
	$(MAKE) all
	DEB_BUILD_OPTIONS=nocheck tools/make-packages --unless-made $(BUILD)/packages
	$(SUDO) env SUTURE_BUILD=$(abspath $(BUILD)) tests/device/check-device $(SCENARIOS)

# Packages for Debian, in build/packages.
deps-packages: deps
	$(SUDO) tools/install-packages packages

packages: deps-packages
	tools/make-packages $(BUILD)/packages

check-packages: packages
	$(MAKE) all
	$(SUDO) env SUTURE_BUILD=$(abspath $(BUILD)) unshare -m tests/packages/check-packages

install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-asan build-clang build-hosts

.PHONY: all deps deps-hosts deps-device deps-packages demo story tour check check-hosts check-device \
	packages check-packages install clean
