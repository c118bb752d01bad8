# SPDX-License-Identifier: Apache-2.0
"""Where the demo's fix comes from: two versions of a real library package from the machine's own
package archive, or, where no archive is reachable, the small component in examples/greeter."""
import functools
import glob
import gzip
import os
import re
import shutil
import signal
import subprocess

import service

# Libraries that nginx maps; the first with two versions in the archive is taken.
CANDIDATES = ["libssl3", "libpcre2-8-0", "zlib1g", "libcrypt1"]
NGINX_PACKAGES = ["nginx", "libc6", "libcrypt1", "libpcre2-8-0", "libssl3", "zlib1g"]
TRIPLET_FOLDER = f"usr/lib/{os.uname().machine}-linux-gnu"


def ask(*command):
    return subprocess.run(command, text=True, capture_output=True).stdout


def is_newer(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "gt", b]).returncode == 0


def versions(package):
    """All versions that the archive has, oldest first."""
    found = {line.split("|")[1].strip() for line in ask("apt-cache", "madison", package).split("\n")
             if line.count("|") >= 2 and "Packages" in line}
    order = functools.cmp_to_key(lambda a, b: 1 if is_newer(a, b) else -1)
    return sorted(found, key=order)


def download(folder, package, version=None):
    """The path of the downloaded .deb; None when the archive cannot be reached."""
    os.makedirs(folder, exist_ok=True)
    name = f"{package}={version}" if version else package
    done = subprocess.run(["apt-get", "download", "-q", name], cwd=folder, capture_output=True)
    names = glob.glob(os.path.join(folder, package + "_*.deb"))
    return names[0] if done.returncode == 0 and names else None


def unpack(package, root):
    """Files only, into a root whose /lib and its like are links to /usr/lib (merged /usr)."""
    files = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", root], stdin=files.stdout,
                   check=True)
    if files.wait():
        raise RuntimeError(f"{package} cannot be unpacked")


def make_root(root):
    for name in "bin", "sbin", "lib", "lib64":
        os.makedirs(os.path.join(root, "usr", name))
        os.symlink("usr/" + name, os.path.join(root, name))


class Archive:
    """Two versions of one package, and a base that ships the older."""
    directories = [TRIPLET_FOLDER]

    def __init__(self, demo, name, old_version, new_version):
        self.name = self.component = name
        self.old_version, self.new_version = old_version, new_version
        self.demo = demo
        self.base_root = os.path.join(demo, "base")

    def fetch(self):
        packages = os.path.join(self.demo, "packages")
        self.old_deb = download(os.path.join(packages, "old"), self.name, self.old_version)
        self.new_deb = download(os.path.join(packages, "new"), self.name, self.new_version)
        others = [download(os.path.join(packages, "base", name), name)
                  for name in NGINX_PACKAGES if name != self.name]
        if not all([self.old_deb, self.new_deb, *others]):
            return False
        make_root(self.base_root)
        for package in [*others, self.old_deb]:
            unpack(package, self.base_root)
        self.full_bytes = os.path.getsize(self.new_deb)
        listing = ask("dpkg-deb", "--contents", self.new_deb)
        self.files = sorted({path.lstrip("./") for path in re.findall(r" (\./usr/lib/\S+)", listing)
                             if not path.endswith("/")})
        self.cves = self.find_cves()
        return True

    def find_cves(self):
        """The CVEs that the changelog names above the old version's entry."""
        root = os.path.join(self.demo, "changelog")
        os.makedirs(root)
        unpack(self.new_deb, root)
        with gzip.open(os.path.join(root, "usr/share/doc", self.name,
                                    "changelog.Debian.gz"), "rt") as file:
            text = file.read().split(f"({self.old_version})")[0]
        shutil.rmtree(root)
        found = list(dict.fromkeys(re.findall(r"CVE-\d{4}-\d{4,}", text)))
        return found or ["EXAMPLE-2026-0001"]

    def create_arguments(self, base):
        return ["--deb", f"{base}={self.old_deb},{self.new_deb}"]

    def start_service(self, root):
        return service.tls_nginx(root)


class Greeter(service.Nginx):
    """The example's daemon: on SIGUSR2 it runs itself anew and keeps its listening socket."""
    name = "greeter"

    def __init__(self, root):
        self.root, self.port = root, service.free_port()

    def __enter__(self):
        self.process = subprocess.Popen(
            ["chroot", self.root, "/usr/bin/greeter", str(self.port)])
        service.wait_until(lambda: service.answers(self.port), "greeter's start")
        return self

    def restart(self):
        marker = os.path.join(self.root, "run/greeter.started")
        before = os.stat(marker).st_mtime_ns
        os.kill(self.process.pid, signal.SIGUSR2)
        service.wait_until(lambda: os.stat(marker).st_mtime_ns != before, "greeter's restart")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Example:
    """A library with a fix, built here; the base borrows the machine's C library."""
    name, component = "example", "greet"
    old_version, new_version = "1.0", "1.1"
    directories, files = ["usr/lib/greeter"], ["usr/lib/greeter/libgreet.so.1"]
    cves = ["EXAMPLE-2026-0001"]

    def __init__(self, demo, top):
        self.base_root = os.path.join(demo, "base")
        self.new_root = os.path.join(demo, "new")
        folder = os.path.join(top, "examples/greeter")
        make_root(self.base_root)
        self.build(folder, self.base_root, [])
        self.copy_libc()
        shutil.copytree(self.base_root, self.new_root, symlinks=True)
        self.build(folder, self.new_root, ["-DFIXED"])
        self.full_bytes = os.path.getsize(os.path.join(self.new_root, self.files[0]))

    def build(self, folder, root, flags):
        library = os.path.join(root, self.files[0])
        os.makedirs(os.path.dirname(library), exist_ok=True)
        os.makedirs(os.path.join(root, "run"), exist_ok=True)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-Wl,-soname,libgreet.so.1", *flags, "-o",
                        library, os.path.join(folder, "libgreet.c")], check=True)
        if not flags:
            subprocess.run(["cc", "-O2", "-o", os.path.join(root, "usr/bin/greeter"),
                            os.path.join(folder, "greeter.c"), library,
                            "-Wl,-rpath,/usr/lib/greeter"], check=True)

    def copy_libc(self):
        listing = ask("ldd", os.path.join(self.base_root, "usr/bin/greeter"))
        for path in re.findall(r"(/\S*(?:libc\.so\S*|ld-linux\S*))", listing):
            target = os.path.join(self.base_root, path.lstrip("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(os.path.realpath(path), target)

    def create_arguments(self, base):
        new = self.new_root + "-" + base
        shutil.copytree(self.new_root, new, symlinks=True)
        os.makedirs(os.path.join(new, "etc"), exist_ok=True)
        shutil.copy(os.path.join(os.path.dirname(self.base_root), "base-" + base, "etc/os-release"),
                    os.path.join(new, "etc/os-release"))
        return ["--base", f"{base}={new}"]

    def start_service(self, root):
        return Greeter(root)


def find(demo, top, say):
    for name in [] if os.environ.get("EXAMPLE") else CANDIDATES:
        found = versions(name)
        if len(found) < 2:
            continue
        package = Archive(demo, name, found[-2], found[-1])
        if package.fetch():
            say(f"  {name}: {package.old_version} -> {package.new_version}, "
                f"{package.full_bytes:,} bytes as a package.")
            return package
        shutil.rmtree(package.base_root, ignore_errors=True)
    say("  No package archive can be reached (or EXAMPLE is set): taking examples/greeter.")
    return Example(demo, top)
