#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""suture-sign: the rules of key files, and signatures that others can check."""
import contextlib
import json
import re
import select
import signal
import stat
import termios
import time

from keyholder import *
from tap import *

TRACED = {"ASAN_OPTIONS": "detect_leaks=0"}  # the leak check cannot run under strace
START_SECONDS = 20  # a loaded machine may take a while to start a program


@test
def a_new_key_is_its_owners_alone():
    made = create("root-1")
    check_equal(stat.S_IMODE(os.stat("keys/root-1.pem").st_mode), 0o600, "mode of the key")
    check_equal(stat.S_IMODE(os.stat("keys").st_mode), 0o700, "mode of the folder")
    check_equal(made["name"], "root-1")
    check_equal(made["key"]["keytype"], "ed25519")
    check_equal(len(made["key"]["keyval"]["public"]), 64)
    check("PRIVATE" not in json.dumps(made), "the secret half was printed")


@test
def a_key_is_never_replaced():
    create("root-1")
    before = read("keys/root-1.pem")
    one_line_error(sign("create", "root-1", expect=1), "there is a key keys/root-1.pem already")
    check_equal(read("keys/root-1.pem"), before, "the key")


@test
def keys_are_listed_by_name():
    check_equal(json.loads(sign("list", expect=None).stdout or "[]"), [])
    for name in ("b-1", "a-2", "a-1"):
        create(name)
    write("keys/notes.txt", "not a key")
    listed = json.loads(sign("list").stdout)
    check_equal([key["name"] for key in listed], ["a-1", "a-2", "b-1"])
    check_equal(len({key["keyid"] for key in listed}), 3)


@test
def keys_that_others_may_read_are_refused():
    create("root-1")
    for mode in (0o640, 0o604, 0o620, 0o601, 0o666):
        os.chmod("keys/root-1.pem", mode)
        for verb in (["list"], ["sign", "root-1"]):
            done = sign(*verb, input="text", expect=4)
            one_line_error(done, "keys/root-1.pem", "may be read by others", "chmod 600")
            check_equal(done.stdout, "")
    os.chmod("keys/root-1.pem", 0o400)
    sign("list")


@test
def what_is_no_key_is_refused():
    os.makedirs("keys")
    public = run("/usr/bin/openssl", "genpkey", "-algorithm", "X25519", expect=None)
    cases = {"empty": "", "text": "not a key\n", "huge": "x" * 5000}
    if public.returncode == 0:
        cases["other"] = public.stdout
    for name, text in cases.items():
        write(f"keys/{name}.pem", text, mode=0o600)
        one_line_error(sign("sign", name, input="x", expect=6), f"keys/{name}.pem",
                       "is not an ed25519 key")
    os.mkfifo("keys/pipe.pem", 0o600)
    one_line_error(sign("sign", "pipe", input="x", expect=6), "is not an ed25519 key")
    create("good")
    os.symlink("good.pem", "keys/link.pem")
    one_line_error(sign("sign", "link", input="x", expect=1), "cannot open the key keys/link.pem")


@test
def names_stay_in_their_folder():
    create("good")
    for name in ("../good", "/etc/x", "a/b", "Good", "", ".hidden", "a b", "x" * 201):
        one_line_error(sign("create", name, expect=1), "is no name for a key")
        one_line_error(sign("sign", name, input="x", expect=1), "is no name for a key")
    check_equal(os.listdir("."), ["keys"])


@test
def missing_keys_are_named():
    one_line_error(sign("list", expect=3), "cannot list the keys in keys")
    create("a-1")
    done = sign("sign", "a-1", "b-1", input="x", expect=3)
    one_line_error(done, "keys/b-1.pem")
    check_equal(done.stdout, "")  # all or nothing
    run("suture-sign", "list", expect=64)
    sign("sign", input="x", expect=64)


@test
def the_same_text_gives_the_same_signature():
    create("a-1")
    create("a-2")
    first = sign("sign", "a-1", "a-2", input="text").stdout
    check_equal(sign("sign", "a-1", "a-2", input="text").stdout, first)
    signatures = json.loads(first)
    check_equal(len(signatures), 2)
    check(signatures[0]["sig"] != signatures[1]["sig"])
    check(json.loads(sign("sign", "a-1", input="text2").stdout)[0]["sig"]
          != signatures[0]["sig"])


@test
def openssl_agrees():
    if not os.path.exists("/usr/bin/openssl"):
        skip("no openssl program")
    create("a-1")
    text = b"a text\0with anything\xff" * 1000
    done = sign("sign", "a-1", input=text, text=False)
    write("text", text)
    write("signature", bytes.fromhex(json.loads(done.stdout)[0]["sig"]))
    run("/usr/bin/openssl", "pkey", "-in", "keys/a-1.pem", "-pubout", "-out", "public.pem")
    run("/usr/bin/openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin",
        "-in", "text", "-sigfile", "signature")


@test
def an_empty_text_can_be_signed():
    create("a-1")
    check_equal(len(json.loads(sign("sign", "a-1", input="").stdout)[0]["sig"]), 128)


@contextlib.contextmanager
def signing(*names):
    """suture-sign while it waits for the text to sign: by then its memory is as it will be."""
    process = subprocess.Popen([program("suture-sign"), "--keys", "keys", "sign", *names],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + START_SECONDS
    while status_of(process.pid).get("VmLck") == "0 kB" and time.monotonic() < end:
        time.sleep(0.01)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def status_of(pid):
    lines = read(f"/proc/{pid}/status").decode().splitlines()
    return dict(re.split(r":\s*", line, maxsplit=1) for line in lines)


@test
def secret_memory_is_locked_and_no_core_is_left():
    create("a-1")
    with signing("a-1") as process:
        check_equal(status_of(process.pid)["VmLck"], "32 kB", "locked memory")
        limits = read(f"/proc/{process.pid}/limits").decode()
        check(re.search(r"^Max core file size +0 +0 ", limits, re.M), limits)
    done = run("/usr/bin/strace", "-e", "trace=prctl,mlock,mlock2,madvise", program("suture-sign"),
               "--keys", "keys", "sign", "a-1", input="x", env=TRACED)
    for call in (r"prctl\(PR_SET_DUMPABLE, SUID_DUMP_DISABLE\) += 0", r"mlock2?\(.*\) += 0",
                 r"madvise\(.*, MADV_DONTDUMP\) += 0"):
        check(re.search(call, done.stderr), f"{call} is not in\n{done.stderr}")


@test
def without_locked_memory_it_warns_and_goes_on():
    create("a-1")
    command = ["/usr/bin/prlimit", "--memlock=0", program("suture-sign"), "--keys", "keys", "sign",
               "a-1"]
    if os.geteuid() == 0:  # whom no limit holds
        command[:0] = ["/usr/bin/setpriv", "--bounding-set", "-ipc_lock"]
    done = run(*command, input="x")
    one_line_error(done, "secrets may be swapped out", "ulimit -l")
    check_equal(len(json.loads(done.stdout)), 1)


def create_encrypted(name, passphrase=PASSPHRASE):
    return json.loads(sign("create", name, "--encrypt", "--passphrase-fd", "0",
                           input=passphrase + "\n").stdout)


@test
def an_encrypted_key_signs_with_its_passphrase_only():
    made = create_encrypted("a-1")
    text = read("keys/a-1.pem").decode()
    check(text.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), text)
    good, bad = passphrase_file(PASSPHRASE + "\nmore\n"), passphrase_file("wrong\n", "bad")
    done = sign_with("sign", "a-1", "--passphrase-fd", good, fds=[good])
    check_equal(json.loads(done.stdout)[0]["keyid"], made["keyid"])
    done = sign_with("sign", "a-1", "--passphrase-fd", bad, fds=[bad], expect=4)
    one_line_error(done, "this is not the passphrase of keys/a-1.pem")
    check_equal(done.stdout, "")


@test
def wrong_passphrases_are_never_called_damage():
    make_quick("a-1")
    for number in range(8):
        bad = passphrase_file(f"wrong {number}")
        sign_with("sign", "a-1", "--passphrase-fd", bad, fds=[bad], expect=4)
        os.close(bad)
    text = read("keys/a-1.pem").decode().split("\n")
    write("keys/a-1.pem", "\n".join(text[:2] + text[3:]))
    good = passphrase_file(PASSPHRASE)
    done = sign_with("sign", "a-1", "--passphrase-fd", good, fds=[good], expect=6)
    one_line_error(done, "keys/a-1.pem is not an ed25519 key")


@test
def openssl_opens_encrypted_keys_and_the_other_way():
    create_encrypted("a-1")
    write("pass", PASSPHRASE + "\n")
    public = run(OPENSSL, "pkey", "-in", "keys/a-1.pem", "-passin", "file:pass", "-pubout").stdout
    check("BEGIN PUBLIC KEY" in public)
    run(OPENSSL, "pkey", "-in", "keys/a-1.pem", "-passin", "pass:wrong", expect=1)
    asn1 = run(OPENSSL, "asn1parse", "-in", "keys/a-1.pem").stdout
    check(":id-scrypt" in asn1 or ":scrypt" in asn1, asn1)
    check("aes-256-cbc" in asn1, asn1)
    run(OPENSSL, "genpkey", "-algorithm", "ed25519", "-aes-128-cbc", "-pass", "file:pass", "-out",
        "keys/b-1.pem")
    one_line_error(sign_with("list", expect=4), "keys/b-1.pub is missing", "public b-1")
    fd = passphrase_file(PASSPHRASE)
    shown = json.loads(sign_with("public", "b-1", "--passphrase-fd", fd, fds=[fd]).stdout)
    check_equal([key["keyid"] for key in json.loads(sign("list").stdout)][1], shown["keyid"])
    done = sign_with("sign", "b-1", "--passphrase-fd", fd, fds=[fd])
    check_equal(json.loads(done.stdout)[0]["keyid"], shown["keyid"])


@test
def keys_are_listed_without_a_passphrase():
    made = create_encrypted("a-1")
    plain = create("b-1")
    os.unlink("keys/b-1.pub")  # a folder of before passphrases
    listed = json.loads(sign_with("list", session=True).stdout)
    check_equal([key.pop("kind") for key in listed], ["encrypted", "file"])
    check_equal(listed, [made, plain])
    for key in listed:
        check_equal(json.loads(sign("public", key["name"]).stdout), key)
    check_equal(json.loads(read("keys/a-1.pub")), made)


@test
def a_public_half_that_is_not_the_keys_is_noticed():
    make_quick("a-1")
    other = create("b-1")
    fd = passphrase_file(PASSPHRASE)
    write("keys/a-1.pub", json.dumps(dict(other, name="a-1")))
    one_line_error(sign_with("sign", "a-1", "--passphrase-fd", fd, fds=[fd], expect=6),
                   "keys/a-1.pub is not the public half")
    for wrong in (other, dict(other, name="a-1", keyid="0" * 64), dict(other, more=1), [], "x"):
        write("keys/a-1.pub", json.dumps(wrong))
        one_line_error(sign("list", expect=6), "keys/a-1.pub")
    os.chmod("keys/a-1.pub", 0o666)
    one_line_error(sign("list", expect=4), "keys/a-1.pub may be written by others")


@test
def a_passphrase_is_set_changed_and_taken_away():
    made = create("a-1")
    first, second = passphrase_file("first\n", "1"), passphrase_file("second\n", "2")

    def signs(*args):
        done = sign_with("sign", "a-1", *args, fds=[first, second])
        check_equal(json.loads(done.stdout)[0]["keyid"], made["keyid"])

    sign_with("passphrase", "a-1", "--new-passphrase-fd", first, fds=[first])
    signs("--passphrase-fd", first)
    done = sign_with("passphrase", "a-1", "--passphrase-fd", second, "--new-passphrase-fd", first,
                     fds=[first, second], expect=4)
    one_line_error(done, "not the passphrase")
    signs("--passphrase-fd", first)
    sign_with("passphrase", "a-1", "--passphrase-fd", first, "--new-passphrase-fd", second,
              fds=[first, second])
    signs("--passphrase-fd", second)
    check_equal(stat.S_IMODE(os.stat("keys/a-1.pem").st_mode), 0o600)
    check_equal(json.loads(sign("list").stdout)[0]["kind"], "encrypted")
    sign_with("passphrase", "a-1", "--remove", "--passphrase-fd", second, fds=[second])
    signs()
    check_equal(json.loads(sign("list").stdout)[0]["kind"], "file")
    done = sign_with("passphrase", "a-1", "--passphrase-fd", first, "--new-passphrase-fd", first,
                     fds=[first], expect=1)
    one_line_error(done, "one descriptor has one passphrase")


@test
def a_file_serves_several_runs_and_a_pipe_several_keys():
    make_quick("a-1")
    make_quick("a-2")
    fd = passphrase_file(PASSPHRASE)
    os.lseek(fd, 5, os.SEEK_SET)
    for _ in range(2):
        sign_with("sign", "a-1", "a-2", "--passphrase-fd", fd, fds=[fd])
    check_equal(os.lseek(fd, 0, os.SEEK_CUR), 5, "position")
    out, into = os.pipe()
    os.write(into, PASSPHRASE.encode() + b"\nnot read")  # and the pipe stays open
    done = sign_with("sign", "a-1", "a-2", "--passphrase-fd", out, fds=[out])
    check_equal(len(json.loads(done.stdout)), 2)
    check_equal(os.read(out, 100), b"not read")


@test
def unusable_passphrases_are_refused():
    for text, words in (("", "is empty"), ("\n", "is empty"), ("x" * 1024, "longer than 1023"),
                        ("a\0b", "zero byte")):
        done = sign("create", "a-1", "--encrypt", "--passphrase-fd", "0", input=text, expect=None)
        one_line_error(done, "descriptor 0", words)
        check(done.returncode in (1, 4), done.returncode)
    done = sign("create", "a-1", "--encrypt", "--passphrase-fd", "99", expect=1)
    one_line_error(done, "cannot read a passphrase from descriptor 99")
    one_line_error(sign("create", "a-1", "--passphrase-fd", "0", input="x", expect=1), "--encrypt")
    check(not os.path.exists("keys/a-1.pem"), "a key was made")
    create_encrypted("a-1", "x" * 1023)
    one_line_error(sign("sign", "a-1", "--passphrase-fd", "0", input="x", expect=1),
                   "what is to be signed comes on descriptor 0")


def askpass(text, code=0):
    write("askpass", f'#!/bin/sh\nprintf "%s\\n" "$1" >> prompts\n{text}\nexit {code}\n', 0o755)
    return os.path.abspath("askpass")


@test
def an_askpass_program_is_asked():
    asks = askpass(f'echo "{PASSPHRASE}"')
    sign_with("create", "a-1", "--encrypt", "--askpass", asks)
    check_equal(read("prompts").decode().splitlines(),
                ["New passphrase for the key keys/a-1.pem: ",
                 "Once more the new passphrase for the key keys/a-1.pem: "])
    os.unlink("prompts")
    make_quick("a-1")
    sign_with("sign", "a-1", env={"SUTURE_ASKPASS": asks})
    check_equal(read("prompts"), b"Passphrase of the key keys/a-1.pem: \n")
    one_line_error(sign_with("sign", "a-1", "--askpass", askpass("echo wrong"), expect=4),
                   "not the passphrase of keys/a-1.pem")
    one_line_error(sign_with("sign", "a-1", "--askpass", askpass("echo x", code=1), expect=4),
                   "gave no passphrase: it ended with 1")
    one_line_error(sign_with("sign", "a-1", "--askpass", askpass("exit 0"), expect=4), "is empty")
    one_line_error(sign_with("sign", "a-1", "--askpass", askpass("yes"), expect=4))
    one_line_error(sign_with("sign", "a-1", "--askpass", "askpass", expect=1), "with its path")
    one_line_error(sign_with("sign", "a-1", "--askpass", "./missing", expect=3), "./missing")
    differs = askpass("wc -l < prompts")
    one_line_error(sign_with("create", "b-1", "--encrypt", "--askpass", differs, expect=1),
                   "the two passphrases", "differ")
    check(not os.path.exists("keys/b-1.pem"), "a key was made")


@test
def without_anybody_to_ask_it_says_what_to_give():
    make_quick("a-1")
    one_line_error(sign_with("sign", "a-1", session=True, expect=4), "keys/a-1.pem",
                   "--passphrase-fd", "--askpass")


class Terminal:
    """suture-sign as the job of a small shell at a terminal. The shell says when the job stops, lets
    it go on at once, and ends with its exit code."""

    def __init__(self, *args):
        self.fd, inner = os.openpty()  # the inner end stays open: the terminal outlives the program
        self.pid = os.fork()
        if self.pid == 0:
            os.login_tty(inner)
            self.be_shell(["suture-sign", "--keys", "keys", *args])
        self.seen = ""

    @staticmethod
    def be_shell(words):
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            os.execv(program(words[0]), words)
        while os.WIFSTOPPED(status := os.waitpid(job, os.WUNTRACED)[1]):
            echo = bool(termios.tcgetattr(0)[3] & termios.ECHO)
            os.write(1, f"[stopped, echo {echo}]".encode())
            os.kill(job, signal.SIGCONT)
        os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))

    def wait_for(self, *words):
        while not all(word in self.seen for word in words):
            ready, _, _ = select.select([self.fd], [], [], START_SECONDS)
            check(ready, f"{words} did not come: {self.seen!r}")
            self.seen += os.read(self.fd, 1000).decode()

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@test
def a_person_is_asked_at_the_terminal_without_echo():
    terminal = Terminal("create", "a-1", "--encrypt")
    terminal.wait_for("New passphrase for the key keys/a-1.pem: ")
    check(not terminal.echoes(), "the terminal echoes")
    terminal.type("secret words\n")
    terminal.wait_for("Once more")
    terminal.type("secret words\n")
    terminal.wait_for('"keyid"')
    check_equal(terminal.end(), 0, terminal.seen)
    check("secret words" not in terminal.seen, terminal.seen)
    check(terminal.echoes(), "the echo is still off")
    fd = passphrase_file("secret words")
    sign_with("sign", "a-1", "--passphrase-fd", fd, fds=[fd])


@test
def the_echo_comes_back_after_an_interruption():
    terminal = Terminal("create", "a-1", "--encrypt")
    terminal.wait_for("New passphrase")
    check(not terminal.echoes(), "the terminal echoes")
    terminal.type("half of it\x03")
    check_equal(terminal.end(), 128 + signal.SIGINT)
    check(terminal.echoes(), "the echo is still off")
    check(not os.path.exists("keys/a-1.pem"), "a key was made")


@test
def after_a_stop_it_asks_again():
    terminal = Terminal("create", "a-1", "--encrypt")
    terminal.wait_for("New passphrase")
    terminal.type("half of it\x1a")
    terminal.wait_for("[stopped, echo True]")
    terminal.seen = terminal.seen.partition("]")[2]
    terminal.wait_for("New passphrase")
    check(not terminal.echoes(), "the terminal echoes")
    terminal.type("whole\n")
    terminal.wait_for("Once more")
    terminal.type("whole\n")
    terminal.wait_for('"keyid"')
    check_equal(terminal.end(), 0)
    fd = passphrase_file("whole")
    sign_with("sign", "a-1", "--passphrase-fd", fd, fds=[fd])


def make_quick(name, passphrase=PASSPHRASE):
    """An encrypted key whose passphrase costs little to try: as openssl writes them."""
    os.makedirs("keys", exist_ok=True)
    write("pass", passphrase + "\n")
    run(OPENSSL, "genpkey", "-algorithm", "ed25519", "-aes-256-cbc", "-pass", "file:pass", "-out",
        f"keys/{name}.pem")
    os.chmod(f"keys/{name}.pem", 0o600)
    if os.path.exists(f"keys/{name}.pub"):
        os.unlink(f"keys/{name}.pub")


PUBLISHERS_KEYS = ["root-1", "root-2", "root-3", "targets-1", "snapshot-1", "timestamp-1", "seal-1"]


@test
def the_publisher_passes_a_passphrase_on_without_reading_it():
    if os.geteuid() != 0:
        skip("only root can see what suture-sign reads")
    for name in PUBLISHERS_KEYS[:-1]:  # the last one is made
        make_quick(name)
        fd = passphrase_file(PASSPHRASE)
        sign_with("public", name, "--passphrase-fd", fd, fds=[fd])
    init = [program("suture-publish"), "-C", "repo", "--keys", "keys", "init"]
    run("/usr/bin/strace", "-f", "-s", "200", "-e", "trace=read,pread64,execve,splice", "-o",
        "trace", *init, "--passphrase-fd", "0", input=PASSPHRASE + "\n", env=TRACED)
    trace = read("trace").decode()
    check(re.search(r"splice\(0, NULL, \d+, NULL, \d+, 0\) += " + str(
        len(PASSPHRASE.encode()) + 1), trace), "the pipe was not spliced")
    readers = re.findall(r"^(\d+) +p?read[0-9]*\(\d+, \"a pass phrase", trace, re.M)
    check(len(readers) > 2, f"suture-sign read it {len(readers)} times")
    signers = re.findall(r"^(\d+) +execve\(\"[^\"]*/suture-sign\"", trace, re.M)
    check_equal(set(readers) - set(signers), set(), "others that read it")
    shutil.rmtree("repo")
    shutil.rmtree("repo.work")
    with open("passphrase") as file:
        done = subprocess.run([*init, "--passphrase-fd", str(file.fileno())],
                              pass_fds=[file.fileno()], stdout=subprocess.PIPE)
    check_equal(done.returncode, 0, "from a file")
    check_equal({key["kind"] for key in json.loads(sign("list").stdout)}, {"encrypted"})


@test
def the_publisher_says_what_is_wrong_with_a_passphrase():
    for name in PUBLISHERS_KEYS:
        make_quick(name)
        fd = passphrase_file(PASSPHRASE)
        sign_with("public", name, "--passphrase-fd", fd, fds=[fd])

    def init(*args, **more):
        return run("suture-publish", "-C", "repo", "--keys", "keys", "init", *args, **more)

    one_line_error(init("--passphrase-fd", "0", input="wrong", expect=4), "not the passphrase of",
                   "keys/root-1.pem")
    one_line_error(init("--passphrase-fd", "0", input="x" * 5000, expect=1), "descriptor 0",
                   "too long")
    one_line_error(init("--passphrase-fd", "99", expect=1), "descriptor 99")
    one_line_error(init("--askpass", askpass("exit 1"), expect=4), "gave no passphrase")
    init("--askpass", askpass(f"echo '{PASSPHRASE}'"))
    check("root-1" in read("prompts").decode())


@test
def the_publisher_locks_a_passphrase_that_it_keeps():
    done = run("/usr/bin/strace", "-e", "trace=mmap,madvise", program("suture-publish"), "-C",
               "repo", "--keys", "keys", "--passphrase-fd", "0", "init", input=PASSPHRASE,
               env=TRACED)
    for call in r"madvise\(.*, 4096, MADV_DONTDUMP\) += 0", r"MAP_PRIVATE\|MAP_LOCKED, \d+, 0\) += 0x":
        check(re.search(call, done.stderr), f"{call} is not in\n{done.stderr}")


@test
def the_publisher_passes_warnings_on_once():
    command = ["/usr/bin/prlimit", "--memlock=0", program("suture-publish"), "-C", "repo", "--keys",
               "keys", "init"]
    if os.geteuid() == 0:  # whom no limit holds
        command[:0] = ["/usr/bin/setpriv", "--bounding-set", "-ipc_lock"]
    one_line_error(run(*command), "suture-sign: secrets may be swapped out", "ulimit -l")


AREA_SIZE_MAX = 256 << 20  # a sanitizer reserves terabytes


class MemoryOf:
    """What can be read of another process's memory."""

    def __init__(self, pid):
        self.areas = []
        flags = None
        with open(f"/proc/{pid}/smaps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
            for line in maps:
                area = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
                if area:
                    start, end = (int(text, 16) for text in area.groups())
                    if end - start > AREA_SIZE_MAX:
                        flags = None
                        continue
                    with contextlib.suppress(OSError, ValueError):
                        memory.seek(start)
                        self.areas.append([memory.read(end - start), None])
                        flags = self.areas[-1]
                elif re.match("[0-9a-f]+-", line):
                    flags = None
                elif line.startswith("VmFlags:") and flags:
                    flags[1] = line.split()[1:]

    def flags_around(self, secret):
        """The flags of each area that holds the bytes."""
        return [flags for content, flags in self.areas if secret in content]


@test
def nothing_secret_is_left_outside_locked_memory():
    if os.geteuid() != 0:
        skip("needs root to look into another process")
    seeds = {}
    for name in ("a-1", "b-1"):
        create(name)
        der = run(OPENSSL, "pkey", "-in", f"keys/{name}.pem", "-outform", "DER", text=False).stdout
        seeds[name] = der[-32:]
    new = passphrase_file(PASSPHRASE)
    sign_with("passphrase", "b-1", "--new-passphrase-fd", new, fds=[new])
    plain = b"".join(read("keys/a-1.pem").split(b"\n")[1:2])
    make_ec()
    os.mkfifo("go")
    add("c-1", "ec.pub.pem", script(f"echo > here; read line < go; {OPENSSL} dgst -sha256 -sign "
                                    + os.path.abspath("ec.pem")))
    write("text", "text")
    with open("text") as text:
        process = subprocess.Popen([program("suture-sign"), "--keys", "keys", "sign", "a-1", "b-1",
                                    "c-1", "--passphrase-fd", str(new)], stdin=text, pass_fds=[new],
                                   stdout=subprocess.PIPE)
    try:
        end = time.monotonic() + START_SECONDS
        while not os.path.exists("here") and time.monotonic() < end:
            time.sleep(0.01)
        memory = MemoryOf(process.pid)
        with open("go", "w") as go:
            go.write("go\n")
        output, _ = process.communicate()
    finally:
        process.kill()
    check_equal(len(json.loads(output)), 3)
    check(memory.flags_around(b"keys/") or memory.flags_around(b"--passphrase-fd"), "nothing read")
    for name, seed in seeds.items():
        check_equal(memory.flags_around(seed), [], f"the key {name} is left in memory")
    check_equal(memory.flags_around(plain[20:60]), [], "the text of a key is left in memory")
    held = memory.flags_around(PASSPHRASE.encode())
    check_equal(len(held), 1, "places of the passphrase, which may serve another key")
    check({"lo", "dd"} <= set(held[0]), f"locked and not dumped: {held}")


main()
