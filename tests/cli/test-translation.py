# SPDX-License-Identifier: Apache-2.0
"""src/device/ctl/text.h: with -Dnls=true texts are gettext's, without it the English ones."""
import os
import shutil
import struct

from tap import *

PROGRAM = """#include <stdio.h>
#include "device/ctl/text.h"

static const char *const table[] = {N_("Applied")};

int main(void)
{
	text_open();
	for (int count = 1; count <= 2; count++)
		printf(_n("%d service is watched", "%d services are watched", count), count);
	printf("; %s; %s\\n", _(table[0]), _("healthy"));
	return 0;
}
"""
GERMAN = {"": "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n",
          "Applied": "Angewandt",
          "%d service is watched\0%d services are watched": "%d Dienst \0%d Dienste"}


def catalogue(texts):
    """A .mo file as gettext's manual has it: the texts sorted, their places, and the translations."""
    ids = sorted(text.encode() for text in texts)
    strings = [texts[text.decode()].encode() for text in ids]
    at, places, data = 28 + 16 * len(ids), b"", b""
    for text in ids + strings:
        places += struct.pack("<II", len(text), at + len(data))
        data += text + b"\0"
    return struct.pack("<7I", 0x950412de, 0, len(ids), 28, 28 + 8 * len(ids), 0, 28) + places + data


def build(*arguments):
    compiler = shutil.which("cc")
    if not compiler:
        skip("no compiler")
    write("program.c", PROGRAM)
    run(compiler, "-Wall", "-Werror", "-Wformat=2", f"-I{SOURCE}/src", *arguments, "program.c", "-o", "program")
    return os.path.abspath("program")


@test
def texts_are_english_unless_they_are_translated():
    write("locale/de/LC_MESSAGES/suture.mo", catalogue(GERMAN))
    german = {"LANGUAGE": "de", "LC_ALL": "C.UTF-8"}
    english = "1 service is watched2 services are watched; Applied; healthy\n"
    path = build()
    check_equal(run(path, env=german).stdout, english)
    for static in [], ["-static"]:
        path = build("-DSUTURE_NLS", f'-DSUTURE_LOCALE_DIR="{os.path.abspath("locale")}"', *static)
        check_equal(run(path, env=german).stdout, "1 Dienst 2 Dienste; Angewandt; healthy\n")
        check_equal(run(path, env={"LANGUAGE": "fr", "LC_ALL": "C.UTF-8"}).stdout, english)
        check_equal(run(path, env={"LANGUAGE": "", "LC_ALL": "C"}).stdout, english)


main()
