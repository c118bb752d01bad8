# SPDX-License-Identifier: Apache-2.0
"""suture-sign with keys that lie elsewhere: programs that sign, and a PKCS#11 token."""
import json
import stat

from keyholder import *
from tap import *

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


@test
def external_signers_of_every_kind_of_key_sign():
    make_key("ed", "-algorithm", "ed25519")
    make_ec()
    make_key("rsa", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    added = [add_openssl("b-ec", "ec"), add_openssl("c-rsa", "rsa", *PSS)]
    signer = script(f"{OPENSSL} pkeyutl -sign -rawin -inkey $1 -in /dev/stdin")
    added[:0] = [json.loads(add("a-ed", "ed.pub.pem", signer, os.path.abspath("ed.pem")).stdout)]
    create("d-file")
    signatures = json.loads(sign("sign", "c-rsa", "b-ec", "a-ed", "d-file", input="text").stdout)
    check_equal([entry["keyid"] for entry in signatures[:3]],
                [entry["keyid"] for entry in reversed(added)])
    verify_with_openssl(read("rsa.pub.pem"), "text", bytes.fromhex(signatures[0]["sig"]), *PSS)
    verify_with_openssl(read("ec.pub.pem"), "text", bytes.fromhex(signatures[1]["sig"]))
    check_equal(len(signatures[2]["sig"]), 128)
    check_equal([(k["key"]["keytype"], k["key"]["scheme"]) for k in added],
                [("ed25519", "ed25519"), ("ecdsa", "ecdsa-sha2-nistp256"),
                 ("rsa", "rsassa-pss-sha256")])
    check_equal(added[1]["key"]["keyval"]["public"], read("ec.pub.pem").decode())
    listed = json.loads(sign("list").stdout)
    check_equal([key.pop("kind") for key in listed], ["external"] * 3 + ["file"])
    check_equal(listed[:3], added)
    check_equal(json.loads(sign("public", "b-ec").stdout), added[1])
    check_equal(stat.S_IMODE(os.stat("keys/b-ec.json").st_mode), 0o600)


@test
def a_raw_ecdsa_signature_becomes_der():
    make_ec()
    # What PKCS#11 prints: r and s, taken out of DER by a program that is not ours.
    write("raw.py", """
import subprocess, sys
der = subprocess.run(["/usr/bin/openssl", "dgst", "-sha256", "-sign", sys.argv[1]],
                     stdin=0, stdout=subprocess.PIPE, check=True).stdout
r = der[4:4 + der[3]]
s = der[4 + der[3] + 2:]
sys.stdout.buffer.write(b"".join(x[-32:].rjust(32, b"\\0") for x in (r, s)))
""")
    add("a-1", "ec.pub.pem", "/usr/bin/python3", os.path.abspath("raw.py"), os.path.abspath("ec.pem"))
    for number in range(4):
        [entry] = json.loads(sign("sign", "a-1", input=f"text {number}").stdout)
        check_equal(entry["sig"][:2], "30")
        verify_with_openssl(read("ec.pub.pem"), f"text {number}", bytes.fromhex(entry["sig"]))


@test
def what_is_no_signature_by_the_key_is_not_passed_on():
    make_ec()
    make_ec("other")
    make_key("rsa", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    create("good")
    cases = {
        "other": f"{OPENSSL} dgst -sha256 -sign {os.path.abspath('other.pem')}",
        "text": f"echo text | {OPENSSL} dgst -sha256 -sign {os.path.abspath('ec.pem')}",
        "twice": f"{OPENSSL} dgst -sha256 -sign {os.path.abspath('ec.pem')}; echo",
        "nothing": "exit 0",
        "raw": "head -c 64 /dev/zero",
        "endless": "exec cat /dev/zero",
    }
    for name, text in cases.items():
        add(name, "ec.pub.pem", script(text, f"signer-{name}"))
        done = sign("sign", "good", name, input="x", expect=6)
        one_line_error(done, f"{name}: ", f"signer-{name}")
        check_equal(done.stdout, "")
    add_openssl("pkcs1", "rsa")  # a signature by the key, but of the wrong scheme
    one_line_error(sign("sign", "pkcs1", input="x", expect=6), "is no signature by this key")


@test
def what_a_signer_complains_of_is_shown():
    make_ec()
    add("a-1", "ec.pub.pem", script("echo first >&2; echo 'signer: the card is locked' >&2; exit 7"))
    one_line_error(sign("sign", "a-1", input="x", expect=1), "a-1: ", "did not sign: ",
                   "the card is locked")
    add("b-1", "ec.pub.pem", script("exit 7", "silent"))
    one_line_error(sign("sign", "b-1", input="x", expect=1), "did not sign: it ended with 7")
    os.unlink("silent")
    one_line_error(sign("sign", "b-1", input="x", expect=3), "did not sign: cannot run", "silent")


@test
def a_signer_gets_the_bytes_and_the_environment_only():
    make_ec()
    signer = script("env > seen; ls /proc/self/fd > fds; tee message | "
                    f"{OPENSSL} dgst -sha256 -sign {os.path.abspath('ec.pem')}")
    add("a-1", "ec.pub.pem", signer)
    fd = passphrase_file(PASSPHRASE)
    sign_with("sign", "a-1", "--passphrase-fd", fd, fds=[fd], env={"PIN_FOR_TEST": "1"}, input="a\nb")
    check_equal(read("message"), b"a\nb")
    check("PIN_FOR_TEST=1" in read("seen").decode())
    check_equal(read("fds").decode().split(), ["0", "1", "2", "3"])  # 3 is of ls itself


@test
def public_halves_of_other_kinds_are_refused():
    make_ec()
    make_ec("p384", "P-384")
    make_key("small", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
    make_key("pss", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048")
    run(OPENSSL, "req", "-x509", "-new", "-key", "ec.pem", "-subj", "/CN=x", "-out", "cert.pub.pem")
    run(OPENSSL, "pkey", "-in", "ec.pem", "-pubout", "-outform", "DER", "-out", "der.pub.pem")
    write("empty.pub.pem")
    shutil.copy(os.path.join(SOURCE, "tests/vectors/publickey/bad-explicit-curve.pem"),
                "explicit.pub.pem")
    for name in ("p384", "small", "pss", "explicit"):
        one_line_error(add("a-1", f"{name}.pub.pem", OPENSSL, expect=6), f"{name}.pub.pem: neither")
    for name in ("cert", "der", "empty"):
        one_line_error(add("a-1", f"{name}.pub.pem", OPENSSL, expect=6), "no public key in PEM",
                       "openssl x509 -pubkey")
    one_line_error(add("a-1", "ec.pem", OPENSSL, expect=6), "no public key in PEM")
    one_line_error(add("a-1", "missing", OPENSSL, expect=3), "cannot read missing")
    one_line_error(add("a-1", "ec.pub.pem", "openssl", expect=1), "whole path")
    one_line_error(add("a-1", "ec.pub.pem", "/missing", expect=3), "cannot run /missing")
    one_line_error(add("a-1", "ec.pub.pem", OPENSSL, "a\nb", expect=1), "not printable")
    one_line_error(add("a-1", "ec.pub.pem", OPENSSL, "\udcff", expect=1), "not printable UTF-8")
    one_line_error(add("../a", "ec.pub.pem", OPENSSL, expect=1), "is no name for a key")
    one_line_error(sign("add", "a-1", expect=1), "--public")
    check(not os.path.exists("keys"), "something was kept")


@test
def a_name_is_that_of_one_key():
    make_ec()
    create("a-1")
    add_openssl("b-1", "ec")
    one_line_error(add("a-1", "ec.pub.pem", OPENSSL, expect=1), "there is a key keys/a-1.pem")
    one_line_error(sign("create", "b-1", expect=1), "there is a key keys/b-1.json")
    one_line_error(sign("passphrase", "b-1", expect=1), "another key store")
    shutil.copy("keys/a-1.pem", "keys/b-1.pem")
    for verb in (["list"], ["sign", "b-1"], ["public", "b-1"]):
        one_line_error(sign(*verb, input="x", expect=1), "keys of one name")


@test
def a_signers_file_that_others_could_change_is_refused():
    make_ec()
    add_openssl("a-1", "ec")
    good = json.loads(read("keys/a-1.json"))
    for mode in (0o620, 0o602):
        os.chmod("keys/a-1.json", mode)
        one_line_error(sign("sign", "a-1", input="x", expect=4), "keys/a-1.json may be written")
    os.chmod("keys/a-1.json", 0o600)
    if os.geteuid() == 0:
        os.chown("keys/a-1.json", 0, 12345)
        sign("sign", "a-1", input="x")
        os.chown("keys/a-1.json", 12345, 0)
        one_line_error(sign("sign", "a-1", input="x", expect=4), "keys/a-1.json may be written")
        os.chown("keys/a-1.json", 0, 0)
    for wrong in (dict(good, schema=2), dict(good, more=1), dict(good, program="openssl"),
                  dict(good, arguments="x"), dict(good, arguments=[1]), dict(good, key="x"), []):
        write("keys/a-1.json", json.dumps(wrong))
        one_line_error(sign("sign", "a-1", input="x", expect=6), "keys/a-1.json: ")
    for key in ({}, dict(good["key"], keytype="dsa"), dict(good["key"], keyval={"public": "x"})):
        write("keys/a-1.json", json.dumps(dict(good, key=key)))
        one_line_error(sign("sign", "a-1", input="x", expect=6), "is no signature by this key")
    write("keys/a-1.json", "x" * 70000)
    sign("sign", "a-1", input="x", expect=1)


def softhsm(*args):
    return run("/usr/bin/softhsm2-util", *args)


def pkcs11(*args, **more):
    return run("/usr/bin/pkcs11-tool", "--module", SOFTHSM, "--token-label", "suture", *args, **more)


def make_token():
    """A token with a P-256 key, 01, and one of RSA, 02; and their public halves 01.pem, 02.pem."""
    for path in (SOFTHSM, "/usr/bin/pkcs11-tool", "/usr/bin/softhsm2-util"):
        if not os.path.exists(path):
            skip(f"no {path}")
    os.mkdir("tokens")
    write("softhsm2.conf", f"directories.tokendir = {os.path.abspath('tokens')}\n"
          "objectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = os.path.abspath("softhsm2.conf")
    softhsm("--init-token", "--free", "--label", "suture", "--so-pin", "1234", "--pin", "5678")
    for number, kind in (("01", "EC:prime256v1"), ("02", "rsa:2048")):
        pkcs11("--login", "--pin", "5678", "--keypairgen", "--key-type", kind, "--id", number)
        pkcs11("--read-object", "--type", "pubkey", "--id", number, "--output-file", f"{number}.der")
        run(OPENSSL, "pkey", "-pubin", "-inform", "DER", "-in", f"{number}.der", "-out",
            f"{number}.pem")


@test
def a_pkcs11_token_signs():
    make_token()
    example = os.path.join(SOURCE, "examples/signers/pkcs11")
    for name, number, kind in (("ec-1", "01", "ecdsa"), ("rsa-1", "02", "rsa")):
        add(name, f"{number}.pem", example, SOFTHSM, "suture", number, kind)
    write("pin", "5678\n", mode=0o600)
    for env in ({"SUTURE_PKCS11_PIN": "5678"}, {"SUTURE_PKCS11_PIN_FILE": os.path.abspath("pin")}):
        done = sign("sign", "ec-1", "rsa-1", input="text", env=env)
        ec, rsa = [bytes.fromhex(entry["sig"]) for entry in json.loads(done.stdout)]
        verify_with_openssl(read("01.pem"), "text", ec)
        verify_with_openssl(read("02.pem"), "text", rsa, *PSS)
    done = sign("sign", "ec-1", input="text", env={"SUTURE_PKCS11_PIN": "0000"}, expect=1)
    one_line_error(done, "ec-1: ", "CKR_PIN_INCORRECT")
    add("swapped-1", "02.pem", example, SOFTHSM, "suture", "01", "ecdsa")
    one_line_error(sign("sign", "swapped-1", input="text", env={"SUTURE_PKCS11_PIN": "5678"},
                        expect=6), "is no signature by this key")


main()
