#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What speaks against an improvement: every finding has a twin that is good, and all of them are
reported at once."""
import py_compile
import struct

from vendor import *

CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service
LABEL = b"system_u:object_r:lib_t:s0\0"
LIB = "usr/lib/demo/libdemo.so.1"


def look(*more, expect=None, components=("demo",), base="small=new"):
    """(level, check, path) → text of every finding."""
    chosen = [word for name in components for word in ("--component", name)]
    done = publish("--json", "lint", "--components", "components.json", *chosen, "--base", base,
                   *more, expect=None)
    answer = json.loads(done.stdout)
    errors = [f for f in answer["findings"] if f["level"] == "error"]
    check_equal((done.returncode, answer["errors"]), (1 if errors else 0, len(errors)), done.stderr)
    if expect is not None:
        check_equal(done.returncode, expect, answer)
    return {(f["level"], f["check"], f["path"]): f["text"] for f in answer["findings"]}


def check_finds(level, name, path, *words, **more):
    found = look(**more)
    check((level, name, path) in found, f"no {level} of {name} for {path} in {found}")
    for word in words:
        check(word in found[level, name, path], f"{word!r} is not in {found[level, name, path]!r}")


def check_clean(*names, **more):
    found = {key: text for key, text in look(**more).items() if not names or key[1] in names}
    check_equal(found, {})


def declare(**members):
    changed = json.loads(json.dumps(COMPONENTS))
    changed["components"][0].update(members)
    write_json("components.json", changed)


def compiled(path, source, *options, soname="libdemo.so.1", strip=True, needs=()):
    """A shared library of C source in both senses of `path`: relative to the tree's root."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write("source.c", source)
    name = [f"-Wl,-soname,{soname}"] if soname else []
    run("/usr/bin/gcc", "-shared", "-fPIC", "-nostdlib", "-Wl,--build-id=none", *options, *name,
        *(["-s"] if strip else []), "-o", path, "source.c", *needs)


def libraries(old, new, *options, more=()):
    """A base with the library in its first form, and a rebuild with the second."""
    begin()
    compiled(f"base/{LIB}", old, *options)
    rebuild(change=False)
    compiled(f"new/{LIB}", new, *options, *more)


# -- all at once --

@test
def everything_is_reported_at_once():
    begin()
    rebuild()
    write("new/etc/demo.conf", "level=2\n")
    write("new/usr/lib/net/resolver", "also changed\n")
    os.chmod("new/usr/sbin/demod", 0o700)
    os.chmod("new/usr/lib/demo/data", 0o666)
    before = digests("repo", "repo.work")
    found = look(expect=1)
    check_equal(sorted(found), [
        ("error", "mode", "usr/lib/demo/data"), ("error", "place", "etc/demo.conf"),
        ("error", "place", "usr/lib/net/resolver"), ("warning", "mode", "usr/sbin/demod")])
    # in text: all of it, on standard output, which is the report; `create` fails with the errors
    said = publish("lint", "--components", "components.json", "--component", "demo", "--base",
                   "small=new", expect=1)
    check_equal((len(said.stdout.splitlines()), said.stderr), (4, ""))
    check_equal([line.split(": ")[0] for line in sorted(said.stdout.splitlines())],
                ["error", "error", "error", "warning"])
    failed = create(expect=1)
    check_equal(len(failed.stderr.splitlines()), 3, failed.stderr)
    failed = create("--json", expect=1)
    check_equal(len(json.loads(failed.stdout)["findings"]), 4)
    check_equal(digests("repo", "repo.work"), before, "repository and work")


@test
def what_is_good_is_said_to_be():
    begin()
    rebuild()
    check_clean()
    said = publish("lint", "--components", "components.json", "--component", "demo", "--base",
                   "small=new").stdout
    check_equal(said, "Nothing speaks against it.\n")
    publish("lint", "--component", "demo", expect=64)


@test
def findings_name_their_base():
    begin()
    make_base("second", "26.3.2")
    add_base("large", "second")
    rebuild()
    rebuild("second", "second-new")
    write("second-new/etc/demo.conf", "level=2\n")
    done = publish("--json", "lint", "--components", "components.json", "--component", "demo",
                   "--base", "small=new", "--base", "large=second-new", expect=1)
    check_equal([(f["base"], f["path"]) for f in json.loads(done.stdout)["findings"]],
                [("large", "etc/demo.conf")])
    one_line_error(create("--base", "large=second-new", expect=1), "large: etc/demo.conf")


@test
def a_create_with_warnings_goes_on_and_tells_them():
    if os.geteuid() != 0:
        skip("needs root")
    begin()
    rebuild()
    os.chmod("new/usr/sbin/demod", 0o700)
    said = publish("lint", "--components", "components.json", "--component", "demo", "--base",
                   "small=new").stdout
    check(said.endswith("\nOnly warnings: drafts can be made.\n"), said)
    done = create()
    check("warning: usr/sbin/demod: its mode changes from 0755 to 0700" in done.stdout, done.stdout)
    check_equal(done.stderr, "")
    check_equal([f["check"] for f in json.loads(create("--json").stdout)["findings"]], ["mode"])


# -- the interface of libraries --

VERSIONED = ("int kept(void) { return 1; }\nint lost(void) { return 2; }\n"
             "int table[4] = {1};\n")


@test
def symbols_that_are_kept_or_lost():
    write("old.map", "DEMO_1 { global: kept; lost; table; local: *; };")
    write("new.map", "DEMO_1 { global: kept; table; local: *; }; DEMO_2 { global: lost; };")
    libraries(VERSIONED, VERSIONED.replace("return 1", "return 3"),
              f"-Wl,--version-script={os.path.abspath('old.map')}")
    check_clean()
    compiled(f"new/{LIB}", VERSIONED, f"-Wl,--version-script={os.path.abspath('new.map')}")
    check_finds("error", "symbols", LIB, "exports lost@DEMO_1 no more")
    compiled(f"new/{LIB}", "int kept(void) { return 1; }\nint table[4] = {1};\n",
             f"-Wl,--version-script={os.path.abspath('old.map')}")
    check_finds("error", "symbols", LIB, "lost@DEMO_1")
    # one more is nobody's loss
    libraries_more = VERSIONED + "int more(void) { return 4; }\n"
    write("more.map", "DEMO_1 { global: kept; lost; table; more; local: *; };")
    compiled(f"new/{LIB}", libraries_more, f"-Wl,--version-script={os.path.abspath('more.map')}")
    check_clean("symbols")


@test
def a_variable_of_another_size():
    libraries("int table[4] = {1};\n", "int table[5] = {1};\n")
    check_finds("warning", "symbols", LIB, "table", "from 16 to 20 bytes")


@test
def private_symbols_of_libc_count():
    write("old.map", "GLIBC_PRIVATE { global: __inner; local: *; };")
    libraries("int __inner(void) { return 1; }\nint x;\n", "int x;\n",
              f"-Wl,--version-script={os.path.abspath('old.map')}")
    check_finds("error", "symbols", LIB, "__inner@GLIBC_PRIVATE")


@test
def a_template_that_is_not_instantiated_any_more():
    weak = "__attribute__((weak)) int _ZN3FooIiE3barEv(void) { return 1; }\nint x;\n"
    libraries(weak, "int x = 1;\n")
    check_finds("warning", "symbols", LIB, "_ZN3FooIiE3barEv", expect=0)


TYPES = "struct pair { int a; %s }; int first(struct pair *p) { return p->a; }\n"


@test
def types_of_the_interface():
    if not os.path.exists("/usr/bin/abidiff"):
        skip("no abidiff")
    begin()
    compiled(f"base/{LIB}", TYPES % "int b;", "-g", strip=False)
    rebuild(change=False)
    compiled(f"new/{LIB}", TYPES % "int b; int c;", "-g", strip=False)
    check_finds("warning", "types", LIB, "1 Changed")
    compiled(f"new/{LIB}", TYPES % "int b;" + "static int y;\n", "-g", strip=False)
    check_clean("types")


@test
def new_dependencies():
    begin()
    compiled("base/usr/lib/x86_64-linux-gnu/libhad.so.1", "int had;", soname="libhad.so.1")
    compiled("lacks/libnew.so.2", "int fresh;", soname="libnew.so.2")
    needs_had = ("base/usr/lib/x86_64-linux-gnu/libhad.so.1",)
    compiled(f"base/{LIB}", "int x;")
    rebuild(change=False)
    compiled(f"new/{LIB}", "extern int had; int *x = &had;", needs=needs_had)
    check_finds("warning", "needed", LIB, "libhad.so.1", "did not need before", expect=0)
    compiled(f"new/{LIB}", "extern int fresh; int *x = &fresh;", needs=("lacks/libnew.so.2",))
    check_finds("error", "needed", LIB, "libnew.so.2", "the base does not have")
    compiled(f"base/{LIB}", "extern int fresh; int *x = &fresh;", needs=("lacks/libnew.so.2",))
    compiled(f"new/{LIB}", "extern int fresh; int *x = &fresh; int y;",
             needs=("lacks/libnew.so.2",))
    check_clean("needed")


# -- owner, mode, capabilities, labels --

@test
def modes():
    begin()
    rebuild()
    data, fresh = "usr/lib/demo/data", "usr/lib/demo/fresh"
    write(f"new/{fresh}", "new\n")
    check_clean("mode")
    for mode, level, word in ((0o4755, "error", "powers"), (0o2755, "error", "powers"),
                              (0o646, "error", "powers"), (0o600, "warning", "0644 to 0600")):
        os.chmod(f"new/{data}", mode)
        check_finds(level, "mode", data, word)
    os.chmod(f"new/{data}", 0o644)
    os.chmod(f"new/{fresh}", 0o4755)
    check_finds("warning", "mode", fresh, "setuid")
    os.chmod(f"new/{fresh}", 0o666)
    check_finds("error", "mode", fresh, "everybody may write")
    # powers that it had already, or loses
    os.chmod(f"new/{fresh}", 0o644)
    os.chmod(f"base/{data}", 0o4755)
    os.chmod(f"new/{data}", 0o4755)
    check_clean("mode")
    os.chmod(f"new/{data}", 0o755)
    check_finds("warning", "mode", data, "from 4755 to 0755", expect=0)


@test
def owners_capabilities_and_labels():
    if os.geteuid() != 0:
        skip("needs root")
    begin()
    data, fresh = "usr/lib/demo/data", "usr/lib/demo/fresh"
    os.setxattr("base/usr/lib/demo", "security.selinux", LABEL)
    os.setxattr(f"base/{data}", "security.selinux", LABEL)
    rebuild()
    check_clean("owner", "capability", "label")  # copytree() keeps them
    os.chown(f"new/{data}", 1000, 1000)
    check_finds("error", "owner", data, "from 0:0 to 1000:1000", "as root")
    os.chown(f"new/{data}", 0, 0)
    os.setxattr(f"new/{data}", "security.selinux", LABEL)
    check_clean("label")
    os.setxattr(f"new/{data}", "security.selinux", b"system_u:object_r:other_t:s0\0")
    check_finds("warning", "label", data, "security.selinux changes")
    os.removexattr(f"new/{data}", "security.selinux")
    check_finds("error", "label", data, "loses its security.selinux")
    os.setxattr(f"new/{data}", "security.selinux", LABEL)
    write(f"new/{fresh}", "new\n")
    check_finds("error", "label", fresh, "without security.selinux")
    os.setxattr(f"new/{fresh}", "security.selinux", LABEL)
    check_clean("label")
    os.setxattr(f"new/{data}", "security.capability", CAPABILITY)
    check_finds("error", "capability", data, "gets capabilities")
    os.setxattr(f"base/{data}", "security.capability", CAPABILITY)
    check_clean("capability")
    os.removexattr(f"new/{data}", "security.capability")
    check_finds("warning", "capability", data, "loses its capabilities")
    os.setxattr(f"new/{fresh}", "security.capability", CAPABILITY)
    check_finds("warning", "capability", fresh, "a new file that has capabilities")


# -- for which version the files say that they are --

def identities(old, new, path="usr/lib/demo/data"):
    begin()
    write(f"base/{path}", old)
    rebuild(change=False)
    write(f"new/{path}", new)


@test
def versions_inside_files():
    identities(b"\0code\0OpenSSL 3.0.17 1 Jul 2025\0more\0", b"\0CODE\0OpenSSL 3.0.17 1 Jul 2025\0")
    check_clean("identity")
    write("new/usr/lib/demo/data", b"\0CODE\0OpenSSL 3.0.18 30 Sep 2025\0")
    check_finds("warning", "identity", "usr/lib/demo/data",
                "'OpenSSL 3.0.17 1 Jul 2025' becomes 'OpenSSL 3.0.18 30 Sep 2025'", "rule version",
                expect=0)


@test
def user_agents_and_copies_of_os_release():
    identities(b"Mozilla/5.0 (X11) Gecko/20100101 Firefox/128.0\0code",
               b"Mozilla/5.0 (X11) Gecko/20100101 Firefox/128.0\0CODE")
    check_clean("identity")
    write("new/usr/lib/demo/data", b"Mozilla/5.0 (X11) Gecko/20100101 Firefox/129.0\0code")
    check_finds("error", "identity", "usr/lib/demo/data", "'Firefox/128.0' becomes 'Firefox/129.0'",
                "user-agent")
    fresh_folder()
    identities("VERSION_ID=26.3.1\nX=1\n", "VERSION_ID=26.3.1\nX=2\n", "usr/lib/demo/a-os-release")
    check_clean("identity")
    write("new/usr/lib/demo/a-os-release", "VERSION_ID=26.3.2\nX=1\n")
    check_finds("error", "identity", "usr/lib/demo/a-os-release", "os-release")


@test
def rules_of_the_vendor():
    identities(b"demo build 77\0OpenSSL 3.0.17\0", b"demo build 78\0OpenSSL 3.0.18\0")
    check_equal(list(look()), [("warning", "identity", "usr/lib/demo/data")])
    # the file of that name in the present folder; one of a default's name replaces it
    write("identity-rules", "# ours\nerror build usr/lib/demo/* build [0-9]+\n\noff version * .\n")
    check_finds("error", "identity", "usr/lib/demo/data", "'build 77' becomes 'build 78'", "build")
    check_equal(len(look()), 1)
    write("rules", "error build usr/sbin/* build [0-9]+\n")
    check_equal(list(look("--identity-rules", "rules")),
                [("warning", "identity", "usr/lib/demo/data")])
    for text, word in (("error build *\n", "line 1 is not of the form"),
                       ("loud build * x\n", "line 1"), ("\nerror a * [x\n", "line 2: [x"),
                       ("error a * x", "ends with a line end")):
        write("rules", text)
        one_line_error(create("--identity-rules", "rules", expect=6), "rules", word)
    one_line_error(create("--identity-rules", "missing", expect=3), "missing")


# -- compiled Python --

@test
def compiled_python():
    begin()
    source, cache = "usr/lib/demo/tool.py", "usr/lib/demo/__pycache__/tool.cpython-311.pyc"

    def build(tree, text, mode):
        write(f"{tree}/{source}", text)
        py_compile.compile(f"{tree}/{source}", f"{tree}/{cache}", invalidation_mode=mode)
    modes = py_compile.PycInvalidationMode
    build("base", "print('old')\n", modes.UNCHECKED_HASH)
    rebuild(change=False)
    build("new", "print('new one')\n", modes.UNCHECKED_HASH)
    check_clean()
    build("new", "print('new one')\n", modes.TIMESTAMP)
    check_finds("warning", "python", cache, "at every start", "unchecked-hash", expect=0)
    write(f"new/{source}", "print('a newer one')\n")
    check_finds("error", "python", cache, "a source of another size")


# -- what need not be in the image --

@test
def debug_information_and_symbol_tables():
    begin()
    compiled(f"base/{LIB}", "int x;")
    rebuild(change=False)
    compiled(f"new/{LIB}", "int x = 1;")
    check_clean()
    compiled(f"new/{LIB}", "int x = 1;", strip=False)
    check_finds("warning", "stripped", LIB, "bytes larger", "strip", expect=0)
    compiled(f"base/{LIB}", "int x;", strip=False)
    check_clean("stripped")  # as in the base
    compiled(f"new/{LIB}", "int x = 1;", "-g", strip=False)
    check_finds("warning", "stripped", LIB)


@test
def files_that_only_look_new():
    begin()
    compiled(f"base/{LIB}", "int x;", "-Wl,--build-id=0x0011")
    rebuild(change=False)
    compiled(f"new/{LIB}", "int x;", "-Wl,--build-id=0x2233")
    check_finds("warning", "needless", LIB, "build-id only")
    compiled(f"new/{LIB}", "int x = 7;", "-Wl,--build-id=0x2233")
    check_clean("needless")


@test
def copies_of_a_file():
    begin()
    rebuild()
    write("new/usr/lib/demo/twin", read("new/usr/sbin/demod"))
    check_finds("warning", "twins", "usr/sbin/demod", "the same as usr/lib/demo/twin", "symbolic")
    os.unlink("new/usr/lib/demo/twin")
    os.symlink("/usr/sbin/demod", "new/usr/lib/demo/twin")
    check_clean("twins")


# -- restart scope, and what travels together --

@test
def a_library_that_nothing_restarts():
    libraries("int x;", "int x = 1;")
    declare(restart="none")
    check_finds("error", "restart", LIB, "restart 'none'", "nothing would run the fix")
    declare(restart="services")
    check_clean("restart")
    # a program may be: who starts it next has the new one
    shutil.copy2(f"base/{LIB}", f"new/{LIB}")
    write("new/usr/sbin/demod", "#!/bin/sh\n", mode=0o755)
    declare(restart="none")
    check_clean("restart")


@test
def a_kernel_module_stays_until_the_next_boot():
    begin()
    rebuild(change=False)
    write("module.c", "int module;\n")
    run("/usr/bin/gcc", "-c", "-o", "new/usr/lib/demo/x.ko", "module.c")
    check_finds("warning", "restart", "usr/lib/demo/x.ko", "until the next boot", expect=0)
    declare(restart="reboot")
    check_clean("restart")


@test
def what_process_1_maps():
    begin()
    folder = "usr/lib/x86_64-linux-gnu"
    compiled(f"base/{folder}/libdemo.so.1", "int x;")
    compiled(f"base/{folder}/libbetween.so.1", "extern int x; int *y = &x;", soname="libbetween.so.1",
             needs=(f"base/{folder}/libdemo.so.1",))
    compiled("base/usr/lib/systemd/systemd", "extern int *y; int **z = &y;", soname=None,
             needs=(f"base/{folder}/libbetween.so.1",))
    rebuild(change=False)
    compiled(f"new/{folder}/libdemo.so.1", "int x = 1;")
    members = {"directories": [folder], "files": [f"{folder}/**"]}
    declare(restart="services", after=[], **members)
    check_finds("warning", "restart", f"{folder}/libdemo.so.1", "process 1", "daemon-reexec", expect=0)
    declare(restart="services", after=["daemon-reexec"], **members)
    check_clean("restart")
    declare(restart="soft-reboot", after=[], **members)
    check_clean("restart")
    # a library that process 1 does not map
    compiled("base/usr/lib/systemd/systemd", "int z;", soname=None)
    declare(restart="services", after=[], **members)
    check_clean("restart")


@test
def libc_and_the_dynamic_linker_travel_together():
    begin()
    folder = "usr/lib/x86_64-linux-gnu"
    compiled(f"base/{folder}/ld-linux-x86-64.so.2", "int l;", soname="ld-linux-x86-64.so.2")
    libc = {"soname": "libc.so.6", "needs": (f"base/{folder}/ld-linux-x86-64.so.2",)}
    compiled(f"base/{folder}/libc.so.6", "extern int l; int *c = &l;", **libc)
    rebuild(change=False)
    compiled(f"new/{folder}/libc.so.6", "extern int l; int *c = &l; static int d;", "-O0", **libc)
    write(f"new/{folder}/libc.so.6", read(f"new/{folder}/libc.so.6") + b"\0")
    declare(directories=[folder], files=[f"{folder}/libc.so.6"], restart="reboot")
    check_finds("error", "libc", f"{folder}/libc.so.6", "ld-linux-x86-64.so.2", "travel together")
    declare(directories=[folder], files=[f"{folder}/libc.so.6", f"{folder}/ld-*"], restart="reboot")
    check_clean("libc", "restart")
    declare(directories=[folder], files=[f"{folder}/**"], restart="services")
    check_finds("warning", "restart", f"{folder}/libc.so.6", "every process maps it")


main()
