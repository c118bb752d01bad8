# SPDX-License-Identifier: Apache-2.0
"""Kills a command at its system calls, one after the other, each time on a fresh copy of a state.

    class Refresh:
        folder = "prepared"              # copied anew for every round; never touched itself
        def command(self, folder): …     # what is run and killed, with its arguments
        def killed(self, folder): …      # checks what a kill has left
        def again(self, folder): …       # runs the same without killing, and checks the end

    sweep(Refresh())

A kill acts at the entry of a system call, of whichever process of the tree makes it. Between two
calls that change something outside the process, all kills leave the same behind: it is enough to
kill at each call that may change something, each one that is not QUIET. Quiet calls are sampled
nevertheless, in case one of them is not.

KILL_SWEEP=all kills at every loud call, and at a quarter of the quiet ones. Without it a share of
those is taken, another one at each run; KILL_SWEEP_SEED repeats that of the seed which was printed.
"""
import os
import random
import shutil
import subprocess
import tempfile
from collections import Counter

from tap import check, check_equal, program

KILLED = 137
QUIET_SHARE = 1 / 4
QUIET = frozenset("""
    access arch_prctl brk clock_getres clock_gettime clock_nanosleep close dup dup2 dup3 epoll_create1
    epoll_ctl epoll_pwait epoll_wait eventfd2 faccessat faccessat2 fcntl fstat fstatfs futex
    getcwd getdents64 getegid geteuid getgid getgroups getpeername getpgrp getpid getppid
    getrandom getsockname getsockopt gettid getuid ioctl lseek lstat madvise membarrier mmap
    mprotect mremap munmap nanosleep newfstatat open openat pidfd_open pipe pipe2 poll ppoll
    prctl pread64 prlimit64 read readlink readlinkat readv restart_syscall rseq rt_sigaction
    rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_getaffinity
    sched_yield select set_robust_list set_tid_address setsockopt sigaltstack socket socketpair
    stat statfs statx sysinfo time umask uname wait4 waitid
""".split())


def temporary_folder():
    """A folder on a file system in memory, where there is one."""
    memory = "/dev/shm"
    return tempfile.mkdtemp(prefix="suture-sweep-", dir=memory if os.access(memory, os.W_OK) else None)


def run_killed(command, where, calls):
    """Runs a command and kills it at a system call; "0": at none. Returns the exit code and the
    names of the calls, for which the file `calls` is used."""
    done = subprocess.run([program("tests/kill-sweep"), calls, where, *command],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode != 125, f"kill-sweep: {done.stderr}")
    with open(calls, encoding="utf-8") as file:
        return done.returncode, file.read().split()


def is_loud(name):
    return name not in QUIET


def places(names):
    """Where to kill, for all calls: loud ones by name, so that none is missed when others come more
    or less often than in the run that was counted; quiet ones by number."""
    seen = Counter()
    for number, name in enumerate(names, 1):
        seen[name] += 1
        yield (f"{name}={seen[name]}" if is_loud(name) else str(number)), is_loud(name)


def choose(names, share):
    """Where to kill, and the seed of the choice."""
    everything = os.environ.get("KILL_SWEEP") == "all"
    seed = int(os.environ.get("KILL_SWEEP_SEED") or random.randrange(1 << 32))
    dice = random.Random(seed)
    chosen = [where for where, loud in places(names) if loud or dice.random() < QUIET_SHARE]
    if not everything:
        chosen = dice.sample(chosen, max(1, round(len(chosen) * share)))
    return chosen, seed


class Sweep:
    def __init__(self, case):
        self.case, self.home = case, temporary_folder()
        self.calls = os.path.join(self.home, "calls")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home, ignore_errors=True)

    def fresh(self):
        folder = os.path.join(self.home, "state")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.case.folder, folder, symlinks=True)
        return folder

    def count(self):
        """The names of the calls of an undisturbed run, which has to succeed."""
        folder = self.fresh()
        code, names = run_killed(self.case.command(folder), "0", self.calls)
        check_equal(code, 0, "the exit code of an undisturbed run")
        return names

    def kill_at(self, where):
        """One round. Returns the name of the call, or None when the run made fewer."""
        folder = self.fresh()
        code, names = run_killed(self.case.command(folder), where, self.calls)
        try:
            self.case.killed(folder)
            self.case.again(folder)
        except AssertionError as error:
            raise AssertionError(f"killed at call {where} ({names[-1]}): {error}") from error
        return names[-1] if code == KILLED else None


def sweep(case, *, share=1.0):
    """Kills a case at its calls, and says in the test's output at how many."""
    with Sweep(case) as rounds:
        names = rounds.count()
        chosen, seed = choose(names, share)
        at = Counter(filter(None, map(rounds.kill_at, chosen)))
    loud = sum(map(is_loud, names))
    print(f"# {type(case).__name__}: {len(names)} system calls, {loud} of them loud; killed at "
          f"{sum(at.values())} of {len(chosen)} chosen with KILL_SWEEP_SEED={seed}")
    print("# " + ", ".join(f"{name} {count}" for name, count in at.most_common() if is_loud(name)))
    check(sum(at.values()) >= len(chosen) // 2, "most runs ended before they were killed")
