#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""suture-sign: the rules of key files, and signatures that others can check."""
import contextlib
import json
import re
import stat
import time

from tap import *

START_SECONDS = 20  # a loaded machine may take a while to start a program


def sign(*args, **more):
    return run("suture-sign", "--keys", "keys", *args, **more)


def create(name):
    return json.loads(sign("create", name).stdout)


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
               "--keys", "keys", "sign", "a-1", input="x", expect=None)
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


main()
