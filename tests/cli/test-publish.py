#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The vendor's path with suture-publish, and what the images and the repository hold."""
import ctypes
import stat
import struct

from vendor import *

SECOND_KEY = "26.3.1_kiosk_x86_64"


# -- the vendor's path --

@test
def one_fix_for_a_base_and_its_variant():
    needs_root()
    begin()
    add_base("kiosk", "base", "--variant", "kiosk")
    rebuild()
    made = told("create", "--fixes", "fixes.json", "--components", "components.json",
                "--component", "demo", "--base", "small=new", "--base", "kiosk=new")
    check_equal([d["base"] for d in made["drafts"]], ["small", "kiosk"])
    check_equal(made["drafts"][0]["files"], 2)
    out = told("publish")["published"]
    check_equal([p["label"] for p in out], ["26.3.1 (a)", "26.3.1 (a)"])
    check_equal([p["machine_label"] for p in out], ["26.3.1-a", "26.3.1-a"])
    check_equal([p["base_key"] for p in out], ["26.3.1_x86_64", SECOND_KEY])
    counts = told("check")
    check_equal((counts["indexes"], counts["improvements"], counts["images"]), (2, 2, 2))
    one, other = index()["improvements"][0], index(SECOND_KEY)["improvements"][0]
    check_equal(one["images"][0]["sha256"], other["images"][0]["sha256"])
    check(one["images"][0]["seal"] != other["images"][0]["seal"], "one seal for two bases")
    check_equal(publish("publish", expect=2).returncode, 2)
    one_line_error(publish("check", "--channel", "rehearsal", expect=3), "rehearsal")
    check_equal(os.path.exists("repo.work/drafts/small"), False)


@test
def the_index_says_what_was_declared_and_found():
    needs_root()
    begin()
    rebuild()
    os.unlink("new/usr/lib/demo/old-helper")
    write("new/usr/sbin/demo-tool", "#!/bin/sh\nexit 0\n", mode=0o755)
    shutil.copy("/bin/true", "new/usr/sbin/demod")
    release()
    found = index()
    check_equal(found["channel"], "public")
    check_equal(found["base_version"], "26.3.1")
    one = found["improvements"][0]
    check_equal(one["summary"], "Fixes for the demo")
    check_equal(one["urgency"], "high")
    check_equal(one["advisory"], "EXAMPLE-2026-0001")
    check_equal(one["fixes"], [{"cve": "CVE-2026-1000", "component": "demo"}])
    image = one["images"][0]
    check_equal(image["directories"], ["usr/lib/demo", "usr/sbin"])
    check_equal([(f["path"], f["kind"]) for f in image["files"]],
                [("usr/lib/demo/data", "data"), ("usr/sbin/demo-tool", "read-once"),
                 ("usr/sbin/demod", "mapped")])
    check_equal(image["removed"], ["usr/lib/demo/old-helper"])
    check_equal((image["restart"], image["mix"], image["after"]),
                ("services", "tolerated", ["daemon-reload"]))
    check_equal(image["files"][0]["sha256"],
                hashlib.sha256(read("new/usr/lib/demo/data")).hexdigest())
    check_equal(json.loads(read(blob(one["notes"]["sha256"])))[0]["fixes"][0]["impact"],
                "A guest could become root.")


def kernel_module(path, build_id=None):
    """A relocatable object, as a kernel module is one."""
    write("module.c", "int module;\n")
    run("/usr/bin/gcc", "-c", "-o", "module.o", "module.c")
    options = [f"--build-id=0x{build_id}"] if build_id else []
    os.makedirs(os.path.dirname(path), exist_ok=True)
    run("/usr/bin/ld", "-r", *options, "-o", path, "module.o")


@test
def build_ids_and_hosts_are_told():
    needs_root()
    begin()
    changed = json.loads(json.dumps(COMPONENTS))
    changed["components"][0]["hosts"] = ["usr/bin/python3.11", "usr/bin/perl"]
    write_json("components.json", changed)
    rebuild()
    kernel_module("new/usr/lib/demo/plain.ko", "00112233")
    kernel_module("new/usr/lib/demo/packed.ko", "aabbccdd")
    kernel_module("new/usr/lib/demo/without.ko")
    run("/usr/bin/xz", "new/usr/lib/demo/packed.ko")
    release()
    image = index()["improvements"][0]["images"][0]
    check_equal({os.path.basename(f["path"]): f.get("build_id") for f in image["files"]
                 if f["kind"] == "kernel"},
                {"plain.ko": "00112233", "packed.ko.xz": "aabbccdd", "without.ko": None})
    check("hosts" not in image, "hosts without a file that they read")
    write("new/usr/lib/demo/script", "#!/usr/bin/python3\n")
    release()
    image = index()["improvements"][0]["images"][0]
    check_equal(image["hosts"], ["usr/bin/perl", "usr/bin/python3.11"])


@test
def sequences_count_per_base_and_carry_images_over():
    needs_root()
    begin()
    make_base("second", "26.3.2")
    add_base("large", "second")
    rebuild()
    rebuild("second", "second-new")
    release()
    first = index()["improvements"][0]
    shutil.rmtree("new")
    rebuild(change=False)
    write("new/usr/lib/net/resolver", "new resolver\n" * 400)
    age("new", NEW_TIME)
    release("net")
    create(base="large=second-new")
    out = told("publish")["published"]
    check_equal(out[0]["label"], "26.3.2 (a)")
    b, a = index()["improvements"]
    check_equal((b["sequence"], a["sequence"]), (2, 1))
    check_equal(a, first)
    check_equal([i["component"] for i in b["images"]], ["demo", "net"])
    check_equal(b["images"][0]["sha256"], a["images"][0]["sha256"])
    check(b["images"][0]["seal"] != a["images"][0]["seal"], "the old seal under a new sequence")
    check_equal([f["cve"] for f in b["fixes"]], ["CVE-2026-1000", "CVE-2026-1001"])
    # (c) replaces the first image, and (a) leaves the list
    shutil.rmtree("new")
    rebuild()
    write("new/usr/lib/demo/data", "newest data\n")
    release()
    c, b2 = index()["improvements"]
    check_equal((c["sequence"], b2), (3, b))
    check(c["images"][1]["sha256"] != a["images"][0]["sha256"], "the old image")
    check_equal(told("check")["improvements"], 3)


def refuse_undoing(*words):
    before = digests("repo", "repo.work")
    one_line_error(publish("publish", expect=1), *words, "and is the base's again",
                   "rebuild with that fix too")
    check_equal(digests("repo", "repo.work"), before, "repository and work")


@test
def a_rebuild_without_the_last_fix_is_refused():
    needs_root()
    begin()
    make_base("second", "26.3.2")
    add_base("large", "second")
    rebuild()
    os.unlink("new/usr/lib/demo/old-helper")
    release()
    for tree in ("half", "whole"):
        rebuild(tree=tree, change=tree == "whole")
        os.unlink(f"{tree}/usr/lib/demo/old-helper")
        write(f"{tree}/usr/lib/demo/sub/plugin", "new plugin\n")
    # the other base's draft is good, and still not published alone
    rebuild("second", "second-new")
    create("--base", "large=second-new", base="small=half")
    refuse_undoing("usr/lib/demo/data was changed by 26.3.1 (a)", "component demo", "base small")
    shutil.copy2("whole/usr/lib/demo/data", "half/usr/lib/demo/data")
    create(base="small=half")
    refuse_undoing("usr/sbin/demod was changed by 26.3.1 (a)")
    shutil.copy2("base/usr/lib/demo/old-helper", "whole/usr/lib/demo/old-helper")
    create(base="small=whole")
    refuse_undoing("usr/lib/demo/old-helper was removed by 26.3.1 (a)")
    os.unlink("whole/usr/lib/demo/old-helper")
    create(base="small=whole")
    out = told("publish")["published"]
    check_equal([p["label"] for p in out], ["26.3.2 (a)", "26.3.1 (b)"][::-1])
    image = index()["improvements"][0]["images"][0]
    check_equal([f["path"] for f in image["files"]],
                ["usr/lib/demo/data", "usr/lib/demo/sub/plugin", "usr/sbin/demod"])
    publish("check")


@test
def a_file_may_be_changed_first_and_removed_later():
    needs_root()
    begin()
    rebuild()
    release()
    os.unlink("new/usr/lib/demo/data")
    release()
    image = index()["improvements"][0]["images"][0]
    check_equal(image["removed"], ["usr/lib/demo/data"])
    write("new/usr/lib/demo/data", "newest data\n")
    release()
    check_equal(index()["improvements"][0]["images"][0].get("removed", []), [])
    publish("check")


@test
def the_documented_samples_are_good():
    needs_root()
    samples = os.path.join(SOURCE, "examples")
    write("base/usr/lib/os-release", os_release())
    write("base/usr/lib/openssh/sftp-server", "old\n")
    write("base/usr/sbin/sshd", "old\n", mode=0o755)
    publish("init")
    add_base()
    rebuild(change=False)
    write("new/usr/sbin/sshd", "new\n", mode=0o755)
    write("new/usr/share/doc/openssh/changes", "ignored\n")
    publish("create", "--fixes", f"{samples}/fixes.json", "--components",
            f"{samples}/components.json", "--component", "openssh", "--base", "small=new")
    publish("publish")
    one = index()["improvements"][0]
    check_equal(one["fixes"], [{"cve": "CVE-2026-0102", "component": "openssh"}])
    check_equal(one["images"][0]["directories"], ["usr/sbin"])
    notes = json.loads(read(blob(one["notes"]["sha256"])))
    check_equal(notes, [json.loads(read(f"{samples}/fixes.json"))])


@test
def an_index_is_issued_when_it_is_signed_not_when_its_fix_is_planned():
    needs_root()
    begin()
    rebuild()
    write_json("fixes.json", {**FIXES, "released": "2027-06-01T12:00:00Z"})
    release(env=EPOCH)
    found = index()
    check_equal(found["issued"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH_TIME)))
    check_equal(found["improvements"][0]["published"], "2027-06-01T12:00:00Z")
    check_equal(found["improvements"][0]["rollout"]["start"], "2027-06-01T12:00:00Z")


@test
def an_index_that_devices_would_refuse_is_not_published():
    needs_root()
    begin()
    rebuild()
    fixes = [{**FIXES["fixes"][0], "cve": f"CVE-2026-{n}"} for n in range(2000, 2500)]
    write_json("fixes.json", {**FIXES, "fixes": fixes})
    release()
    fixes = [{**FIXES["fixes"][0], "cve": f"CVE-2026-{n}"} for n in range(3000, 3100)]
    write_json("fixes.json", {**FIXES, "fixes": fixes})
    create()
    before = digests("repo/metadata", "repo/targets")
    one_line_error(publish("publish", expect=1), "devices would refuse the index", "fixes")
    check_equal(digests("repo/metadata", "repo/targets"), before, "the repository")


# -- the same input, the same bytes --

def repository(place, keys, epoch=True, order=1, work="repo.work"):
    """Makes a whole repository in `place` and returns its files."""
    home = os.getcwd()
    os.makedirs(place)
    os.chdir(place)
    env = EPOCH if epoch else None
    make_base()
    write_json("components.json", COMPONENTS)
    write_json("fixes.json", FIXES)
    shutil.copytree(keys, "keys")
    publish("init", "--work", work, env=env)
    add_base("small", "base", "--work", work, env=env)
    rebuild()
    if order < 0:
        shuffle("base", OLD_TIME)
        shuffle("new", NEW_TIME)
    for path in ("base/usr/lib/demo/data", "base/usr/sbin/demod", "new/usr/lib/demo/data",
                 "new/usr/sbin/demod"):
        names = ["security.selinux", "security.capability"][::order]
        for name in names:
            value = CAPABILITY if name.endswith("capability") else b"system_u:object_r:x_t:s0\0"
            os.setxattr(path, name, value)
    age("base", OLD_TIME)
    age("new", NEW_TIME)
    try:
        create("--work", work, env=env)
        publish("publish", "--work", work, env=env)
    finally:
        found = digests("repo")
        os.chdir(home)
    return found


def shuffle(tree, seconds):
    """Makes the tree again, every folder from its last name to its first."""
    os.rename(tree, tree + "-was")
    for place, folders, names in os.walk(tree + "-was"):
        folders.sort(reverse=True)
        to = tree + place[len(tree + "-was"):]
        os.makedirs(to, exist_ok=True)
        shutil.copystat(place, to)
        for name in sorted(names, reverse=True):
            shutil.copy2(os.path.join(place, name), to, follow_symlinks=False)
        for name in list(folders):
            path = os.path.join(place, name)
            if os.path.islink(path):
                os.symlink(os.readlink(path), os.path.join(to, name))
    shutil.rmtree(tree + "-was")
    age(tree, seconds)


def make_keys():
    begin()
    os.rename("keys", "kept-keys")
    return os.path.abspath("kept-keys")


@test
def the_same_input_gives_the_same_bytes():
    needs_root()
    keys = make_keys()
    first = repository("one", keys)
    check_equal(repository("two", keys), first, "the second repository")
    check(len(first) >= 10, f"only {len(first)} files")


@test
def without_a_fixed_time_only_signed_times_differ():
    needs_root()
    keys = make_keys()
    first, second = repository("one", keys, epoch=False), repository("two", keys)
    blobs = {path for path in first if path.startswith("repo/blobs")}
    check(blobs and blobs == {path for path in second if path.startswith("repo/blobs")}, "blobs")
    for path in blobs:
        check_equal(first[path], second[path], path)


@test
def the_order_of_the_tree_does_not_matter():
    needs_root()
    keys = make_keys()
    check_equal(repository("two", keys, order=-1), repository("one", keys), "in another order")


@test_in_mount_namespace
def the_file_system_does_not_matter():
    keys = make_keys()
    os.makedirs("tmpfs")
    run("/bin/mount", "-t", "tmpfs", "none", "tmpfs")
    disk = repository("disk", keys)
    work = os.path.abspath("work-on-disk")
    check_equal(repository("tmpfs/one", keys, work=work), disk, "on tmpfs")
    # tmpfs lists attributes from z to a; an image made there would be another one
    try:
        found = repository("tmpfs/two", keys)
    except AssertionError as error:
        check("put --work on ext4 or xfs" in str(error), str(error))
    else:
        check_equal(found, disk, "with everything on tmpfs")


# -- what the image keeps --

CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service=ep


def unpack_image(image, path):
    """The image behind the full payload of an index's image."""
    full = [p for p in image["payloads"] if p["kind"] == "full"][0]
    packed = read(blob(full["sha256"]))
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t] * 2
    unpacked = ctypes.create_string_buffer(image["size"])
    size = library.ZSTD_decompress(unpacked, image["size"], packed, len(packed))
    check_equal(size, image["size"], "size of the image")
    check_equal(hashlib.sha256(unpacked.raw).hexdigest(), image["sha256"], "digest of the image")
    write(path, unpacked.raw)


def mount_image(image):
    unpack_image(image, "image.erofs")
    os.makedirs("image")
    run("/bin/mount", "-t", "erofs", "-o", "ro,loop", "image.erofs", "image")


def facts(path):
    st = os.lstat(path)
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return (st.st_mode, st.st_uid, st.st_gid,
            [(n, os.getxattr(path, n, follow_symlinks=False)) for n in names])


@test_in_mount_namespace
def owners_modes_and_attributes_are_kept():
    begin()
    for tree in ("base", "new"):
        if tree == "new":
            rebuild()
        program, data = f"{tree}/usr/sbin/demod", f"{tree}/usr/lib/demo/data"
        os.chown(program, 0, 33)
        os.chmod(program, 0o4750)
        os.setxattr(program, "security.selinux", b"system_u:object_r:demo_exec_t:s0\0")
        os.chown(data, 12, 34)
        os.chmod(data, 0o600)
        plugin = f"{tree}/usr/lib/demo/sub/plugin"
        write(plugin, f"{tree} plugin\n")
        os.chmod(plugin, 0o755)
        os.setxattr(plugin, "security.capability", CAPABILITY)
        folder = f"{tree}/usr/lib/demo/sub"
        os.chown(folder, 7, 8)
        os.chmod(folder, 0o2751)
        os.setxattr(folder, "security.selinux", b"system_u:object_r:demo_t:s0\0")
        os.setxattr(f"{tree}/usr", "user.note", b"of the base")
    release()
    mount_image(index()["improvements"][0]["images"][0])
    for path in ("usr/sbin/demod", "usr/lib/demo/data", "usr/lib/demo/sub/plugin"):
        check_equal(facts(f"image/{path}"), facts(f"new/{path}"), path)
        check_equal(read(f"image/{path}"), read(f"new/{path}"), path)
    for path in (".", "usr", "usr/lib", "usr/lib/demo", "usr/lib/demo/sub", "usr/sbin"):
        check_equal(facts(f"image/{path}"), facts(f"base/{path}"), path)
    check_equal(stat.S_IMODE(os.stat("image/usr/sbin/demod").st_mode), 0o4750)


@test_in_mount_namespace
def removed_files_are_whiteouts_and_links_are_links():
    begin()
    rebuild()
    os.unlink("new/usr/lib/demo/old-helper")
    os.unlink("new/usr/lib/demo/link")
    os.symlink("sub/plugin", "new/usr/lib/demo/link")
    os.symlink("demod", "new/usr/sbin/demo-alias")
    write("new/usr/lib/demo/fresh/inside", "new folder\n")
    os.chmod("new/usr/lib/demo/fresh", 0o750)
    release()
    mount_image(index()["improvements"][0]["images"][0])
    gone = os.lstat("image/usr/lib/demo/old-helper")
    check(stat.S_ISCHR(gone.st_mode) and gone.st_rdev == 0, "no whiteout")
    check_equal(os.readlink("image/usr/lib/demo/link"), "sub/plugin")
    check_equal(os.readlink("image/usr/sbin/demo-alias"), "demod")
    check_equal(stat.S_IMODE(os.stat("image/usr/lib/demo/fresh").st_mode), 0o750)
    # nothing else is in it
    check_equal(sorted(os.listdir("image/usr/lib/demo")), ["data", "fresh", "link", "old-helper"])
    check_equal(sorted(os.listdir("image/usr/sbin")), ["demo-alias", "demod"])
    check_equal(os.listdir("image"), ["usr"])
    # and over the base it gives the new tree
    for name in ("upper", "work", "over"):
        os.makedirs(name)
    run("/bin/mount", "-t", "overlay", "-o", "ro,lowerdir=image/usr/lib/demo:base/usr/lib/demo",
        "none", "over")
    check_equal(sorted(os.listdir("over")), sorted(os.listdir("new/usr/lib/demo")))


@test_in_mount_namespace
def times_are_later_than_the_bases():
    begin()
    os.utime("base/usr/lib/demo/data", (NEW_TIME + 5000, NEW_TIME + 5000))
    rebuild()  # its files are older than the base's
    os.utime("new/usr/lib/demo/data", (NEW_TIME - 5000, NEW_TIME - 5000))
    release()
    mount_image(index()["improvements"][0]["images"][0])
    for path in ("usr/lib/demo/data", "usr/sbin/demod"):
        check_equal(os.stat(f"image/{path}").st_mtime, NEW_TIME + 5001, path)


@test_in_mount_namespace
def a_fixed_time_for_signatures_does_not_change_those_of_the_image():
    begin(EPOCH)
    rebuild()
    release(env={"SOURCE_DATE_EPOCH": "1000000000"})  # long before the base: rule 6 would break
    mount_image(index()["improvements"][0]["images"][0])
    check_equal(os.stat("image/usr/lib/demo/data").st_mtime, NEW_TIME, "mtime")


@test
def images_need_root():
    if os.geteuid() != 0:
        skip("needs root to become somebody else")
    begin()
    rebuild()
    os.chmod(".", 0o755)
    for place, _, names in os.walk("."):
        for name in [".", *names]:
            os.chown(os.path.join(place, name), 65534, 65534, follow_symlinks=False)
    for tree in "base", "new":
        os.chown(f"{tree}/usr/lib/demo/data", 0, 0)
    done = subprocess.run(
        [program("suture-publish"), "-C", "repo", "--keys", "keys", "create", "--fixes",
         "fixes.json", "--components", "components.json", "--component", "demo", "--base",
         "small=new"], user=65534, group=65534, extra_groups=[], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode == 126 or "Permission denied" in done.stderr:
        skip("the build folder is not open to others")
    check_equal(done.returncode, 4, done.stderr)
    one_line_error(done, "usr/lib/demo/data", "run this as root")


# -- packages --

def package(name, folder, control=None):
    """Builds a real .deb of the files below `folder`."""
    if not shutil.which("dpkg-deb"):
        skip("no dpkg-deb")
    write(f"{folder}/DEBIAN/control", "Package: demo\nVersion: 1\nArchitecture: amd64\n"
          "Maintainer: Example <security@example.com>\nDescription: demo\n")
    for script, text in (control or {}).items():
        write(f"{folder}/DEBIAN/{script}", text, mode=0o755)
    run("/usr/bin/dpkg-deb", "--build", "--root-owner-group", folder, name)


def packages(new_control=None, merged=True):
    library = "lib" if merged else "usr/lib"
    for tree, text in (("old", "old data\n" * 500), ("fixed", "new data\n" * 500)):
        write(f"p-{tree}/{library}/demo/data", text)
        write(f"p-{tree}/usr/sbin/demod", b"old program " * 1000, mode=0o755)
        package(f"{tree}.deb", f"p-{tree}", new_control if tree == "fixed" else None)


def create_deb(*args, **more):
    return publish("create", "--fixes", "fixes.json", "--components", "components.json",
                   "--component", "demo", "--deb", "small=old.deb,fixed.deb", *args, **more)


@test
def packages_are_read_and_lib_is_usr_lib():
    needs_root()
    begin()
    packages()
    create_deb()
    publish("publish")
    files = index()["improvements"][0]["images"][0]["files"]
    check_equal([f["path"] for f in files], ["usr/lib/demo/data"])
    check_equal(files[0]["sha256"], hashlib.sha256(b"new data\n" * 500).hexdigest())
    publish("check")
    check_equal([n for n in os.listdir("repo.work") if n.startswith("packages")], [])


@test
def links_on_the_way_to_the_work_folder_stay():
    needs_root()
    begin()
    packages()
    os.makedirs("disk")
    os.rename("repo.work", "disk/desk")
    os.symlink(os.path.abspath("disk"), "data")
    os.symlink("data/desk", "repo.work")
    draft = "disk/desk/drafts/small/demo.json"
    for more in (["--work", os.path.abspath("data/desk")], ["--work", "data/desk"], []):
        create_deb(*more)
        check(os.path.islink("data") and os.path.islink("repo.work"), f"{more}: a link is gone")
        check_equal(sorted(os.listdir("data/desk")),
                    ["bases.json", "blobs", "device", "drafts", "key-names.json", "made"])
        os.unlink(draft)
    create_deb()
    publish("publish")
    publish("check")


def refuse_deb(*words, code=1):
    before = digests("repo", "repo.work")
    one_line_error(create_deb(expect=code), *words)
    check_equal(digests("repo", "repo.work"), before, "repository and work")
    check_equal([n for n in os.listdir("repo.work") if n.startswith("packages")], [])


@test
def the_old_package_must_be_the_bases():
    needs_root()
    begin()
    write("base/usr/lib/demo/data", "of another build\n")
    packages()
    refuse_deb("usr/lib/demo/data of base small is not the one in the old package")


@test
def packages_whose_scripts_make_files_are_refused():
    needs_root()
    begin()
    for script, text, word in (
            ("postinst", "#!/bin/sh\npy3compile -p demo\n", "py3compile"),
            ("postrm", "#!/bin/sh\nupdate-initramfs -u\n", "update-initramfs"),
            ("triggers", "activate-noawait update-initramfs\n", "update-initramfs")):
        for place in ("p-old", "p-fixed"):
            shutil.rmtree(place, ignore_errors=True)
        packages({script: text})
        refuse_deb("fixed.deb", f"its {script} runs {word}", "--base")
    for place in ("p-old", "p-fixed"):
        shutil.rmtree(place)
    packages({"triggers": "activate-noawait ldconfig\n"})
    create_deb()


@test
def what_is_no_package_is_refused():
    needs_root()
    begin()
    packages()
    write("fixed.deb", "not a package")
    refuse_deb("fixed.deb", code=6)
    os.unlink("fixed.deb")
    refuse_deb("fixed.deb", code=6)
    one_line_error(publish("create", "--fixes", "fixes.json", "--components", "components.json",
                           "--component", "demo", "--deb", "small=old.deb", expect=1),
                   "old.deb is not of the form OLD.deb,NEW.deb")


main()
