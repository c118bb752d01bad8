# SPDX-License-Identifier: Apache-2.0
"""Completion in bash, zsh and fish offers what suture --help has, and the words of its operands."""
import os
import re
import shlex
import shutil

from owner import *

COMPLETIONS = os.path.join(SOURCE, "data/completions")
FOREIGN = """suture: something
Verbs:
  advisories [LABEL|SEQUENCE|ID|CVE]  show what is fixed
  automatic [install|download|off]    do it by itself
  base-run COMMAND...                 run it

Options:
  --from PATH                         ask here
  --mode one|two                      automatic: how
  --cve ID                            about this
  -x                                  base-run, advisories: cross
  --help                              show this
"""

# What zsh's completion system would do, as far as it is used.
ZSH = """compadd() { [[ $1 == -- ]] && shift; print -l -- "$@" }
_describe() { [[ $1 == -o ]] && shift; print -l -- ${(P)2%%%%:*} }
_files() { print -l -- *(N) }
_command_names() { print echo }
compset() { : }
words=(%s); CURRENT=$#words
source %s"""


def help_of(program_path):
    """(verbs, options) of the help."""
    verbs, _, options = run(program_path, "--help").stdout.partition("\nOptions:\n")
    first = re.compile(r"^  (\S+)", re.M)
    return first.findall(verbs.partition("Verbs:\n")[2]), first.findall(options)


def in_bash(path, words):
    line = " ".join(map(shlex.quote, [path, *words]))
    return ["bash", "--norc", "-c", f"source {COMPLETIONS}/suture; COMP_WORDS=({line}); "
            f"COMP_CWORD={len(words)}; _suture {shlex.quote(path)}; printf '%s\\n' \"${{COMPREPLY[@]}}\""]


def in_zsh(path, words):
    line = " ".join(map(shlex.quote, [path, *joined(words)]))
    return ["zsh", "-f", "-c", ZSH % (line, f"{COMPLETIONS}/_suture")]


def in_fish(path, words):
    line = " ".join(["suture", *joined(words)])
    return ["fish", "--no-config", "-c", f"source {COMPLETIONS}/suture.fish; complete -C {shlex.quote(line)}"]


def joined(words):
    """As shells other than bash see --option=word."""
    return [word for word in " ".join(words).replace(" = ", "=").split(" ")]


def offered(shell, path, *words):
    """Set of what the shell offers in the place of the last word."""
    command = shell(path, words)
    if not shutil.which(command[0]):
        skip(f"{command[0]} is not installed")
    folder = os.path.dirname(path)
    done = run(shutil.which(command[0]), *command[1:],
               env={"PATH": f"{folder}:{os.environ['PATH']}", "HOME": os.getcwd()})
    check_equal(done.stderr, "", words)
    first = {line.split("\t")[0] for line in done.stdout.splitlines() if line}
    return {re.sub(r"^--\w+=", "", word) for word in first}


def offers_what_the_help_has(shell):
    path = program("suture")
    verbs, options = help_of(path)
    check(len(verbs) > 8 and len(options) > 8, "the help is not understood")
    check_equal(offered(shell, path, ""), set(verbs))
    check_equal(offered(shell, path, "-"), set(options))
    for verb in verbs:
        check(verb in offered(shell, path, verb[:3]), verb)
    check_equal(offered(shell, path, "--progress", ""), {"auto", "plain", "json", "none"})
    check_equal(offered(shell, path, "--progress", "=", ""), {"auto", "plain", "json", "none"})
    installing = offered(shell, path, "install", "-")
    check("--sequence" in installing and "--ready" not in installing, installing)


def offers_words_of_operands(shell):
    path = os.path.abspath("bin/suture")
    write("help", FOREIGN)
    with World(improve=False) as (vendor, server, device):
        vendor.improve({"tls": {LIB: NEW_TLS}}, cves=["CVE-2026-0001", "CVE-2026-0002"])
        device.suture("check")
        write("advisories.json", device.suture("advisories", "--json").stdout)
    write(path, f"#!/bin/sh\n[ \"$1\" = --help ] && exec cat {os.path.abspath('help')}\n"
          f"exec cat {os.path.abspath('advisories.json')}\n", 0o755)
    ids = {"EXAMPLEOS-2026-0001", "CVE-2026-0001", "CVE-2026-0002"}
    check_equal(offered(shell, path, "advisories", ""), ids)
    check_equal(offered(shell, path, "--cve", ""), ids)
    check_equal(offered(shell, path, "automatic", ""), {"install", "download", "off"})
    check_equal(offered(shell, path, "--mode", "one", ""), {"advisories", "automatic", "base-run"})
    check_equal(offered(shell, path, "automatic", "-"), {"--from", "--mode", "--cve", "--help"})
    check_equal(offered(shell, path, "base-run", "-"), {"--from", "--cve", "-x", "--help"})
    check({"help", "bin"} <= {name.rstrip("/") for name in offered(shell, path, "--from", "")})
    check("echo" in offered(shell, path, "base-run", "ech"))


@test
def bash_offers_what_the_help_has():
    offers_what_the_help_has(in_bash)


@test_in_mount_namespace
def bash_offers_words_of_operands():
    offers_words_of_operands(in_bash)


@test
def zsh_offers_what_the_help_has():
    offers_what_the_help_has(in_zsh)


@test_in_mount_namespace
def zsh_offers_words_of_operands():
    offers_words_of_operands(in_zsh)


@test
def fish_offers_what_the_help_has():
    offers_what_the_help_has(in_fish)


@test_in_mount_namespace
def fish_offers_words_of_operands():
    offers_words_of_operands(in_fish)


main()
