# SPDX-License-Identifier: Apache-2.0
"""The image of the test device: Debian 13 from the machine's own package archive, with Suture as an
integrator puts it there. doc/integration.md tells the same in words.

    image = build()        made anew when something that it is made from has changed
    image.root_disk, .var_disk, .repository_disk, .kernel, .initrd

It lies in the folder that SUTURE_DEVICE_CACHE names, or build/device. No loop device and no mount is
needed, but root.
"""
import dataclasses
import fnmatch
import hashlib
import lzma
import os
import shutil
import sys
import time

import rauc
import vendor

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("SUTURE_BUILD", os.path.join(SOURCE, "build")))
CACHE = os.path.abspath(os.environ.get("SUTURE_DEVICE_CACHE", os.path.join(BUILD, "device")))
INSTALLED = os.path.join(CACHE, "installed")  # what `make install` brings
sys.path.append(os.path.join(SOURCE, "tests/lib"))
import debian  # noqa: E402
from debian import call, made_beside, remove, say  # noqa: E402

SUITE = "trixie"
PACKAGES = ["systemd-sysv", "dbus", "udev", "kmod", "linux-image-cloud-amd64",
            "libjansson4", "libcurl4t64", "libssl3t64", "libzstd1", "rauc", "rauc-service",
            "libpam-systemd", "systemd-cryptsetup", "polkitd"]
BOOTSTRAP_OPTIONS = ["--mode=root", "--variant=essential", "--keyring=/usr/share/keyrings",
                     "--dpkgopt=path-exclude=/usr/share/man/*",
                     "--dpkgopt=path-exclude=/usr/share/doc/*",
                     "--dpkgopt=path-exclude=/usr/share/locale/*"]
# Of what `make install` brings: the rest is a vendor's.
DEVICE_FILES = ["usr/bin/suture", "usr/bin/sutured", "usr/libexec/suture/*", "usr/lib/systemd/*",
                "usr/lib/sysusers.d/*", "usr/lib/tmpfiles.d/*", "usr/share/dbus-1/*",
                "usr/share/polkit-1/*"]
# suture-keeper.service and suture.timer are for the scenarios that want them; the bus starts sutured.
UNITS = ["suture-activate.service", "suture-blessed.service", "suture-trial.service",
         "suture-facts.service", "suture-facts.path", "suture-fetch.socket",
         "rauc-mark-good.service", "demod.service", "agent.service"]
# Not in every boot: started by the bus when somebody logs in.
ON_DEMAND = ["systemd-logind.service"]
# What the base needs of systemd's many: /etc/fstab, and systemd.mask= on the kernel's command line;
# block devices, their labels, and their units.
GENERATORS = ["systemd-fstab-generator", "systemd-debug-generator", "systemd-cryptsetup-generator"]
UDEV_RULES = ["50-udev-default.rules", "55-dm.rules", "60-block.rules", "60-persistent-storage.rules",
              "60-persistent-storage-dm.rules", "95-dm-notify.rules", "99-systemd.rules"]
# What the initrd loads for the base, and what more it loads to graft; image.py adds what these need.
ROOT_MODULES, GRAFT_MODULES = ["virtio_blk", "erofs"], ["overlay", "loop", "dm-verity"]
VAR_SIZE, BLOCK_SIZE = 512 << 20, 4096
SLOT_SPARE = 16 << 20  # an update may be larger than what was shipped
REPOSITORY_SPARE = 32 << 20  # for the file system's own
AGE_MAX = 5 * 86400  # the timestamp of the vendor's repository is good for 7 days


@dataclasses.dataclass
class Image:
    folder: str

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    kernel = property(lambda self: self.path("vmlinuz"))
    initrd = property(lambda self: self.path("initrd"))
    root_disk = property(lambda self: self.path("root.erofs"))
    var_disk = property(lambda self: self.path("var.ext4"))
    repository_disk = property(lambda self: self.path("repository.ext4"))

    def slot_size(self):
        return os.path.getsize(self.root_disk) + SLOT_SPARE


def files_below(tree):
    for place, folders, names in os.walk(tree):
        folders.sort()
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in sorted(names):
            yield os.path.relpath(os.path.join(place, name), tree)


def digest(*trees, words=()):
    """Of all files below folders, or of single files, with their names and modes."""
    sha256 = hashlib.sha256("\n".join(words).encode())
    for tree in trees:
        for name in files_below(tree) if os.path.isdir(tree) else [""]:
            path = os.path.join(tree, name) if name else tree
            info = os.lstat(path)
            sha256.update(f"{name or os.path.basename(tree)} {info.st_mode}\n".encode())
            if not os.path.islink(path):
                with open(path, "rb") as file:
                    sha256.update(hashlib.sha256(file.read()).digest())
    return sha256.hexdigest()[:16]


def bootstrap():
    """The bare Debian, as an archive."""
    return debian.bootstrap(CACHE, SUITE, PACKAGES, BOOTSTRAP_OPTIONS)


def install_suture(folder):
    call("make", "-C", SOURCE, "install", f"BUILD={BUILD}", f"DESTDIR={folder}")


def is_for_the_device(name):
    return any(fnmatch.fnmatch(name, pattern) for pattern in DEVICE_FILES)


def suture_files():
    """What the image has of Suture: names below its root."""
    return [name for name in files_below(INSTALLED) if is_for_the_device(name)]


def copy(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def copy_tree(source, target, wanted=lambda name: True):
    for name in files_below(source):
        if wanted(name):
            copy(os.path.join(source, name), os.path.join(target, name))


def compiler(*arguments):
    call("cc", "-O2", "-Wall", "-D_GNU_SOURCE", *arguments)


def compile_programs(root):
    """What the tests need in the base: the agent, a shell that needs no library, a daemon."""
    tools, demo = os.path.join(root, "usr/lib/device"), os.path.join(root, vendor.DEMO_FOLDER)
    os.makedirs(tools)
    os.makedirs(demo)
    compiler("-static", "-o", f"{tools}/agent", f"{HERE}/agent.c")
    compiler("-static", "-o", f"{tools}/watch", f"{HERE}/demo/watch.c")
    shutil.copy("/bin/busybox", f"{tools}/busybox")
    vendor.compile_library(f"{demo}/{vendor.DEMO_LIBRARY}", "base")
    # What is missing in a library is to be noticed at the start, as in most daemons of today.
    compiler("-Wl,-z,now", "-Wl,-rpath,/usr/lib/demo", "-o", f"{root}/usr/bin/demod",
             f"{HERE}/demo/demod.c", f"{demo}/{vendor.DEMO_LIBRARY}")


def masked_units():
    with open(f"{HERE}/masked-units", encoding="utf-8") as file:
        return [name for line in file if not line.startswith("#") for name in line.split()]


def mask(root):
    for name in masked_units():
        path = os.path.join(root, "etc/systemd/system", name)
        remove(path)
        os.symlink("/dev/null", path)
    for name in ON_DEMAND:
        os.unlink(f"{root}/usr/lib/systemd/system/multi-user.target.wants/{name}")
    keep_only(f"{root}/usr/lib/systemd/system-generators", GENERATORS)
    keep_only(f"{root}/usr/lib/udev/rules.d", UDEV_RULES)


def keep_only(folder, wanted):
    for name in os.listdir(folder):
        if name not in wanted:
            os.unlink(os.path.join(folder, name))


def in_root(root, *command):
    return call("chroot", root, *command)


def make_root(root, installed, keys):
    """The tree of the base. `keys` has what the vendor's repository gave for the image."""
    call("tar", "-C", root, "-xf", bootstrap())
    copy_tree(installed, root, is_for_the_device)
    copy_tree(f"{HERE}/base", root)
    copy_tree(keys, f"{root}/usr/lib/suture")
    compile_programs(root)
    mask(root)
    for folder in "repo", "srv/repository":
        os.makedirs(os.path.join(root, folder))
    in_root(root, "systemd-sysusers")
    in_root(root, "systemctl", "enable", *UNITS)
    in_root(root, "systemctl", "set-default", "multi-user.target")
    # Each finds the libraries that it needs.
    for program in "suture", "sutured", *os.listdir(f"{root}/usr/libexec/suture"):
        in_root(root, "env", "PATH=/usr/bin:/usr/libexec/suture", program, "--version")
    # Empty: systemd then takes an identity for the boot and does not call it the first.
    open(f"{root}/etc/machine-id", "w", encoding="ascii").close()


def module_closure(root, wanted):
    """The modules' paths, each behind those that it needs."""
    kernel = os.listdir(f"{root}/usr/lib/modules")[0]
    folder = f"{root}/usr/lib/modules/{kernel}"
    needs, paths, ordered = {}, {}, []
    with open(f"{folder}/modules.dep", encoding="ascii") as file:
        for line in file:
            path, _, others = line.partition(":")
            needs[path] = others.split()
            paths[os.path.basename(path).split(".")[0]] = path

    def add(path):
        for other in needs[path]:
            add(other)
        if path not in ordered:
            ordered.append(path)

    for name in wanted:
        add(paths[name])
    return [os.path.join(folder, path) for path in ordered]


def make_initrd(root, folder, path):
    modules = os.path.join(folder, "modules")
    for name in "bin", "modules", "dev", "proc", "sys", "run", "sysroot":
        os.makedirs(os.path.join(folder, name))
    shutil.copy("/bin/busybox", f"{folder}/bin/busybox")
    for name in "sh", "dd", "tr":
        os.symlink("busybox", f"{folder}/bin/{name}")
    copy(f"{HERE}/init", f"{folder}/init")
    copy(f"{root}/usr/lib/rauc/slots", f"{folder}/bin/slots")
    for name, wanted in ("root.list", ROOT_MODULES), ("graft.list", GRAFT_MODULES):
        names = []
        for module in module_closure(root, wanted):
            names.append(os.path.basename(module).removesuffix(".xz"))
            with lzma.open(module) as source, open(f"{modules}/{names[-1]}", "wb") as target:
                shutil.copyfileobj(source, target)
        with open(f"{modules}/{name}", "w", encoding="ascii") as file:
            file.write("\n".join(names) + "\n")
    call("sh", "-c", f"find . | cpio -o -H newc --quiet | gzip -1 > {path}", cwd=folder)


def make_ext4(path, size, label, tree):
    with open(path, "wb") as file:
        file.truncate(size)
    # Improvements may be sealed by fs-verity, which not every kernel does in blocks below a page.
    call("mkfs.ext4", "-q", "-F", "-O", "verity", "-b", str(BLOCK_SIZE), "-L", label, "-d", tree,
         path)


def make_disks(folder, root):
    """Takes apart what the tree has: the kernel, what goes to /var, and the base."""
    kernel = [name for name in os.listdir(f"{root}/boot") if name.startswith("vmlinuz")][0]
    shutil.copy(f"{root}/boot/{kernel}", f"{folder}/vmlinuz")
    make_initrd(root, f"{folder}/initrd.tree", f"{folder}/initrd")
    for name in os.listdir(f"{root}/boot"):
        os.unlink(f"{root}/boot/{name}")
    os.rename(f"{root}/var", f"{folder}/var.tree")
    os.mkdir(f"{root}/var")
    make_ext4(f"{folder}/var.ext4", VAR_SIZE, "var", f"{folder}/var.tree")


def make_base(root, path):
    call("mkfs.erofs", "--quiet", path, root)


def make_image(folder, installed):
    root = f"{folder}/root"
    os.makedirs(root)
    seller = vendor.Vendor(BUILD, f"{folder}/vendor", root)
    make_root(root, installed, seller.device_files())
    signer = rauc.Signer(f"{folder}/rauc")
    copy(signer.certificate, f"{root}/etc/rauc/keyring.pem")
    make_disks(folder, root)
    make_base(root, f"{folder}/root.erofs")
    for name in vendor.UPDATES:
        make_base(seller.update(name), f"{folder}/update.erofs")
        signer.make_bundle(f"{folder}/update.erofs", vendor.UPDATES[name][0],
                           f"{seller.repositories}/bundles/{name}.raucb")
    signer.forget()
    compiler("-o", f"{folder}/ticks", f"{HERE}/ticks.c")
    size = seller.make_repositories()
    make_ext4(f"{folder}/repository.ext4", size + REPOSITORY_SPARE, "repo", seller.repositories)


def is_fresh(folder):
    return os.path.isdir(folder) and time.time() - os.stat(folder).st_mtime < AGE_MAX


def remove_others(folder=None):
    """Images of other inputs, and what an interrupted run left."""
    for name in os.listdir(CACHE):
        path = os.path.join(CACHE, name)
        if name.endswith(".new") or (folder and name.startswith("image-") and path != folder):
            remove(path)


def build():
    os.makedirs(CACHE, exist_ok=True)
    remove(INSTALLED)
    remove_others()
    install_suture(INSTALLED)
    inputs = [f"{HERE}/{name}" for name in ("agent.c", "base", "demo", "init", "masked-units",
                                            "ticks.c", "image.py", "rauc.py", "vendor.py")]
    folder = os.path.join(CACHE, f"image-{digest(INSTALLED, *inputs)}")
    if not is_fresh(folder):
        say("the image of the test device")
        remove(folder)
        with made_beside(folder) as new:
            make_image(new, INSTALLED)
        os.utime(folder)
        remove_others(folder)
    return Image(folder)
