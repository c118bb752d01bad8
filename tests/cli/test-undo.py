# SPDX-License-Identifier: Apache-2.0
"""The way back while a library that nearly every program needs is broken: on this machine's own root,
in a private mount namespace without a network."""
import ctypes
import os
import re
import time

from broken import NOT_STARTED, Machine, is_static, spawn
from tap import *

CLONE_NEWNET = 0x40000000


def machine():
    if not is_static(program("suture-activate")):
        skip("suture-activate is not linked statically in this build")
    check_equal(ctypes.CDLL(None).unshare(CLONE_NEWNET), 0, "leaving the network")
    return Machine()


def starts(*words):
    """Whether a program starts; of one that is not here nothing is claimed."""
    code, text = spawn(*words)
    check(code in (0, NOT_STARTED), f"{words}: exit {code}, {text}")
    return code == 0


PROGRAMS = ["/usr/bin/true"], ["/usr/bin/sh", "-c", ":"], ["/usr/bin/umount", "--version"]
NEED_CRYPTO = ["/usr/bin/openssl", "version"], ["/usr/bin/systemd-sysext", "--version"]


def here(programs):
    return [words for words in programs if os.path.exists(words[0])]


def undo(*words):
    """Runs what undoes it, and prints how long it took."""
    start = time.monotonic()
    code, text = spawn(*words)
    took = (time.monotonic() - start) * 1000
    check_equal(code, 0, text)
    print(f"# {' '.join(words[1:])}: {took:.1f} ms; {text.splitlines()[0]}", flush=True)
    return text


def check_undone(device, programs):
    check(all(starts(*words) for words in programs), "something still does not start")
    check("current 0\nmounted 0\n" in device.activate("status"))


@test_in_mount_namespace
def a_broken_c_library_is_taken_off():
    device, programs = machine(), here([*PROGRAMS, *NEED_CRYPTO])
    check(all(starts(*words) for words in programs), "something does not start before")
    device.break_library("libc.so.6")
    check(not any(starts(*words) for words in programs), "something starts")
    text = undo(*device.command("switch", 0))
    check(re.fullmatch(r"switched generation=0 directories=1 microseconds=\d+\n", text), text)
    check_undone(device, programs)


@test_in_mount_namespace
def a_broken_crypto_library_is_taken_off():
    device, programs = machine(), here(NEED_CRYPTO)
    device.break_library("libcrypto.so.3")
    check(starts("/usr/bin/true"), "true does not start")
    check(programs and not any(starts(*words) for words in programs), "something starts")
    undo(*device.command("switch", 0))
    check_undone(device, programs)


@test_in_mount_namespace
def the_owner_removes_a_broken_c_library():
    device = machine()
    if not is_static(program("suture")):
        skip("suture is not linked statically in this build")
    device.break_library("libc.so.6")
    check(not starts("/usr/bin/true"), "true starts")
    undo(program("suture"), "remove")
    check_undone(device, here(PROGRAMS))


@test_in_mount_namespace
def a_detach_takes_a_broken_c_library_off():
    device, programs = machine(), here(PROGRAMS)
    device.break_library("libc.so.6")
    undo(*device.command("detach"))
    check(all(starts(*words) for words in programs), "something still does not start")
    check("current 1\nmounted 0\n" in device.activate("status"))


main()
