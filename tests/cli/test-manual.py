# SPDX-License-Identifier: Apache-2.0
"""The manual pages of doc/man say what the programs do.

In a page, the items `.It Cm` of the section VERBS and `.It Fl` of the section OPTIONS are the
program's verbs and options, word for word as --help has them. A command in running text is written
`.Ic PROGRAM VERB`. Every literal block of the section EXAMPLES is tried out, as the comment before it
says:

    .\\" test            a shell script; those of one page run in order, as one script
    .\\" test config     a suture.conf
    .\\" test seal       a seal.conf

In scripts the characters that a typesetter would change are escaped: \\- for a minus, \\e for a
backslash.
"""
import contextlib
import glob
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import time

from tap import *

PAGES = os.path.join(SOURCE, "doc/man")
MANDOC = shutil.which("mandoc")
PROGRAMS = {"suture": 1, "suture-publish": 1, "suture-sign": 1, "suture-delta": 1, "suture-tuf": 1,
            "sutured": 8,
            "suture-activate": 8, "suture-restart": 8, "suture-trial": 8,
            "suture-stage": 8, "suture-fetch": 8, "suture-keeper": 8}
COMMON = {"--help", "--version"}  # of every program
START_SECONDS = 15  # a loaded machine may take a while to start a server


def page(name):
    return read(os.path.join(PAGES, name)).decode()


def page_names():
    return sorted(os.path.basename(path) for path in glob.glob(os.path.join(PAGES, "*.[1-9]")))


def section(text, name):
    found = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", text, re.S | re.M)
    return found.group(1) if found else ""


def options_in(line):
    """The options that the macros of a line name: Fl -root is --root, Fl C is -C."""
    return ["-" + name for name in re.findall(r"\bFl (-?[A-Za-z][a-z-]*)", line)]


def items(text, macro):
    """What `.It MACRO …` shows, with the macros taken away: `Fl -root Ar DIR` → `--root DIR`."""
    lines = re.findall(rf"^\.It ({macro} .*)$", text, re.M)
    return [re.sub(r"\b(Cm|Ar) ", "", re.sub(r"\bFl ", "-", line)) for line in lines]


def help_of(program):
    """(verbs with their operands, options with their values), as --help prints them."""
    verbs, _, options = run(program, "--help").stdout.partition("\nOptions:\n")
    lines = {"verbs": verbs.partition("\nVerbs:\n")[2].split("\n"), "options": options.split("\n")}
    columns = {kind: [re.split(r"\s{2,}", line.strip())[0] for line in texts if line.strip()]
               for kind, texts in lines.items()}
    return columns["verbs"], columns["options"]


def first_words(texts):
    return {text.split()[0] for text in texts}


def check_same(here, there, what):
    check(not set(here) - set(there), f"{what}: only in the page: {set(here) - set(there)}")
    check(not set(there) - set(here), f"{what}: missing in the page: {set(there) - set(here)}")


def unescape(line):
    """What a reader gets to see of a line of a literal block."""
    plain = line.replace("\\-", "").replace("\\e", "")
    check(not re.search(r"[\\'`^~-]", plain) and line[:1] not in (".", "'"),
          f"this line would not survive being copied from the page: {line}")
    return line.replace("\\-", "-").replace("\\e", "\\")


def blocks(name, kind):
    """The literal blocks of a page's EXAMPLES that are marked so."""
    found = re.findall(r'^\.\\" test ?(\w*)\n\.Bd -literal.*?\n(.*?)^\.Ed$',
                       section(page(name), "EXAMPLES"), re.S | re.M)
    return [text for word, text in found if word == kind]


def script_of(name):
    text = "".join(blocks(name, ""))
    return "".join(unescape(line) + "\n" for line in text.splitlines())


def run_script(text, folder, path=BUILD):
    """Runs an example as `sh -eu` would be typed at a prompt; returns what it printed."""
    environment = dict(os.environ, PATH=f"{path}:{os.environ['PATH']}", no_proxy="127.0.0.1")
    done = subprocess.run(["/bin/sh", "-euc", text], cwd=folder, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@test
def mandoc_has_nothing_to_say():
    if not MANDOC:
        skip("mandoc is not installed")
    for name in page_names():
        done = run(MANDOC, "-T", "lint", "-W", "warning", os.path.join(PAGES, name), expect=None)
        check(done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr)


@test
def every_page_is_installed_and_every_reference_leads_somewhere():
    listed = re.findall(r"^\s+'([^']+)'", page("meson.build"), re.M)
    check_equal(sorted(listed), page_names())
    for name in page_names():
        for other, number in re.findall(r"\bXr (\S+) (\d)", page(name)):
            if "suture" in other or other == "seal.conf":
                check(f"{other}.{number}" in listed, f"{name}: {other}({number}) is no page")


@test
def pages_have_every_verb_and_option_and_no_other():
    for program, number in PROGRAMS.items():
        text = page(f"{program}.{number}")
        verbs, options = help_of(program)
        check_same(items(section(text, "VERBS"), "Cm"), verbs, f"{program}, verbs")
        check_same(items(section(text, "OPTIONS"), "Fl"), options,
                   f"{program}, options")
        for option in COMMON:
            run(program, option)
        known = first_words(options) | COMMON
        for option in options_in(text):
            check(option in known, f"{program} has no option {option}")
        prose = text.replace(section(text, "EXAMPLES"), "")
        check(not re.search(r"(?m)^[^.\n].*(--|\\-\\-)[a-z]", prose),
              f"{program}: an option is written without .Fl")
        for verb in re.findall(r"\bCm ([a-z-]+)", text):
            check(verb in first_words(verbs), f"{program} has no verb {verb}")


@test
def synopses_show_the_options():
    for program, number in PROGRAMS.items():
        shown = options_in(section(page(f"{program}.{number}"), "SYNOPSIS"))
        required = {"suture-sign": ["--keys"], "suture-stage": ["--url"]}.get(program, [])
        for option in [*required, *COMMON]:
            check(option in shown, f"{program}: {option} is not in the synopsis")
        text = section(page(f"{program}.{number}"), "SYNOPSIS")
        for option in required:
            check(f"\n.Fl {option[1:]}" in text, f"{program}: {option} is not optional")
            done = run(program, *sorted(first_words(help_of(program)[0]))[:1], expect=64)
            one_line_error(done, option)


def check_command(where, words):
    """A command that a page shows: a program, its verb and options."""
    program = os.path.basename(words[0])
    verbs, options = help_of(program)
    takes_value = {text.split()[0]: " " in text for text in options}
    rest, plain = list(words[1:]), []
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            plain.append(word)
            continue
        check(word in takes_value, f"{where}: {program} has no option {word}")
        if takes_value[word]:
            rest.pop(0)
    check(not verbs or not plain or plain[0] in first_words(verbs),
          f"{where}: {program} has no verb {plain[:1]}")


@test
def commands_in_the_text_exist():
    for name in page_names():
        for words in re.findall(r"\bIc (suture[a-z -]*[a-z])", page(name)):
            check_command(name, words.split())


@test
def commands_in_the_examples_exist():
    count = 0
    for name in page_names():
        script = script_of(name).replace("\\\n", " ")
        for line in script.splitlines():
            if re.match(r"suture", line):
                check_command(name, shlex.split(re.split(r"[<>|]", line)[0]))
                count += 1
    check(count > 0, "no page has an example")


@test
def commands_in_the_example_units_exist():
    units = glob.glob(os.path.join(SOURCE, "examples/units/*.service"))
    check(units, "there are no example units")
    for path in units:
        [command] = re.findall(r"^ExecStart=(.*)$", read(path).decode(), re.M)
        check_command(os.path.basename(path), shlex.split(command))
        starts = os.path.exists(path.replace(".service", ".timer")) or b"[Install]" in read(path)
        check(starts, f"{path} has neither a timer nor an [Install]")


@test
def all_examples_are_tried_out():
    for name in page_names():
        examples = section(page(name), "EXAMPLES")
        tried = sum(len(blocks(name, kind)) for kind in ("", "config", "seal"))
        check_equal(tried, len(re.findall(r"^\.Bd", examples, re.M)), name)


@test
def exit_codes_are_those_of_the_programs():
    header = read(os.path.join(SOURCE, "src/base/exit.h")).decode()
    codes = re.findall(r"EXIT_\w+ = (\d+)", header)
    for name in [f"{program}.{number}" for program, number in PROGRAMS.items()] + ["suture.7"]:
        told = re.findall(r"^\.It (\d+)$", section(page(name), "EXIT STATUS"), re.M)
        check(set(told) <= set(codes), f"{name}: {set(told) - set(codes)}")
        check(name != "suture.7" or told == codes, f"suture(7): {told} are not {codes}")
        # TUF clients are compared by a protocol that has two codes
        wanted = {"0", "1"} if name == "suture-tuf.1" else {"0", "1", "64"}
        check(wanted <= set(told), f"{name}: {told}")


@test
def the_overview_names_every_program_and_file():
    text = page("suture.7")
    for name in page_names():
        check(name == "suture.7" or f".Xr {name[:-2]} {name[-1]}" in text, f"{name} is not named")
    header = read(os.path.join(SOURCE, "src/device/store/store.h")).decode()
    layout = header.partition("below ROOT/var/lib/suture:")[2].partition("*/")[0]
    kept = re.findall(r"^ \*     ([a-z]+)[/ ]", layout, re.M)
    check(len(kept) > 5, f"the list in store.h is not understood: {kept}")
    for name in kept:
        check(f"/var/lib/suture/{name}" in text, f"suture(7) does not have {name}")


@test
def the_configuration_has_these_keys_and_no_other():
    source = read(os.path.join(SOURCE, "src/device/policy/key.c")).decode()
    table = re.search(r"^const Key keys\[\] = \{\n(.*?)^\};", source, re.S | re.M).group(1)
    known = re.findall(r'^\t\{"(\w+)", "([\w-]+)",', table, re.M)
    check(known, "the table in key.c is not understood")
    told, current = [], None
    for line in section(page("suture.conf.5"), "DESCRIPTION").splitlines():
        heading = re.match(r"\.Ss Section \[(\w+)\]", line)
        current = heading.group(1) if heading else current
        told += [(current, key) for key in re.findall(r"^\.It Va ([\w-]+)", line)]
    check_same(told, known, "suture.conf")
    words = read(os.path.join(SOURCE, "src/device/policy/config.c")).decode()
    for word in re.findall(r'"([a-z-]+)"', words):
        check(word in page("suture.conf.5"), f"{word} is not told")


def make_tree(root, library):
    write(os.path.join(root, "usr/lib/os-release"),
          'ID=exampleos\nVERSION_ID="26.3.1"\nVARIANT_ID=desktop\n')
    write(os.path.join(root, "usr/lib/tls/libtls.so"), library)
    write(os.path.join(root, "usr/lib/tls/kept"), "base\n")
    return root


def make_libraries():
    """The same library before and after a fix: 64 KiB without a pattern, a few bytes changed."""
    state, old = 1, bytearray()
    for _ in range(65536):
        state = state * 1103515245 + 12345 & 0x7fffffff
        old.append(state >> 16 & 255)
    return bytes(old), bytes(old[:1000]) + b"fixed" + bytes(old[1005:])


@test_in_mount_namespace
def the_example_configuration_is_accepted():
    text, managed = blocks("suture.conf.5", "config")
    make_tree("device", b"")
    write("device/etc/suture/suture.conf", text)
    write("device/etc/suture/policy.d/50-example.conf", managed)
    status = json.loads(run("suture", "--root", "device", "status", "--json").stdout)
    check(not status["configuration_problem"] and not status["policy"]["mistakes"], status)
    write("device/etc/suture/suture.conf", text.replace("interval", "intervall"))
    status = json.loads(run("suture", "--root", "device", "status", "--json").stdout)
    check_equal(status["policy"]["organisation"], "Example & Sons")
    [mistake] = status["policy"]["mistakes"]
    check("suture.conf:" in mistake and "unknown key intervall" in mistake, mistake)


@test_in_mount_namespace
def the_example_seal_policy_is_accepted():
    [text] = blocks("seal.conf.5", "seal")
    make_tree("device", b"")
    write("device/usr/lib/suture/seal.conf", text)
    check("seal required\n" in run("suture-activate", "--root", "device", "status").stdout)


@test
def the_delta_example_makes_and_applies_a_patch():
    old, new = make_libraries()
    write("libtls.so.old", old)
    write("libtls.so.new", new)
    run_script(script_of("suture-delta.1"), ".")
    check_equal(read("libtls.so"), new)
    check(len(read("libtls.delta")) < 500, "the patch is not small")


@test
def the_sign_example_signs():
    write("message", "what is to be signed\n")
    write("passphrase", "correct horse\n")
    run_script(script_of("suture-sign.1"), ".")
    [key] = json.loads(read("public.json"))
    [signature] = json.loads(read("signatures.json"))
    check_equal(key["name"], "example-1")
    check_equal(signature["keyid"], key["keyid"])
    check(re.fullmatch(r"[0-9a-f]{128}", signature["sig"]), signature)
    check_equal(os.stat("keys/example-1.pem").st_mode & 0o777, 0o600)
    check("ENCRYPTED" in read("keys/example-1.pem").decode())
    check_equal(json.loads(read("encrypted.json")), [signature])
    [external] = json.loads(read("external.json"))
    shown = run("suture-sign", "--keys", "keys", "public", "example-2").stdout
    check_equal(external["keyid"], json.loads(shown)["keyid"])


def publish():
    """Runs the vendor's whole path as the page has it, for this machine's architecture."""
    os.chmod(".", 0o755)
    old, new = make_libraries()
    make_tree("base", old)
    make_tree("rebuilt", new)
    script = script_of("suture-publish.1")
    check("x86_64" in script, "the example names no architecture")
    return run_script(script.replace("x86_64", os.uname().machine), ".")


def needs_mkfs():
    if not glob.glob("/usr/*bin/mkfs.erofs"):
        skip("mkfs.erofs is not installed")


@test
def the_publish_example_makes_a_repository():
    needs_mkfs()
    told = publish()
    check("Published 26.3.1 (a) for base desktop" in told, told)
    check(re.search(r"^Good: 1 indexes, 1 improvements, 1 images, .* 1 deltas", told, re.M), told)
    check(os.path.exists("www/metadata/timestamp.json"), "no repository")
    run("suture-publish", "-C", "www", "--keys", "keys", "publish", expect=2)


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def web_server(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(["/usr/bin/python3", "-m", "http.server", str(port), "--bind",
                                "127.0.0.1", "--directory", folder],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_SECONDS
        while not answers(port):
            check(time.monotonic() < end, "the web server does not start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


class Device:
    """A device below this folder. An example's `suture` is the built one with --root DEVICE."""

    def __init__(self, url):
        self.root = os.path.abspath("device")
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree("base", self.root)
        write("device/etc/suture/suture.conf", f"[repository]\nurl = {url}\n")
        self.programs = os.path.abspath("programs")
        for name in "suture", "sutured", "suture-activate":
            write(os.path.join(self.programs, name),
                  f'#!/bin/sh\nexec {shlex.quote(program(name))} --root {shlex.quote(self.root)} '
                  '"$@"\n', 0o755)

    def follow(self, name):
        return run_script(script_of(name), ".", self.programs)

    def status(self):
        return json.loads(run("suture", "--root", self.root, "--json", "status").stdout)


@test
def the_example_of_the_tuf_client_downloads_an_index():
    needs_mkfs()
    publish()
    shutil.copy("www.work/device/root.json", "root.json")
    with web_server("www") as url:
        script = script_of("suture-tuf.1").replace("x86_64", os.uname().machine)
        run_script(script.replace("https://updates.example.org/", url), ".")
    [index] = os.listdir("targets")
    check("index.json" in index and json.loads(read(f"targets/{index}"))["improvements"], index)


@test_in_mount_namespace
def the_owners_example_installs_and_removes():
    needs_mkfs()
    publish()
    with web_server("www") as url:
        device = Device(url)
        told = device.follow("suture.1")
        check("26.3.1 (a) is available" in told and "Installed 26.3.1 (a)" in told, told)
        check("This is 26.3.1 again" in told, told)
        check_equal(json.loads(read("status.json"))["label"], "26.3.1")
        check_equal(json.loads(read("check.json"))["offer"]["state"], "removed-by-owner")


@test
def the_restart_example_plans():
    run_script(script_of("suture-restart.8"), ".")


@test
def the_trial_example_makes_a_health_check():
    os.makedirs("device/run")
    write("programs/suture-trial", f'#!/bin/sh\nexec {program("suture-trial")} --root device "$@"\n',
          0o755)
    script = script_of("suture-trial.8").replace("/etc/suture/", "device/etc/suture/")
    run_script(script, ".", os.path.abspath("programs"))
    check_equal(os.listdir("device/etc/suture/health.d"), ["50-localhost"])
    run(os.path.abspath("device/etc/suture/health.d/50-localhost"))


@test_in_mount_namespace
def the_agents_and_the_activators_examples_work():
    needs_mkfs()
    publish()
    with web_server("www") as url:
        device = Device(url)
        device.follow("sutured.8")
        check_equal(device.status()["label"], "26.3.1 (a)")
        check_equal(read("device/usr/lib/tls/libtls.so"), make_libraries()[1])
        device.follow("suture-activate.8")
        check_equal(device.status()["label"], "26.3.1 (a)")
        run("suture-activate", "--root", device.root, "detach")
        check_equal(device.status()["label"], "26.3.1")


main()
