# SPDX-License-Identifier: Apache-2.0
"""A bare Debian from the package archive that this machine's apt knows.

    path = bootstrap(FOLDER, "trixie", PACKAGES, OPTIONS)    a tar, made when it is not there yet

OPTIONS are mmdebstrap's. No mount is needed, but root.
"""
import contextlib
import hashlib
import os
import shutil
import subprocess


def say(text):
    print(f"# {text}", flush=True)


def call(*command, **options):
    """Runs a program that must not fail; what it says is shown only when it does."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


@contextlib.contextmanager
def made_beside(path):
    """A name for what becomes `path` only when it is complete."""
    new = path + ".new"
    remove(new)
    yield new
    os.rename(new, path)


def archive_sources(suite):
    """The lines for this suite, from what apt is told about the archive of the machine's own."""
    own = call("sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME").strip()
    answer = call("apt-get", "indextargets", "--format", "$(LABEL)|$(CODENAME)|$(REPO_URI)",
                  "Created-By: Packages")
    found = []
    for line in answer.splitlines():
        label, codename, uri = line.split("|")
        source = f"deb {uri} {codename.replace(own, suite, 1)} main"
        if label in ("Debian", "Debian-Security") and codename.startswith(own) \
                and source not in found:
            found.append(source)
    if not found:
        raise RuntimeError("apt knows no Debian archive: run apt-get update, then try again")
    return found


def archive_options():
    """Proxies and the like that apt is told about."""
    return [f"--aptopt={line}" for line in call("apt-config", "dump").splitlines()
            if line.startswith(("Acquire::http", "Acquire::https"))]


def bootstrap(folder, suite, packages, options):
    words = "\n".join([suite, *packages, *options]).encode()
    path = os.path.join(folder, f"debian-{hashlib.sha256(words).hexdigest()[:16]}.tar")
    if not os.path.exists(path):
        say(f"Debian {suite} from the package archive: a minute or two")
        os.makedirs(folder, exist_ok=True)
        with made_beside(path) as new:
            call("mmdebstrap", *options, *archive_options(), "--format=tar",
                 "--include=" + ",".join(packages), suite, new, *archive_sources(suite))
    return path
