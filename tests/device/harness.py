# SPDX-License-Identifier: Apache-2.0
"""Runs scenarios on the test device, speaking TAP (https://testanything.org): see check-device."""
import contextlib
import os
import shutil
import signal
import sys
import time
import traceback

import image as images
from device import SAVED, STARTS, Device
from image import say
from tap import Skip

# The emulator shows a processor the breakpoint that another has replaced by now, and the kernel
# panics: seen once in 40 boots.
EMULATOR_FAULT = "Oops: int3"
LINES_SHOWN = 15  # of what a failed scenario leaves in its folder

_scenarios = []


def check(condition, message="check failed"):
    if not condition:
        raise AssertionError(message)


def check_equal(a, b, what="value"):
    check(a == b, f"{what}: {a!r} is not {b!r}")


def scenario(start):
    """A test that begins where a start of device.py is; None: with a new device whose power is off."""
    def add(function):
        _scenarios.append((function, start))
        return function
    return add


class Starts:
    """The starts of one run, each made when it is first asked for."""

    def __init__(self, image, folder):
        self.image, self.folder, self.devices = image, folder, {}

    def device(self, name):
        if name not in self.devices:
            self.devices[name] = self.make(name)
        return self.devices[name]

    def make(self, name):
        before, bring = STARTS[name]
        device = Device(self.image, os.path.join(self.folder, f"start-{name}"))
        began = time.monotonic()
        try:
            if before:
                device.begin(self.device(before))
            bring(device)
            device.run("sync")
            device.save(SAVED)
        except Skip:
            raise
        except BaseException:
            show_console(device)
            raise
        finally:
            device.cut()
        say(f"start {name}: {time.monotonic() - began:.1f} s")
        return device


def show(text):
    for line in text.splitlines()[-LINES_SHOWN:]:
        say("  " + "".join(c for c in line if c.isprintable()))


def show_console(device):
    with contextlib.suppress(OSError):
        show(device.console())


def look_back(device):
    """What the guest has to say to a failure, if anything answers there yet; kept as `journal`."""
    with contextlib.suppress(Exception):
        text = device.run("journalctl -b --no-pager; systemctl --failed --no-legend",
                          expect=None, seconds=20).output
        with open(device.path("journal"), "w", encoding="utf-8") as file:
            file.write(text)
        show(text)


def has_emulator_fault(device):
    with contextlib.suppress(OSError):
        return EMULATOR_FAULT in device.console()
    return False


def run_one(starts, folder, function, start, again=True):
    device = Device(starts.image, folder)
    saved = starts.device(start) if start else None
    try:
        if saved:
            device.begin(saved)
        function(device)
    except BaseException as error:
        if again and isinstance(error, Exception) and has_emulator_fault(device):
            device.cut()
            shutil.rmtree(folder)
            say(f"{function.__name__}: the emulator made the kernel panic; once more")
            return run_one(starts, folder, function, start, again=False)
        if device.process:
            look_back(device)
        show_console(device)
        raise
    finally:
        device.cut()
    shutil.rmtree(folder)
    return None


def describe(error):
    text = f"{type(error).__name__}: {error}\n" + traceback.format_exc(limit=-3)
    return [f"  {line}" for line in text.strip().splitlines()]


def main(names):
    """Runs the scenarios with these names, or all; returns whether all went well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # with an end for the machine that runs
    chosen = [one for one in _scenarios if not names or one[0].__name__ in names]
    image = images.build()
    folder = os.path.join(images.CACHE, "run")
    shutil.rmtree(folder, ignore_errors=True)
    starts = Starts(image, folder)
    passed = failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, (function, start) in enumerate(chosen, 1):
        name, began, result, comment = function.__name__, time.monotonic(), "ok", ""
        try:
            run_one(starts, os.path.join(folder, name), function, start)
            passed += 1
        except Skip as why:
            comment = f" # SKIP {why}"
        except Exception as error:  # whatever it is, the next scenario has its own device
            result, failed = "not ok", failed + 1
            for line in describe(error):
                say(line)
        print(f"{result} {number} - {name} ({time.monotonic() - began:.1f} s){comment}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed == 0 and passed > 0
