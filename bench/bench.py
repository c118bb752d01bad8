# SPDX-License-Identifier: Apache-2.0
"""What measurements that mount share: the ground they stand on, percentiles, markdown tables."""
import os
import shutil
import statistics
import sys
import tempfile
import traceback

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "tests", "lib"))
from tap import enter_mount_namespace  # noqa: E402


def run_aside(function, *args):
    """Runs the function in a fresh folder and a private mount namespace, in a process of its own, so
    that all of it is gone afterwards. Ends with the exit code that the function returned."""
    folder = tempfile.mkdtemp(prefix="suture-bench-")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            enter_mount_namespace()
            os.chmod(folder, 0o755)
            os.chdir(folder)
            code = function(*args) or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


def percentile(values, percent):
    """The least value that so many per cent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def spread(values, *, scale=1, digits=0):
    """"median / p99 / max" of the values, each divided by `scale`; "-" when there are none."""
    if not values:
        return "-"
    return " / ".join(f"{value / scale:.{digits}f}" for value in
                      (statistics.median(values), percentile(values, 99), max(values)))


def print_head(*names, align="--:"):
    """Columns of words to the left, as the first one is, with `align` "---"."""
    print_row(*names)
    print("|---|" + f"{align}|" * (len(names) - 1), flush=True)


def print_row(*cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
