# SPDX-License-Identifier: Apache-2.0
"""The machines of the story: root folders with a base in them, whose clocks are moved by libfaketime, and
the browser that runs on each."""
import glob
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SUTURE_BUILD", os.path.join(TOP, "build")))
STORY = os.path.join(BUILD, "story")
PRODUCT, MACHINE = "exampleos", os.uname().machine
FOLDER, LIBRARY, BROWSER = "usr/lib/webkit", "libwebkit.so.1", "usr/bin/webkitd"
# A page that is loaded from evil.example, and that the base takes to be the bank's.
PAGE, SECRET = "https://bank.example@evil.example/", "https://bank.example/account"
# A page that was opened with a name, and reads its own site.
NAMED_PAGE, NAMED_SECRET = "https://me@bank.example/", "https://me@bank.example/account"


class Failed(Exception):
    pass


def below(*parts):
    return os.path.join(STORY, *parts)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def run(*command, expect=(0,), **options):
    done = subprocess.run(command, text=True, capture_output=True, stdin=subprocess.DEVNULL, check=False,
                          **options)
    if done.returncode not in expect:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def program(name):
    return os.path.join(BUILD, name)


def compile_base(root, fix):
    """The component in a tree; `fix` as in navigation.h, 0 for none."""
    source = os.path.join(TOP, "examples/webkit")
    flags = ["-O2", "-D_GNU_SOURCE", *([f"-DFIXED={fix}"] if fix else [])]
    os.makedirs(os.path.join(root, FOLDER), exist_ok=True)
    os.makedirs(os.path.join(root, "usr/bin"), exist_ok=True)
    library = os.path.join(root, FOLDER, LIBRARY)
    run("cc", *flags, "-fPIC", "-shared", f"-Wl,-soname,{LIBRARY}", "-o", library,
        f"{source}/navigation.c")
    run("cc", "-O2", "-D_GNU_SOURCE", "-o", os.path.join(root, BROWSER), f"{source}/webkitd.c", library)


def os_release(version, variant):
    return (f'NAME="Example OS"\nID={PRODUCT}\nVERSION_ID={version}\nVARIANT_ID={variant}\n'
            f'PRETTY_NAME="Example OS {version}"\n')


def make_base(name, version, variant, fix=0, like=None):
    """The tree of a base; where `like` is another, all but the name of the version is its."""
    root = below("bases", name)
    if like:
        shutil.copytree(below("bases", like), root, symlinks=True)
    else:
        compile_base(root, fix)
    write(os.path.join(root, "usr/lib/os-release"), os_release(version, variant))
    return root


def base_key(version, variant):
    return f"{version}_{variant}_{MACHINE}"


def place(machine_id, key, sequence):
    """How far in front a machine stands in the queue of an improvement, 0 to 1 (doc/format/index.md)."""
    text = f"{machine_id}\nsuture-rollout\n{PRODUCT}\n{key}\n{sequence}\n"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2 ** 64


def machine_id_between(key, least, most):
    """An identity with a place from `least` to `most` per cent for (a)."""
    number = 0
    while True:
        machine_id = hashlib.sha256(f"{key} {number}".encode()).hexdigest()[:32]
        if least <= place(machine_id, key, 1) * 100 < most:
            return machine_id
        number += 1


def at(when):
    """The environment of a machine on which it is that time."""
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not library:
        raise Failed("libfaketime is not installed: make deps")
    stamp = time.strftime("@%Y-%m-%d %H:%M:%S", time.gmtime(when))
    return dict(os.environ, LD_PRELOAD=library[0], FAKETIME=stamp, DONT_FAKE_MONOTONIC="1", TZ="UTC")


class Machine:
    """One that somebody owns."""

    def __init__(self, name, base, key, url, *, queue=(0, 1), channel="public", automatic=True):
        self.name, self.url, self.process = name, url, None
        self.root = below("machines", name)
        shutil.copytree(below("bases", base), self.root, symlinks=True)
        for file in "root.json", "seal.conf":
            os.makedirs(self.path("usr/lib/suture"), exist_ok=True)
            shutil.copy(below("repository.work/device", file), self.path("usr/lib/suture", file))
        write(self.path("etc/machine-id"), machine_id_between(key, *queue) + "\n")
        write(self.path("etc/suture/suture.conf"),
              f"[repository]\nurl = {url}\nchannel = {channel}\n"
              f"[install]\nautomatic = {'install' if automatic else 'off'}\n")
        self.restart_browser()

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    # --- Suture, at a time

    def suture(self, when, *words, expect=(0,)):
        return run(program("suture-shared"), "--root", self.root, *words, expect=expect, env=at(when))

    def json(self, when, *words, **options):
        return json.loads(self.suture(when, "--json", *words, **options).stdout)

    def agent(self, when, expect=(0, 2, 5)):
        """What the machine does by itself at a time of its own choice; then its owner restarts the browser."""
        before = self.label(when)
        run(program("suture-shared"), "--root", self.root, "maintain", expect=expect, env=at(when))
        if self.label(when) != before:
            self.restart_browser()

    def label(self, when):
        return self.json(when, "status")["label"]

    def exposed(self, when):
        return self.json(when, "exposure")["exposed"]

    def grafts(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            return [line for line in file if line.split()[4].startswith(self.path(FOLDER))]

    def update(self, base):
        """The owner takes an update of the whole system, and restarts."""
        run(program("suture-activate"), "--root", self.root, "detach")
        for part in "usr/bin", FOLDER:
            shutil.rmtree(self.path(part))
            shutil.copytree(os.path.join(below("bases", base), part), self.path(part), symlinks=True)
        shutil.copy(os.path.join(below("bases", base), "usr/lib/os-release"),
                    self.path("usr/lib/os-release"))
        run(program("suture-activate"), "--root", self.root, "apply", expect=(0, 1, 2))
        self.restart_browser()

    # --- the browser

    def restart_browser(self):
        self.stop_browser()
        path = self.path("run/webkitd")
        os.makedirs(self.path("run"), exist_ok=True)
        self.process = subprocess.Popen([self.path(BROWSER), path],
                                        env={"LD_LIBRARY_PATH": self.path(FOLDER)})
        until = time.monotonic() + 10
        while self.ask() is None:
            if time.monotonic() > until:
                raise Failed(f"the browser of {self.name} does not answer")
            time.sleep(0.01)

    def stop_browser(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            os.unlink(self.path("run/webkitd"))
            self.process = None

    def ask(self, *lines):
        """What a tab is answered to its last line; None when nobody listens."""
        answer = ""
        with socket.socket(socket.AF_UNIX) as tab:
            try:
                tab.connect(self.path("run/webkitd"))
            except OSError:
                return None
            with tab.makefile("rw") as file:
                for line in lines:
                    file.write(line + "\n")
                    file.flush()
                    answer = file.readline().strip()
        return answer

    def is_open_to_attack(self):
        """Really tries it: a page from evil.example reads the bank's."""
        return self.ask(f"open {PAGE}", f"read {SECRET}").startswith("read ")

    def named_pages_work(self):
        return self.ask(f"open {NAMED_PAGE}", f"read {NAMED_SECRET}").startswith("read ")
