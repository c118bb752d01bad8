# SPDX-License-Identifier: Apache-2.0
"""Who holds keys, in tests of suture-sign: its calls, keys that only OpenSSL has, and programs that
sign with them."""
import json
import os
import subprocess

from tap import check_equal, program, run, write

PASSPHRASE = "a pass phrase, with ümlauts"
OPENSSL = "/usr/bin/openssl"
PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]


def sign(*args, **more):
    return run("suture-sign", "--keys", "keys", *args, **more)


def create(name):
    return json.loads(sign("create", name).stdout)


def passphrase_file(text, name="passphrase"):
    write(name, text)
    return os.open(name, os.O_RDONLY)


def sign_with(*args, fds=(), expect=0, input="text", env=None, session=False):
    """suture-sign with descriptors, and with `session` without a terminal."""
    done = subprocess.run([program("suture-sign"), "--keys", "keys", *map(str, args)], text=True,
                          input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          pass_fds=fds, env=dict(os.environ, **(env or {})),
                          start_new_session=session)
    check_equal(done.returncode, expect, f"exit of {args}: {done.stderr}")
    return done


def verify_with_openssl(public, text, signature, *options):
    write("public.pem", public)
    write("text", text)
    write("signature", signature)
    run(OPENSSL, "dgst", "-sha256", *options, "-verify", "public.pem", "-signature", "signature",
        "text")


def make_key(name, *options):
    """A key that only OpenSSL holds, NAME.pem, and its public half, NAME.pub.pem."""
    run(OPENSSL, "genpkey", *options, "-out", f"{name}.pem")
    return run(OPENSSL, "pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub.pem")


def make_ec(name="ec", curve="P-256"):
    make_key(name, "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")


def script(text, name="signer"):
    write(name, f"#!/bin/sh\n{text}\n", 0o755)
    return os.path.abspath(name)


def add(name, public, program, *arguments, expect=0):
    more = [word for text in arguments for word in ("--argument", text)]
    return sign("add", name, "--public", public, "--program", program, *more, expect=expect)


def add_openssl(name, key, *options):
    """A signer that is openssl itself: `openssl dgst -sha256 … -sign KEY`."""
    return json.loads(add(name, f"{key}.pub.pem", OPENSSL, "dgst", "-sha256", *options, "-sign",
                          os.path.abspath(f"{key}.pem")).stdout)
