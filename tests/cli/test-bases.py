#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bases: registered from folders and images, one fix for many of them, and none that lacks what the
one before had."""
import pty
import re
import struct
import subprocess
import time
import zlib

from vendor import *

ROOT_X86_64 = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
ROOT_AARCH64 = "b921b045-1df0-41c3-af44-4c6f280d3fae"
LINUX_DATA = "0fc63daf-8483-4772-8e79-3d69d8477de4"
LABEL = b"system_u:object_r:lib_t:s0\0"


def base_told(*args, **more):
    return told("base", *args, **more)["bases"]


def start():
    """A repository without a base."""
    needs_root()
    make_base()
    write_json("components.json", COMPONENTS)
    write_json("fixes.json", FIXES)
    publish("init")


def release(tree="new", base="small"):
    create(base=f"{base}={tree}")
    publish("publish")


# -- images --

def add_image(image, *more, name="small", **options):
    return publish("base", "add", name, "--root", image, "--architecture", "x86_64", *more, **options)


def squashfs(tree, image):
    run("/usr/bin/mksquashfs", tree, image, "-quiet", "-no-progress", "-noappend")


def erofs(tree, image):
    run("/usr/bin/mkfs.erofs", "--quiet", image, tree)


def ext4(tree, image):
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    run("/usr/sbin/mkfs.ext4", "-q", "-d", tree, image)


def guid(text):
    a, b, c, d, e = text.split("-")
    return struct.pack("<IHH", int(a, 16), int(b, 16), int(c, 16)) + bytes.fromhex(d + e)


def disk(path, partitions, sector=512):
    """A GPT disk image of (type, label, file system image)s."""
    entries, data, at = b"", b"", (1 << 20) // sector
    for number, (kind, label, image) in enumerate(partitions):
        content = read(image)
        content += bytes(-len(content) % (1 << 20))
        size = len(content) // sector
        entries += struct.pack("<16s16sQQQ72s", guid(kind), bytes([number + 1] * 16), at,
                               at + size - 1, 0, label.encode("utf-16le"))
        data += content
        at += size
    entries = entries.ljust(128 * 128, b"\0")

    def header(own):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, own, 0, 1, at, 34, at,
                           bytes(16), 2, 128, 128, zlib.crc32(entries))
    head = bytes(sector) + header(zlib.crc32(header(0))).ljust(sector, b"\0") + entries
    write(path, head.ljust(1 << 20, b"\0") + data)


def same_tree(name):
    """Checks that WORK/bases/NAME is the tree `base`, by the publisher's own comparison: a rebuild of
    it that changes one file differs in that file alone."""
    made = told("create", "--fixes", "fixes.json", "--components", "components.json",
                "--component", "demo", "--base", f"{name}=new")
    check_equal([d["files"] for d in made["drafts"]], [2])
    check_equal(os.stat(f"repo.work/bases/{name}/usr/sbin/demod").st_mtime, OLD_TIME)
    check_equal(os.getxattr(f"repo.work/bases/{name}/usr/lib/demo/data", "security.selinux"), LABEL)


def labelled():
    start()
    os.setxattr("base/usr/lib/demo/data", "security.selinux", LABEL)
    os.chown("base/usr/lib/demo/sub/plugin", 12, 34)
    os.chmod("base/usr/lib/demo/sub/plugin", 0o2751)
    age("base", OLD_TIME)
    rebuild()
    os.chown("new/usr/lib/demo/sub/plugin", 12, 34)
    os.chmod("new/usr/lib/demo/sub/plugin", 0o2751)
    os.setxattr("new/usr/lib/demo/data", "security.selinux", LABEL)



@test
def a_web_server_knows_every_file_by_the_name_that_is_asked_for():
    start()
    write("base/usr/lib/os-release", os_release(more="IMAGE_VERSION=12\nVARIANT_ID=desk\n"))
    add_base()
    rebuild()
    create()
    publish("publish")
    publish("check")
    check_equal(base_told("list")[0]["base"], "26.3.1+12_desk_x86_64")
    names = [name for _, _, files in os.walk("repo") for name in files]
    check("1.exampleos_26.3.1~12_desk_x86_64.json" in names, names)
    check(all(re.fullmatch(r"[A-Za-z0-9._~-]+", name) for name in names), names)

@test
def a_squashfs_image():
    labelled()
    squashfs("base", "base.img")
    add_image("base.img")
    same_tree("small")
    # the rebuild may come as one, too
    squashfs("new", "new.img")
    shutil.rmtree("new")
    made = told("create", "--fixes", "fixes.json", "--components", "components.json",
                "--component", "demo", "--base", "small=new.img")
    check_equal(made["drafts"][0]["files"], 2)
    check_equal(made["payloads_taken_over"], 1)
    check_equal(os.listdir("repo.work").count("making"), 0)


@test
def an_erofs_image():
    labelled()
    erofs("base", "base.img")
    if add_image("base.img", expect=None).returncode != 0:
        skip("EROFS cannot be mounted here")
    same_tree("small")
    check("small" not in read("/proc/self/mountinfo").decode(), "a mount was left")


@test
def the_root_partition_of_a_disk_image():
    labelled()
    squashfs("base", "root.img")
    write("other.img", b"no file system" * 100)
    disk("disk.img", [(LINUX_DATA, "data", "other.img"), (ROOT_AARCH64, "arm", "other.img"),
                      (ROOT_X86_64, "root-a", "root.img")])
    add_image("disk.img")
    same_tree("small")
    # two slots: the vendor says which
    disk("slots.img", [(ROOT_X86_64, "root-a", "other.img"), (ROOT_X86_64, "root-b", "root.img")])
    one_line_error(add_image("slots.img", "--variant", "b", name="b", expect=3), "slots.img",
                   "several root partitions for x86_64", "--partition", "1 (root-a), 2 (root-b)")
    check(not os.path.exists("repo.work/bases/b"), "a folder was left")
    one_line_error(add_image("slots.img", "--partition", "root-c", "--variant", "b", name="b",
                             expect=3), "no partition root-c")
    add_image("slots.img", "--partition", "root-b", "--variant", "b", name="b")
    add_image("slots.img", "--partition", "2", "--variant", "c", name="c")
    for name in "b", "c":
        same_tree(name)


@test
def an_ext4_partition():
    labelled()
    ext4("base", "root.img")
    disk("disk.img", [(ROOT_X86_64, "root", "root.img")], sector=4096)
    done = add_image("disk.img", expect=None)
    if done.returncode != 0 and "cannot be mounted here" in done.stderr:
        skip("no loop devices")
    check_equal(done.returncode, 0, done.stderr)
    same_tree("small")


@test
def bad_images():
    start()
    squashfs("base", "root.img")
    disk("good.img", [(LINUX_DATA, "data", "root.img")])
    disk("root.disk", [(ROOT_X86_64, "root", "root.img")])
    good = read("root.disk")
    cases = {"cut.img": good[:1 << 20], "entry.img": good[:1030] + b"x" + good[1031:],
             "header.img": good[:600] + b"x" + good[601:], "noise.img": os.urandom(5000),
             "empty.img": b""}
    for name, data in cases.items():
        write(name, data)
    before = digests("repo", "repo.work")
    for name, code, *words in (
            ("good.img", 3, "no root partition for x86_64", "1 (data)"),
            ("entry.img", 6, "partition table is damaged"), ("header.img", 6, "header"),
            ("cut.img", 1, "cut.img"), ("noise.img", 1, "noise.img", "nor an image"),
            ("empty.img", 1, "empty.img")):
        one_line_error(add_image(name, expect=code), *words)
        check_equal(digests("repo", "repo.work"), before, "repository and work")
    one_line_error(add_image("root.img", "--partition", "1", expect=1), "no partitions")
    one_line_error(add_image("base", "--partition", "1", expect=1), "no disk image")
    check_equal(os.listdir("repo.work/bases"), [])


# -- list, show, set, retire --

def second_base():
    make_base("second", "26.4")
    add_base("large", "second")


@test
def bases_are_listed_and_shown():
    needs_root()
    begin()
    rebuild()
    release()
    make_base("second", "26.4")
    add_base("large", "second", "--includes", "26.3.1-a", "--allow-regression", "a test")
    small, large = base_told("list")
    check_equal((small["name"], small["version"], small["base"], small["machine_label"]),
                ("small", "26.3.1", "26.3.1_x86_64", "26.3.1-a"))
    check_equal((small["retired"], small["supported_until"]), (False, None))
    check_equal(large["includes"], [{"base": "26.3.1_x86_64", "sequence": 1}])
    check_equal(base_told("show", "small"), [small])
    check_equal([line.split()[0] for line in publish("base", "list").stdout.splitlines()],
                ["small", "large"])
    shown = publish("base", "show", "large").stdout
    check("contains 26.3.1 (a)" in shown and "supported" in shown, shown)
    one_line_error(publish("base", "show", "none", expect=3), "no base is registered")
    for words in (["list", "small"], ["show"], ["retire"], ["forget", "small"], ["set", "small"]):
        publish("base", *words, expect=64)


@test
def what_is_said_of_a_base_is_in_every_channel():
    needs_root()
    begin()
    rebuild()
    create()
    publish("publish", "--channel", "rehearsal")
    publish("base", "set", "small", "--supported-until", "2027-06-30", "--superseded-by", "26.4")
    for channel in "public", "rehearsal":
        found = index(channel=channel)
        check_equal((found["supported_until"], found["superseded_by"]),
                    ("2027-06-30T23:59:59Z", "26.4"))
    check_equal(len(index(channel="rehearsal")["improvements"]), 1)
    publish("base", "set", "small", "--supported-until", "2027-07-01T12:00:00Z")
    check_equal((index()["supported_until"], index()["superseded_by"]),
                ("2027-07-01T12:00:00Z", "26.4"))
    publish("base", "set", "small", "--supported-until", "none", "--superseded-by", "none")
    check_equal(("supported_until" in index(), "superseded_by" in index()), (False, False))
    before = digests("repo", "repo.work")
    for option, value in (("--supported-until", "tomorrow"), ("--supported-until", "2027-13-01"),
                          ("--superseded-by", "26 4")):
        one_line_error(publish("base", "set", "small", option, value, expect=1), option, value)
    one_line_error(publish("base", "set", "none", "--superseded-by", "26.4", expect=3), "none")
    check_equal(digests("repo", "repo.work"), before, "repository and work")
    publish("check")


@test
def a_retired_base_gets_nothing_more():
    needs_root()
    begin()
    second_base()
    rebuild()
    create()
    one_line_error(publish("base", "retire", "small", "--superseded-by", "26.4", expect=5),
                   "draft of component demo", "publish it first")
    publish("publish")
    one_line_error(publish("base", "retire", "small", expect=1), "--superseded-by")
    out = publish("base", "retire", "small", "--superseded-by", "26.4", env=EPOCH).stdout
    check("retired" in out and "superseded by 26.4" in out, out)
    check_equal(index()["supported_until"],
                time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH_TIME)))
    one_line_error(create(expect=1), "base small is retired", "base set small")
    rebuild("second", "second-new")
    one_line_error(create("--base", "large=second-new", expect=1), "base small is retired")
    check_equal(base_told("show", "small")[0]["retired"], True)
    publish("base", "set", "small", "--supported-until", "2099-01-01")
    create()


# -- one fix for many bases --

def many(count, **more):
    """`count` bases, each with a rebuild; the arguments of --base."""
    options = []
    for number in range(count):
        name, tree = f"base-{number}", f"tree-{number}"
        make_base(tree, f"26.{number + 4}")
        rebuild(tree, f"{tree}-new", **more)
        add_base(name, tree)
        options += ["--base", f"{name}={tree}-new"]
    return options


def create_all(options, *more, components=("demo",), **how):
    chosen = [word for name in components for word in ("--component", name)]
    return told("create", "--fixes", "fixes.json", "--components", "components.json", *chosen,
                *options, *more, **how)


@test
def a_fix_that_not_every_base_needs():
    start()
    options = many(4)
    shutil.rmtree("tree-1-new")
    shutil.copytree("tree-1", "tree-1-new", symlinks=True)     # has it already
    for tree in "tree-2", "tree-2-new":                         # does not have the component
        shutil.rmtree(f"{tree}/usr/lib/demo")
        os.unlink(f"{tree}/usr/sbin/demod")
    write("tree-3-new/usr/lib/demo/data", "other new data\n" * 300)
    made = create_all(options)
    check_equal([d["base"] for d in made["drafts"]], ["base-0", "base-3"])
    check_equal(made["not_needed"], [
        {"base": "base-1", "component": "demo", "why": "unchanged"},
        {"base": "base-2", "component": "demo", "why": "absent"}])
    check_equal(made["drafts"][1]["differs"], {"from": "base-0", "files": ["usr/lib/demo/data"]})
    check_equal((made["payloads_made"], made["payloads_taken_over"]), (2, 0))
    said = publish("create", "--fixes", "fixes.json", "--components", "components.json",
                   "--component", "demo", *options).stdout
    check("demo for base-1: not needed, nothing that belongs to it differs" in said, said)
    check("demo for base-2: not needed, that base does not have it" in said, said)
    check("other bytes than for base-0 in usr/lib/demo/data" in said, said)
    out = told("publish")["published"]
    check_equal([p["base"] for p in out], ["base-0", "base-3"])
    # what none of them needs is nothing to do
    one_line_error(publish("create", "--fixes", "fixes.json", "--components", "components.json",
                           "--component", "demo", *options[2:6], expect=2), "nothing")


@test
def a_draft_of_what_does_not_differ_any_more_is_dropped():
    start()
    options = many(2)
    create_all(options)
    shutil.rmtree("tree-1-new")
    shutil.copytree("tree-1", "tree-1-new", symlinks=True)
    create_all(options)
    check_equal([p["base"] for p in told("publish")["published"]], ["base-0"])


@test
def several_components_at_once():
    start()
    options = many(2)
    for tree in "tree-0-new", "tree-1-new":
        write(f"{tree}/usr/lib/net/resolver", "new resolver\n" * 400)
        age(tree, NEW_TIME)
    # a change of the one is no longer a stranger to the other
    one_line_error(publish("create", "--fixes", "fixes.json", "--components", "components.json",
                           "--component", "demo", *options[:2], expect=1), "usr/lib/net/resolver")
    made = create_all(options, components=("demo", "net"))
    check_equal([(d["base"], d["component"], d.get("same_as")) for d in made["drafts"]],
                [("base-0", "demo", None), ("base-0", "net", None),
                 ("base-1", "demo", "base-0"), ("base-1", "net", "base-0")])
    publish("publish")
    check_equal([i["component"] for i in index("26.4_x86_64")["improvements"][0]["images"]],
                ["demo", "net"])
    one_line_error(publish("create", "--fixes", "fixes.json", "--components", "components.json",
                           "--component", "net", "--component", "net", *options, expect=1), "twice")


@test
def the_same_payloads_are_made_once():
    start()
    options = many(10)
    for number in range(10):
        write(f"tree-{number}-new/usr/lib/net/resolver", "new resolver\n" * 400)
        age(f"tree-{number}-new", NEW_TIME)
    made = create_all(options, "--jobs", 4, components=("demo", "net"))
    check_equal(len(made["drafts"]), 20)
    check_equal((made["payloads_made"], made["payloads_taken_over"]), (2, 18))
    blobs = digests("repo.work/blobs")
    times = {path: os.stat(path).st_mtime_ns for path in blobs}
    drafts = digests("repo.work/drafts")
    # in a second run none; with one job the same bytes
    again = create_all(options, "--jobs", 1, components=("demo", "net"))
    check_equal((again["payloads_made"], again["payloads_taken_over"]), (0, 20))
    check_equal({path: os.stat(path).st_mtime_ns for path in blobs}, times, "times of blobs")
    check_equal(digests("repo.work/drafts"), drafts, "the drafts")
    # another base's old bytes: its image is the same, its delta is not
    write("tree-3/usr/lib/demo/data", "older data\n" * 500)
    age("tree-3", OLD_TIME)
    third = create_all(options, components=("demo", "net"))
    check_equal((third["payloads_made"], third["payloads_taken_over"]), (1, 19))
    # a blob that is damaged or gone is made again
    victim = sorted(blobs)[0]
    write(victim, "damaged")
    fourth = create_all(options, components=("demo", "net"))
    check(fourth["payloads_made"] >= 1, "a damaged blob was taken over")
    check_equal(digests("repo.work/blobs")[victim], blobs[victim])
    # what was published already is taken over from there
    publish("publish")
    fifth = create_all(options, components=("demo", "net"))
    check_equal(fifth["payloads_made"], 0)
    publish("publish")
    publish("check")


@test
def the_first_error_of_many_jobs_is_told():
    start()
    options = many(3)
    for number in (1, 2):
        write(f"tree-{number}-new/usr/lib/demo/x.ko.xz", b"\xfd7zXZ\x00\x00\x04")
    before = digests("repo", "repo.work")
    one_line_error(publish("create", "--fixes", "fixes.json", "--components", "components.json",
                           "--component", "demo", "--jobs", 1, *options, expect=6), "x.ko.xz")
    kept = {p: d for p, d in digests("repo", "repo.work").items()
            if "/blobs/" not in p and "/made/" not in p}
    check_equal(kept, before, "repository and work")


@test
def what_takes_more_than_a_second_shows_how_far_it_is():
    start()
    options = many(1)
    noise = os.urandom(1 << 20)
    write("tree-0/usr/lib/demo/data", noise * 8)
    write("tree-0-new/usr/lib/demo/data", (noise[:1000] + b"new" + noise[1000:]) * 8)
    command = [program("suture-publish"), "-C", "repo", "--keys", "keys", "create", "--fixes",
               "fixes.json", "--components", "components.json", "--component", "demo", *options]
    terminal, end = pty.openpty()
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=end) as process:
        os.close(end)
        shown = b""
        try:
            while data := os.read(terminal, 4096):
                shown += data
        except OSError:  # the other end is closed
            pass
        check_equal(process.wait(), 0, shown)
    if time.monotonic() - begun < 2:
        skip("this machine is too fast")
    check(b"Making images and payloads: 0 of 1, 1 seconds" in shown, shown)
    check(shown.endswith(b"\r\x1b[K"), shown)
    # and where nobody looks, nothing
    shutil.rmtree("repo.work/made")
    done = subprocess.run(command, capture_output=True, check=True)
    check_equal(done.stderr, b"")


# -- a new base and the fixes of the one before --

def fixed_repository():
    needs_root()
    begin()
    rebuild()
    os.unlink("new/usr/lib/demo/old-helper")
    release()


def next_base(tree="next", version="26.4", fixed=True):
    shutil.copytree("new" if fixed else "base", tree, symlinks=True)
    write(f"{tree}/usr/lib/os-release", os_release(version))
    return tree


def refuse_base(*words, lines=1, options=(), name="next", tree="next"):
    before = digests("repo", "repo.work")
    done = add_base(name, tree, *options, expect=1)
    said = done.stderr.strip().split("\n")
    check_equal(len(said), lines, done.stderr)
    for word in words:
        check(word in done.stderr, f"{word!r} is not in {done.stderr!r}")
    check_equal(digests("repo", "repo.work"), before, "repository and work")


@test
def a_base_with_the_fixes_in_it_says_so():
    fixed_repository()
    next_base()
    out = add_base("next", "next").stdout
    check("contains 26.3.1 (a)" in out, out)
    check_equal(index("26.4_x86_64")["includes"], [{"base": "26.3.1_x86_64", "sequence": 1}])


@test
def a_base_that_lacks_a_fix_is_refused():
    fixed_repository()
    next_base(fixed=False)
    refuse_base("usr/lib/demo/data: is as it was before the fix", "26.3.1-a", "CVE-2026-1000",
                "usr/lib/demo/old-helper: is as it was", "usr/sbin/demod", "lacks 3 files",
                "--allow-regression", lines=4)
    # a declaration does not help against the bytes
    refuse_base("lacks 3 files", lines=4, options=("--includes", "26.3.1-a"))


@test
def a_fix_in_another_form_is_declared():
    fixed_repository()
    next_base()
    write("next/usr/sbin/demod", b"another new program " * 900, mode=0o755)
    refuse_base("usr/sbin/demod: is neither as the fix made it nor declared", "--includes 26.3.1-a",
                lines=2)
    add_base("next", "next", "--includes", "26.3.1-a")
    check_equal(index("26.4_x86_64")["includes"], [{"base": "26.3.1_x86_64", "sequence": 1}])
    # the next letter is not in what was declared
    shutil.copytree("new", "newer", symlinks=True)
    write("newer/usr/sbin/demod", b"newest program " * 1000, mode=0o755)
    release("newer")
    next_base("after", "26.5")
    write("after/usr/sbin/demod", b"another new program " * 900, mode=0o755)
    refuse_base("usr/sbin/demod", "26.3.1-b", lines=2, name="after", tree="after",
                options=("--predecessor", "small", "--includes", "26.3.1-a"))
    add_base("after", "after", "--predecessor", "small", "--includes", "26.3.1-b")


@test
def a_regression_is_published_with_its_reason():
    fixed_repository()
    next_base(fixed=False)
    add_base("next", "next", "--allow-regression", "the fix is not ready for 26.4")
    lacks = index("26.4_x86_64")["optional"]["lacks"]
    check_equal((lacks["reason"], lacks["of"], lacks["base"]),
                ("the fix is not ready for 26.4", "26.3.1-a", "26.3.1_x86_64"))
    check_equal([(f["path"], f["cause"], f["cves"]) for f in lacks["files"]],
                [("usr/lib/demo/data", "old-bytes", ["CVE-2026-1000"]),
                 ("usr/sbin/demod", "old-bytes", ["CVE-2026-1000"]),
                 ("usr/lib/demo/old-helper", "old-bytes", ["CVE-2026-1000"])])
    check("includes" not in index("26.4_x86_64"), "a fix that is not there")
    out = publish("base", "show", "next").stdout
    check("lacks 3 files of 26.3.1-a: the fix is not ready for 26.4" in out, out)
    publish("check")


@test
def the_predecessor_is_the_highest_version_below_of_the_same_line():
    fixed_repository()
    # another variant, another architecture, and a lower version owe nothing
    for name, version, more in (("kiosk", "26.4", ("--variant", "kiosk")), ("old", "26.2", ()),
                                ("arm", "26.4", ("--architecture", "aarch64"))):
        next_base(name, version, fixed=False)
        add_base(name, name, *more)
    next_base("middle", "26.3.9")
    add_base("middle", "middle")
    # 26.3.9 got no improvement: what it has, nobody knows of it
    next_base("ten", "26.3.10", fixed=False)
    add_base("ten", "ten")
    next_base("eleven", "26.3.11", fixed=False)
    refuse_base("lacks 3 files of 26.3.1-a", lines=4, name="eleven", tree="eleven",
                options=("--predecessor", "small"))
    one_line_error(add_base("eleven", "eleven", "--predecessor", "none", expect=3), "none")


@test
def a_withdrawn_improvement_is_not_owed():
    fixed_repository()
    found = index()
    check_equal(found["improvements"][0]["sequence"], 1)
    if "withdraw" not in run("suture-publish", "--help").stdout:
        skip("there is no verb to withdraw with")
    publish("withdraw", "26.3.1-a", "--level", "revert", "--reason", "it broke")
    next_base(fixed=False)
    add_base("next", "next")


main()
