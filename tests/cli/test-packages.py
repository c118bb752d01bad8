# SPDX-License-Identifier: Apache-2.0
"""Hosts whose base a package manager may change: real dpkg and apt on a small root."""
import os
import time

from tap import *
from world import *

MOUNT = "/usr/bin/mount"
HOOK = "etc/apt/apt.conf.d/80suture"


class Host(Device):
    """A device whose libraries came in packages."""

    def __init__(self, url, **options):
        if not os.path.exists("/usr/bin/apt-get"):
            skip("no apt here")
        super().__init__(url, **options)
        for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/apt/lists/partial",
                       "var/cache/apt/archives/partial", "etc/apt/preferences.d", "var/log/apt"):
            os.makedirs(self.path(folder))
        write(self.path("var/lib/dpkg/status"))
        write("apt.conf", f'Dir "{self.root}"; Dir::State::status "{self.root}/var/lib/dpkg/status";\n'
              'Dir::Bin::Methods "/usr/lib/apt/methods/"; Dir::Bin::dpkg "/usr/bin/dpkg";\n'
              'Dir::Bin::solvers:: "/usr/lib/apt/solvers"; APT::Sandbox::User "root";\n'
              f'DPkg::Options:: "--root={self.root}"; DPkg::Options:: "--force-not-root";\n'
              'APT::Install-Recommends "false"; Dpkg::Use-Pty "false";\n')

    def package(self, name, version, files):
        fill(f"{name}-{version}", files)
        write(f"{name}-{version}/DEBIAN/control",
              f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@x>\n"
              "Description: x\n")
        run("/usr/bin/dpkg-deb", "--build", f"{name}-{version}")
        return os.path.abspath(f"{name}-{version}.deb")

    def apt(self, *args, expect=0):
        return run("/usr/bin/apt-get", "-y", "-q", *args, expect=expect,
                   env={"APT_CONFIG": os.path.abspath("apt.conf"), "LC_ALL": "C"})

    def hook(self):
        """As it is installed, but for the programs of this build and this root."""
        text = read(os.path.join(SOURCE, "data/apt/80suture.in")).decode()
        activate = program("suture-activate")
        write(self.path(HOOK), text.replace("test ! -x @ACTIVATE@", f"test ! -x {activate}")
              .replace("@ACTIVATE@", f"{activate} --root {self.root}"))


@contextlib.contextmanager
def host():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Host(server.url)
        device.apt("install", device.package("libtls", "1", {LIB: OLD_TLS, f"{TLS}/kept": "base\n"}))
        device.apt("install", device.package("other", "1", {f"{TLS}/other": "1\n"}))
        yield vendor, device


@test_in_mount_namespace
def without_the_hook_a_writable_base_of_packages_is_refused():
    with host() as (vendor, device):
        device.refuses("dpkg", f"/{TLS}", "read-only", HOOK, expect=5)
        check("dpkg" in device.agent(expect=5).stderr)
        check_equal(device.images(), [], "something was downloaded for nothing")
        run(MOUNT, "--bind", device.path("usr"), device.path("usr"))
        run(MOUNT, "-o", "remount,bind,ro", device.path("usr"))
        device.suture("install")
        check(device.lib() == NEW_TLS)


@test_in_mount_namespace
def databases_without_packages_do_not_count():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url)
        write(device.path("var/lib/dpkg/status"), "\n")
        write(device.path("var/lib/rpm/Packages"), "")
        device.suture("install")
        device.suture("remove")
        for database in "usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/Packages":
            write(device.path(database), "SQLite")
            device.refuses("rpm may change", expect=5)
            os.unlink(device.path(database))


@test_in_mount_namespace
def with_the_hook_transactions_work_and_the_graft_comes_back():
    with host() as (vendor, device):
        device.hook()
        device.suture("install")
        check(device.lib() == NEW_TLS)
        device.apt("install", device.package("other", "2", {f"{TLS}/other": "2\n"}))
        check_equal(read(device.path(TLS, "other")), b"2\n")
        check(device.lib() == NEW_TLS, "the graft did not come back")
        device.apt("remove", "other")
        check(not os.path.exists(device.path(TLS, "other")))
        check(device.lib() == NEW_TLS)
        check_equal(device.label(), f"{VERSION} (a)")
        device.suture("remove")
        check_equal((device.lib(), read(device.path(TLS, "kept"))), (OLD_TLS, b"base\n"))


@test_in_mount_namespace
def a_transaction_that_fails_brings_the_graft_back():
    with host() as (vendor, device):
        device.hook()
        device.suture("install")
        thief = device.package("thief", "1", {f"{TLS}/kept": "stolen\n"})
        done = device.apt("install", thief, expect=100)
        check("trying to overwrite" in done.stdout + done.stderr, done.stdout + done.stderr)
        check(device.lib() == NEW_TLS, "the graft did not come back")
        check("Paused:" not in device.suture("status").stdout)


@test_in_mount_namespace
def without_the_hook_dpkg_fails_on_a_graft():
    """What the hook is for."""
    with host() as (vendor, device):
        device.hook()
        device.suture("install")
        os.unlink(device.path(HOOK))
        done = device.apt("install", device.package("other", "2", {f"{TLS}/other": "2\n"}),
                          expect=None)
        check(done.returncode != 0 and "Read-only file system" in done.stdout + done.stderr,
              done.stdout + done.stderr)


@test_in_mount_namespace
def a_base_that_a_transaction_changed_gets_no_graft():
    with host() as (vendor, device):
        device.hook()
        device.suture("install")
        newer = changed(OLD_TLS, 50_000)
        done = device.apt("install", device.package("libtls", "2", {LIB: newer, f"{TLS}/kept": "base\n"}))
        check("is not the file that the improvement was staged for" in done.stderr, done.stderr)
        check(device.lib() == newer, "an older file was put over the newer one")
        status = device.suture("status").stdout
        check(f"Reason: the base's {LIB} is not the file" in status, status)
        check("not the file" in device.agent(expect=6).stderr)
        check(device.lib() == newer)
        # the owner may want it all the same
        device.suture("remove")
        device.suture("install")
        check(device.lib() == NEW_TLS)


@test_in_mount_namespace
def during_a_transaction_nothing_is_grafted():
    with host() as (vendor, device):
        device.hook()
        device.suture("install")
        run("suture-activate", "--root", device.root, "pause")
        check(device.lib() == OLD_TLS)
        check("Paused:" in device.suture("status").stdout)
        device.agent(expect=2)
        check(device.lib() == OLD_TLS, "the agent did not keep off")
        vendor.improve({"xml": {XMLLIB: NEW_XML}})
        one_line_error(device.suture("install", expect=5), "suture.paused", "suture-activate resume")
        check(device.lib() == OLD_TLS and read(device.path(XMLLIB)) == OLD_XML)
        run("suture-activate", "--root", device.root, "resume")
        check(device.lib() == NEW_TLS)
        device.suture("install")
        check(read(device.path(XMLLIB)) == NEW_XML)


@test_in_mount_namespace
def a_transaction_does_not_bring_what_waits_for_a_restart():
    with host() as (vendor, device):
        device.hook()
        device.suture("install")
        vendor.improve({"xml": {XMLLIB: NEW_XML}}, restart="reboot")
        device.suture("install")
        check(read(device.path(XMLLIB)) == OLD_XML, "this test shows nothing")
        device.apt("install", device.package("other", "2", {f"{TLS}/other": "2\n"}))
        check_equal((device.lib() == NEW_TLS, read(device.path(XMLLIB)) == OLD_XML), (True, True))
        check("becomes active at the next restart" in device.suture("status").stdout)
        run("suture-activate", "--root", device.root, "apply")
        check(read(device.path(XMLLIB)) == NEW_XML)


@test_in_mount_namespace
def what_is_removed_during_a_pause_stays_off():
    with host() as (vendor, device):
        device.hook()
        device.suture("install")
        activate = lambda *verb, **more: run("suture-activate", "--root", device.root, *verb, **more)
        activate("pause")
        activate("pause")  # apt may run dpkg more than once
        device.suture("remove")
        activate("resume")
        check(device.lib() == OLD_TLS)
        one_line_error(activate("resume", expect=2), "no pause")
        device.suture("install")
        activate("pause")
        write(device.path("run/suture.paused"), "nonsense")
        activate("resume")
        check(device.lib() == OLD_TLS)


@test_in_mount_namespace
def a_pause_keeps_the_watching_agent_off():
    vendor = Vendor()
    vendor.improve({"tls": {LIB: NEW_TLS}})
    with Server(vendor.repository) as server:
        device = Device(server.url, config="[check]\ninterval = 604800\n")
        device.suture("install")
        agent = Agent(device)
        agent.line()
        run("suture-activate", "--root", device.root, "pause")
        time.sleep(1.5)
        check(device.lib() == OLD_TLS)
        run("suture-activate", "--root", device.root, "resume")
        check(device.lib() == NEW_TLS)
        check_equal(agent.end(), 0)


main()
