#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What may not become an improvement: each refusal is one line that names the file and the remedy,
with its exit code, and leaves repository and drafts as they were."""
import io
import tarfile

from vendor import *


def refuse(*words, code=1, component="demo", base="small=new"):
    before = digests("repo", "repo.work")
    done = create(component=component, base=base, expect=code)
    one_line_error(done, *words)
    check_equal(digests("repo", "repo.work"), before, "repository and work")


def refusal(*words, code=1, component="demo", change=True):
    """Decorates a function that spoils the new tree."""
    def decorate(spoil):
        def spoilt():
            begin()
            rebuild(change=change)
            spoil()
            refuse(*words, code=code, component=component)
        spoilt.__name__ = spoil.__name__
        return test(spoilt)
    return decorate


def change_components(**members):
    changed = json.loads(json.dumps(COMPONENTS))
    changed["components"][0].update(members)
    write_json("components.json", changed)


@refusal("usr/lib/net/resolver", "component demo", "rebuild only that component, or declare")
def a_change_outside_the_component():
    write("new/usr/lib/net/resolver", "also changed\n")


@refusal("usr/sbin/other", "not one of the files of component demo")
def a_change_beside_the_component_in_its_directory():
    write("new/usr/sbin/other", "changed\n")


@refusal("etc/demo.conf", "/etc belongs to the machine's owner", "move the default to /usr")
def a_change_in_etc():
    write("new/etc/demo.conf", "level=2\n")


@refusal("usr/lib/os-release", "names the base")
def a_change_of_the_identity():
    write("new/usr/lib/os-release", os_release("26.3.2"))


@refusal("etc/os-release", "names the base", "ship a full update")
def a_change_of_the_identity_in_etc():
    os.unlink("new/etc/os-release")
    write("new/etc/os-release", os_release("26.3.2"))


@refusal("usr/lib/os-release", "names the base")
def the_identity_even_where_a_component_claims_it():
    write("new/usr/lib/os-release", os_release("26.3.2"))
    change_components(files=["usr/lib/**", "usr/sbin/**"])


@refusal("usr/lib/suture", "Suture's own")
def suture_itself():
    write("new/usr/lib/suture/root.json", "{}")


@refusal("usr/lib/demo-extra/file", "lies in none of the graft directories")
def a_declared_file_outside_the_graft_directories():
    write("new/usr/lib/demo-extra/file", "new\n")
    change_components(files=["usr/lib/demo-extra/**", "usr/lib/demo/**", "usr/sbin/demo*"])


@refusal("usr/lib/demo/sub", "folder's mode", "ship a full update")
def a_folder_whose_mode_changes():
    os.chmod("new/usr/lib/demo/sub", 0o700)


@refusal("usr/lib/demo/sub", "becomes a file of another type")
def a_folder_that_becomes_a_file():
    shutil.rmtree("new/usr/lib/demo/sub")
    write("new/usr/lib/demo/sub", "now a file\n")


@refusal("usr/lib/demo/data", "becomes a file of another type")
def a_file_that_becomes_a_folder():
    os.unlink("new/usr/lib/demo/data")
    os.makedirs("new/usr/lib/demo/data")


@refusal("usr/lib/demo/sub", "a whole folder is removed", "ship a full update")
def a_removed_folder():
    shutil.rmtree("new/usr/lib/demo/sub")


@refusal("usr/lib/demo/pipe", "neither a file nor a symbolic link")
def a_pipe():
    os.mkfifo("new/usr/lib/demo/pipe")


@refusal("usr/lib/demo/device", "neither a file nor a symbolic link")
def a_device_node():
    if os.geteuid() != 0:
        skip("needs root for mknod")
    os.mknod("new/usr/lib/demo/device", 0o20600, os.makedev(1, 3))


@refusal("only symbolic links change")
def nothing_but_a_link():
    os.unlink("new/usr/lib/demo/data")
    os.unlink("new/usr/sbin/demod")
    shutil.copy2("base/usr/lib/demo/data", "new/usr/lib/demo/data")
    shutil.copy2("base/usr/sbin/demod", "new/usr/sbin/demod")
    os.unlink("new/usr/lib/demo/link")
    os.symlink("sub/plugin", "new/usr/lib/demo/link")


for _name, _what in {
        "gschemas.compiled": "settings schemas", "ld.so.cache": "dynamic linker's cache",
        "icon-theme.cache": "icon cache", "giomodule.cache": "GIO module cache",
        "loaders.cache": "image loader cache", "immodules.cache": "input method cache",
        "mimeinfo.cache": "MIME cache", "fonts.cache-2": "font cache"}.items():
    def _spoil(name=_name):
        write(f"new/usr/lib/demo/{name}", "derived\n")
    _spoil.__name__ = "a_derived_file_" + _name.replace(".", "_").replace("-", "_")
    refusal(f"usr/lib/demo/{_name}", _what, "which the machine makes itself")(_spoil)


def library(path, soname):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    compiler = shutil.which("cc")
    if not compiler:
        skip("no C compiler")
    write("empty.c", "int x;\n")
    run(compiler, "-shared", "-o", path, f"-Wl,-soname,{soname}", "empty.c")


@refusal("usr/lib/demo/libx.so.2", "the soname libx.so.2 is new to the base", "full update")
def a_new_soname():
    library("new/usr/lib/demo/libx.so.2", "libx.so.2")


@refusal("usr/lib/demo/data", "the soname libx.so.2 is new to the base")
def a_file_that_becomes_a_library():
    library("new/usr/lib/demo/data", "libx.so.2")


@test
def a_changed_soname():
    begin()
    library("base/usr/lib/demo/libx.so.1", "libx.so.1")
    rebuild()
    library("new/usr/lib/demo/libx.so.1", "libx.so.2")
    refuse("usr/lib/demo/libx.so.1", "soname changes from libx.so.1 to libx.so.2")


@test
def a_library_of_a_known_soname_passes():
    begin()
    library("base/usr/lib/demo/libx.so.1.0", "libx.so.1")
    os.symlink("libx.so.1.0", "base/usr/lib/demo/libx.so.1")
    rebuild()
    os.unlink("new/usr/lib/demo/libx.so.1.0")
    library("new/usr/lib/demo/libx.so.1.1", "libx.so.1")
    os.unlink("new/usr/lib/demo/libx.so.1")
    os.symlink("libx.so.1.1", "new/usr/lib/demo/libx.so.1")
    create()


def python_base():
    write("base/usr/lib/demo/tool.py", "print('old')\n")
    write("base/usr/lib/demo/__pycache__/tool.cpython-311.pyc", "old code")
    rebuild()
    write("new/usr/lib/demo/tool.py", "print('new')\n")


@test
def a_python_source_without_its_compiled_form():
    begin()
    python_base()
    refuse("usr/lib/demo/tool.py", "its compiled form in __pycache__ must change", "compile it")


@test
def a_python_source_with_its_compiled_form_passes():
    begin()
    python_base()
    write("new/usr/lib/demo/__pycache__/tool.cpython-311.pyc", "new code")
    create()


@test
def graft_directories_that_may_not_be():
    cases = {"usr": "'usr' cannot be grafted", "usr/lib": "'usr/lib' cannot be grafted",
             "usr/share": "cannot be grafted", "usr/lib/modules": "too wide",
             "etc": "only directories below usr and opt", "usr/local/lib": "administrator",
             "usr/lib/suture": "cannot be grafted"}
    begin()
    rebuild()
    for directory, word in cases.items():
        change_components(directories=[directory])
        refuse("components.json", word)
    change_components(directories=["/usr/sbin"])
    refuse("components.json", "components[0].directories[0]", code=6)
    change_components(directories=["usr/lib/demo", "usr/lib/demo/sub"])
    refuse("components.json", "lie in each other")
    change_components(directories=[])
    refuse("components.json", "component demo has no graft directory", code=6)


@test
def hosts_that_are_no_paths_or_stand_there_twice():
    begin()
    rebuild()
    change_components(hosts=["/usr/bin/python3"])
    refuse("components.json", "components[0].hosts[0]", code=6)
    change_components(hosts=["usr/bin/b", "usr/bin/a", "usr/bin/b"])
    refuse("components.json", "component demo", "usr/bin/b", "twice", code=6)


@refusal("usr/lib/demo/x.ko.xz", "cannot unpack", code=6)
def a_kernel_module_that_is_cut_off():
    write("new/usr/lib/demo/x.ko.xz", b"\xfd7zXZ\x00\x00\x04")


@test
def graft_directories_of_two_components_that_lie_in_each_other():
    begin()
    rebuild()

    def declare(demo, net):
        changed = json.loads(json.dumps(COMPONENTS))
        for component, directories in zip(changed["components"], (demo, net)):
            component["directories"] = directories
        write_json("components.json", changed)

    for demo, net in ((["usr/lib/demo", "usr/sbin"], ["usr/lib/demo/sub", "usr/lib/net"]),
                      (["usr/lib/net/sub", "usr/sbin"], ["usr/lib/net"])):
        declare(demo, net)
        for component in ("demo", "net"):
            refuse("components.json", "of component demo", "of component net",
                   "lie in each other", "the outer one", component=component)
    declare(["usr/lib/demo", "usr/sbin"], ["usr/lib/demo", "usr/lib/demo-net"])
    if os.geteuid() == 0:
        create()


@test
def a_graft_directory_that_the_base_lacks():
    begin()
    rebuild()
    change_components(directories=["usr/lib/demo", "usr/lib/missing", "usr/sbin"])
    refuse("usr/lib/missing", "is not a folder of the base")


@test
def a_graft_directory_behind_a_link():
    begin()
    os.rename("base/usr/lib/demo", "base/usr/lib/demo-1")
    os.symlink("demo-1", "base/usr/lib/demo")
    rebuild(change=False)
    write("new/usr/sbin/demod", "new")
    refuse("usr/lib/demo", "is not a folder of the base")


@test
def nothing_changed():
    begin()
    rebuild(change=False)
    refuse("nothing that belongs to component demo differs", code=2)
    write("new/usr/share/doc/demo/changes", "second\n")  # declared as not mattering
    refuse("nothing that belongs to component demo differs", code=2)


@test
def unknown_names():
    begin()
    rebuild()
    refuse("no base is registered under the name large", "base add", code=3, base="large=new")
    refuse("no component is declared under the name web", code=3, component="web")
    refuse("newer is not a folder", code=3, base="small=newer")
    refuse("small is not of the form NAME=PATH", base="small")


@test
def a_fixes_file_that_does_not_fit():
    begin()
    rebuild()
    fixes = json.loads(json.dumps(FIXES))
    del fixes["fixes"][0]
    write_json("fixes.json", fixes)
    refuse("EXAMPLE-2026-0001 lists no fix of component demo")
    for member, value, word in (("cve", "C" * 33, "fixes[0].cve: is too long"),
                                ("cve", "cve-1", "fixes[0].cve: is not of the allowed form"),
                                ("impact", "", "fixes[0].impact: is not of the allowed form"),
                                ("references", ["ftp://x"], "fixes[0].references[0]"),
                                ("severity", 1, "fixes[0].severity: is not known here")):
        write_json("fixes.json", {**FIXES, "fixes": [{**FIXES["fixes"][0], member: value}]})
        refuse("fixes.json", word, code=6)
    write_json("fixes.json", {**FIXES, "schema": 3})
    refuse("fixes.json", "schema: is too large", code=6)
    write("fixes.json", "{")
    refuse("fixes.json", "not JSON", code=6)
    os.unlink("fixes.json")
    refuse("cannot read fixes.json", code=3)


def tar(files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def write_deb(path, data, control):
    """A package as deb(5) has it, with member names that dpkg-deb would not write."""
    archive = b"!<arch>\n"
    for name, content in (("debian-binary", b"2.0\n"), ("control.tar", tar(control)),
                          ("data.tar", tar(data))):
        archive += f"{name:16}{0:<12}{0:<6}{0:<6}{0o100644:<8o}{len(content):<10}`\n".encode()
        archive += content + b"\n" * (len(content) % 2)
    write(path, archive)


@test
def a_maintainer_script_under_any_name_that_dpkg_takes():
    begin()
    control = {"./control": b"Package: demo\nVersion: 1\nArchitecture: all\n"}
    write_deb("old.deb", {"./usr/lib/demo/data": read("base/usr/lib/demo/data")}, control)

    def create_deb(script, text, **more):
        write_deb("fixed.deb", {"./usr/lib/demo/data": b"new data\n"}, {**control, script: text})
        return publish("create", "--fixes", "fixes.json", "--components", "components.json",
                       "--component", "demo", "--deb", "small=old.deb,fixed.deb", **more)

    before = digests("repo", "repo.work")
    for prefix in ("", "./", "././", ".//", "/"):
        one_line_error(create_deb(f"{prefix}postinst", b"fc-cache -f\n", expect=1),
                       "fixed.deb: its postinst runs fc-cache")
        one_line_error(create_deb(f"{prefix}triggers", b"activate update-initramfs\n", expect=1),
                       "fixed.deb: its triggers runs update-initramfs")
        check_equal(digests("repo", "repo.work"), before, "repository and work")
    if os.geteuid() == 0:
        create_deb("postinst", b"ldconfig\n")


@test
def a_fix_refused_for_one_base_makes_no_draft_for_another():
    begin()
    make_base("second", "26.3.2")
    add_base("large", "second")
    rebuild()
    rebuild("second", "second-new")
    write("second-new/etc/demo.conf", "level=2\n")
    refused = create("--base", "large=second-new", expect=1)
    one_line_error(refused, "etc/demo.conf")
    check(not os.path.exists("repo.work/drafts"), "a draft was left")
    one_line_error(publish("publish", expect=2), "there is nothing to publish", "create")


@test
def bad_bases():
    begin()
    before = digests("repo", "repo.work")

    def refuse_base(code, *words, name="large", tree="base", more=()):
        one_line_error(add_base(name, tree, *more, expect=code), *words)
        check_equal(digests("repo", "repo.work"), before, "repository and work")

    refuse_base(1, "there is a base small already", name="small")
    refuse_base(1, "base small has the same identity", "exampleos 26.3.1_x86_64")
    refuse_base(1, "Large is no name for a base", name="Large", more=("--variant", "x"))
    refuse_base(1, "VARIANT_ID is 'A B'", more=("--variant", "A B"))
    make_base("second", "26.3.2")
    refuse_base(3, "cannot find the root missing", tree="second", more=("--root", "missing"))
    refuse_base(1, "is not a folder", tree="second", more=("--root", "fixes.json"))
    refuse_base(3, "cannot read missing", tree="second", more=("--os-release", "missing"))
    refuse_base(1, "Up is no name for a channel", tree="second", more=("--channel", "Up"))
    refuse_base(1, "is no name for a channel", tree="second", more=("--channel", "../../x"))
    write("second/usr/lib/os-release", os_release("26.3.2", "VARIANT_ID=desktop\n"))
    refuse_base(1, "says VARIANT_ID=desktop, not kiosk", tree="second",
                more=("--variant", "kiosk"))
    write("second/usr/lib/os-release", "ID=exampleos\n")
    refuse_base(1, "VERSION_ID is missing", tree="second")
    # another product whose role would have the same name
    write("second/usr/lib/os-release", "ID=exampleos_26.3.1\nVERSION_ID=x86\n")
    refuse_base(1, "is signed by a role of the same name", tree="second",
                more=("--architecture", "64"))


@test
def wrong_usage():
    begin()
    publish("frobnicate", expect=64)
    publish("create", expect=64)
    publish("base", "remove", "small", expect=64)
    publish("base", "add", "small", expect=64)
    for verb in ["publish"], ["resign"], ["renew", "root"], ["sign", "x.json"], ["init"]:
        one_line_error(run("suture-publish", "-C", "repo", *verb, expect=64), "--keys")
    for verb, code in (["check"], 0), (["pending"], 2), (["abandon"], 2), (["prune"], 0):
        run("suture-publish", "-C", "repo", *verb, expect=code)
    one_line_error(run("suture-publish", "-C", "elsewhere", "--keys", "keys", "check", expect=3),
                   "there is no repository at elsewhere", "suture-publish init")


main()
