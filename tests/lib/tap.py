# SPDX-License-Identifier: Apache-2.0
"""A small harness for tests of whole programs, speaking TAP (https://testanything.org).

    from tap import *

    @test
    def unknown_verbs_are_refused():
        run("suture-delta", "frobnicate", expect=64)

    main()

Programs are those of the build folder named by SUTURE_BUILD (default: build/ of this tree). Each
test gets a fresh folder as its working directory. `@test_in_mount_namespace` runs the test in a
child process inside a private mount namespace (root only, skipped otherwise), so that whatever it
mounts is gone with it.
"""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SUTURE_BUILD", os.path.join(SOURCE, "build"))

_tests, _before = [], []


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


def skip(why):
    raise Skip(why)


def check(condition, message="check failed"):
    if not condition:
        raise AssertionError(message)


def shown(value, longest=1000):
    """What a failure shows of a value: whole files would hide the reason."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def check_equal(a, b, what="value"):
    if a != b:
        raise AssertionError(f"{what}: {shown(a)} is not {shown(b)}")


def program(name):
    """The path of a program of the build."""
    return os.path.join(BUILD, name)


def run(name, *args, expect=0, input=None, env=None, text=True):
    """Runs a program of the build, or any other by an absolute path, and checks its exit code.
    Returns the CompletedProcess with what it printed."""
    path = name if name.startswith("/") else program(name)
    full = dict(os.environ, **(env or {}))
    done = subprocess.run([path, *map(str, args)], input=input, env=full, text=text,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"{name} {' '.join(map(str, args))}: exit {done.returncode}, "
                             f"not {expect}\n{done.stdout}\n{done.stderr}")
    return done


def one_line_error(done, *words):
    """Checks that a failed program said one line on standard error that holds all the words."""
    lines = done.stderr.strip().split("\n")
    check(len(lines) == 1 and lines[0], f"not one line: {done.stderr!r}")
    for word in words:
        check(word in lines[0], f"{word!r} is not in {lines[0]!r}")


def write(path, data="", mode=None):
    """Writes a file, making its folders."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
    if mode is not None:
        os.chmod(path, mode)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def fresh_folder():
    """Another fresh folder below the test's own, for the next round of a test: the new working
    directory. What the last round mounted stays where it is."""
    os.chdir(tempfile.mkdtemp(prefix="round-", dir=os.getcwd()))
    os.chmod(os.getcwd(), 0o755)


def test(function):
    _tests.append((function, False))
    return function


def test_in_mount_namespace(function):
    _tests.append((function, True))
    return function


def enter_mount_namespace():
    """Leaves the machine's mount namespace for a private one."""
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newns, ms_rec, ms_private = 0x20000, 16384, 1 << 18
    if libc.unshare(clone_newns) or libc.mount(b"none", b"/", None, ms_rec | ms_private, None):
        raise OSError(ctypes.get_errno(), "no private mount namespace")


def _describe(error):
    text = str(error) if isinstance(error, AssertionError) else ""
    return text + "\n" + traceback.format_exc(limit=-3)


def in_mount_namespace(function):
    """Calls it in a child process with a mount namespace of its own, which ends with it."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            enter_mount_namespace()
            function()
            status = 0
        except Skip as error:
            status = 77
            os.write(write_end, str(error).encode())
        except BaseException as error:
            os.write(write_end, _describe(error).encode()[:60000])
        finally:
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        message = pipe.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 77:
        raise Skip(message)
    if status != 0:
        raise AssertionError(message or f"the test's process ended with {status}")


def _run_one(function, in_namespace):
    if in_namespace and os.geteuid() != 0:
        raise Skip("needs root for a mount namespace")
    if in_namespace:
        in_mount_namespace(function)
    else:
        function()


def before_all(function):
    """Runs once before the first test, in the process that all tests are children of: what it makes
    is made once, and cleaned up at the end."""
    _before.append(function)
    return function


def run_tests(names):
    """Those with these names, or all: how many passed, and how many failed."""
    chosen = [t for t in _tests if not names or t[0].__name__ in names]
    print(f"1..{len(chosen)}")
    passed = failed = 0
    for function in _before:
        function()
    home = os.getcwd()
    for number, (function, in_namespace) in enumerate(chosen, 1):
        folder = tempfile.mkdtemp(prefix="suture-test-")
        os.chdir(folder)
        result, comment = "ok", ""
        try:
            _run_one(function, in_namespace)
            passed += 1
        except Skip as why:
            comment = f" # SKIP {why}"
        except Exception as error:
            result, failed = "not ok", failed + 1
            for line in _describe(error).strip().split("\n"):
                print("# " + line)
        os.chdir(home)
        shutil.rmtree(folder, ignore_errors=True)
        print(f"{result} {number} - {function.__name__}{comment}", flush=True)
    return passed, failed


def main():
    sys.exit(1 if run_tests(sys.argv[1:])[1] else 0)
