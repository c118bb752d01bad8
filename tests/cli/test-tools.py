#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The checkers of tools/ must see what they are there to see."""
import re

from tap import *

LAYERS = os.path.join(SOURCE, "tools", "check-layers")
STYLE = os.path.join(SOURCE, "tools", "check-style")
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def refuse(tool, *words):
    done = run(tool, "tree", expect=1)
    for word in words:
        check(word in done.stdout, f"{word!r} is not in {done.stdout!r}")


def copy_tree():
    os.makedirs("tree")
    for name in ("src", "tests", "tools", ".clang-format"):
        path = os.path.join(SOURCE, name)
        if os.path.isdir(path):
            shutil.copytree(path, os.path.join("tree", name),
                            ignore=shutil.ignore_patterns("vectors", "__pycache__"))
        else:
            shutil.copy(path, "tree")


def append(path, text):
    with open(os.path.join("tree", path), "a") as file:
        file.write(text)


@test
def a_copy_of_this_tree_is_good():
    copy_tree()
    run(LAYERS, "tree")


@test
def an_include_of_a_higher_layer_is_seen():
    copy_tree()
    append("src/base/path.c", '#include "wire/json/document.h"\n')
    refuse(LAYERS, "src/base/path.c:", 'base may not include "wire/json/document.h"')


@test
def the_signer_stays_out_of_the_publisher():
    copy_tree()
    append("src/vendor/publish/main.c", '#  include "vendor/sign/secretkey.h"\n')
    refuse(LAYERS, 'vendor/publish may not include "vendor/sign/secretkey.h"')


@test
def the_two_halves_of_the_delta_never_meet():
    write("tree/src/wire/delta/apply/apply.c", '#include "wire/delta/create/create.h"\n')
    refuse(LAYERS, 'wire/delta/apply may not include "wire/delta/create/create.h"')


@test
def a_relative_include_is_seen():
    write("tree/src/base/path.c", '#include "path.h"\n')
    refuse(LAYERS, '"path.h" does not start at src/')
    write("tree/src/base/path.c", '#include "../wire/json/schema.h"\n')
    refuse(LAYERS, "does not start at src/")


@test
def a_folder_outside_the_table_is_seen():
    write("tree/src/device/cloud/cloud.c", "int cloud;\n")
    refuse(LAYERS, "src/device/cloud: is not in the layer table")


@test
def only_tests_include_the_harness():
    write("tree/src/base/test-path.c", '#include "test.h"\n')
    run(LAYERS, "tree")
    write("tree/src/base/path.c", '#include "test.h"\n')
    refuse(LAYERS, "src/base/path.c:1")


@test
def each_rule_of_style_is_seen():
    long = "int f(void)\n{\n" + "\tf();\n" * 80 + "}\n"
    cases = {
        "no-spdx.c": ("int x;\n", "SPDX line is missing"),
        "no-once.h": (SPDX + "int x(void);\n", "#pragma once is missing"),
        "long-function.c": (SPDX + long, "a function of 82 lines"),
        "long-file.c": (SPDX + "extern int x;\n" * 800, "more than 800 lines"),
        "todo.c": (SPDX + "/* TO" "DO: think */\n", "needs its issue's number"),
        "copy.c": (SPDX + "void f(char *a)\n{\n\tstrcpy(a, \"x\");\n}\n", "strcpy() is not used"),
        "memory.c": (SPDX + "void *f(void)\n{\n\treturn malloc(1);\n}\n", "malloc() is not used"),
        "device/ctl/english.c": (SPDX + "void f(void)\n{\n\tprintf(\n\t\t\"%-5s gone\\n\");\n}\n",
                                 "goes through _()"),
        "script.py": ("#!/usr/bin/env python3\n", "Python is #!/usr/bin/python3"),
    }
    for name, (text, word) in cases.items():
        write(f"tree/src/{name}", text)
        refuse(STYLE, f"src/{name}:", word)
        os.unlink(f"tree/src/{name}")


@test
def what_is_allowed_passes():
    write("tree/.clang-format", read(os.path.join(SOURCE, ".clang-format")))
    write("tree/src/good.c", SPDX + "/* TO" "DO(#12): malloc(1), strcpy() */\n"
          "const char *f(void)\n{\n\treturn \"sprintf(\";\n}\n")
    write("tree/src/device/ctl/good.c", SPDX + "void f(void)\n{\n\tprintf(_(\"gone\\n\"));\n"
          "\tprintf(\"%-16.16s %lld%% %zu\\n\", 1);\n}\n")
    run(STYLE, "tree")


@test
def misplaced_white_space_is_seen():
    if not shutil.which("clang-format"):
        skip("no clang-format")
    shutil.copytree(os.path.join(SOURCE, "tools"), "tree/tools")
    shutil.copy(os.path.join(SOURCE, ".clang-format"), "tree")
    write("tree/src/crooked.c", SPDX + "int  f( void ){return 1;}\n")
    refuse(STYLE, "src/crooked.c: clang-format would change it")


# These say which test holds which rule of The Update Framework, and of grafting.
METADATA = os.path.join(SOURCE, "doc/format/metadata.md")
GRAFTING = os.path.join(SOURCE, "doc/design/grafting.md")


def tests_of(name):
    """The names of the tests in a file, and its text."""
    path, = (path for folder in ("src", "tests")
             for place, _, files in os.walk(os.path.join(SOURCE, folder))
             for path in (os.path.join(place, file) for file in files)
             if path.endswith("/" + name))
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = re.findall(r"^TEST\((\w+)\)|^@test\w*\n(?:@.*\n)?def (\w+)|^(?:test|each)\('(.*?)', ", text,
                       re.MULTILINE)
    return {"".join(groups).replace("\\'", "'") for groups in found}, text


def rules(document):
    """(rule, [(file, [tests])]) of each row."""
    with open(document, encoding="utf-8") as file:
        _, section = file.read().split("## Which test holds which rule\n")
    for line in section.splitlines():
        if row := re.fullmatch(r"\| (.+) \| (\S+: .+) \|", line):
            yield row[1], [(name, re.findall("`(.+?)`", names))
                           for name, names in re.findall(r"([\w./-]+): ([^;]+)", row[2])]


def check_rules(held):
    missing = []
    for rule, files in held:
        check(files and all(names for _, names in files), f"no test holds: {rule}")
        text = ""
        for name, names in files:
            there, more = tests_of(name)
            text += more
            missing += [f"{name}: {test}" for test in names if test not in there]
        missing += [number for number in re.findall(r"CVE-[\d-]+|GHSA(?:-\w{4}){3}", rule)
                    if number not in text]
    check(not missing, "not there: " + ", ".join(missing))


@test
def every_rule_of_the_metadata_has_its_tests():
    held = list(rules(METADATA))
    check(len(held) > 90, f"{len(held)} rules")
    check_rules(held)


@test
def every_rule_of_grafting_names_tests_that_are_there():
    held = list(rules(GRAFTING))
    rows = read(GRAFTING).decode().partition("## Which test holds which rule\n")[2]
    check_equal(len(held), len(re.findall(r"^\| \d+: ", rows, re.M)), "rows that are understood")
    check(len(held) > 35, f"{len(held)} rows")
    check_rules(held)
    # a test that another one would hide, or that nobody runs, holds nothing
    registered = read(os.path.join(SOURCE, "tests/meson.build")).decode()
    for name in {name for _, files in held for name, _ in files}:
        check(f"/{name}'" in registered, f"{name} is not run")


main()
