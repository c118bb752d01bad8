# SPDX-License-Identifier: Apache-2.0
"""suture-fetch, driven over its socket as suture-stage drives it (device/fetch/request.h)."""
import os
import socket
import subprocess

from tap import *


def settings(timeout=0, bandwidth=0, any_redirect=False, in_background=False, **texts):
    """The packet that comes first (device/fetch/settings.h). `texts`: proxy, ca_file, http_proxy, …"""
    lines = ["SETTINGS 1", f"timeout {timeout}", f"bandwidth {bandwidth}",
             f"redirects {'any' if any_redirect else 'same'}",
             f"background {'yes' if in_background else 'no'}"]
    lines += [f"{key} {texts[key.replace('-', '_')]}"
              for key in ("proxy", "ca-file", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
              if key.replace("-", "_") in texts]
    return "".join(line + "\n" for line in lines).encode()


class Fetch:
    """A running suture-fetch. The file of each request is a temporary one that only root can open.
    With a timeout of a second the pauses between tries are short too. `first`: what is sent instead
    of the settings."""

    def __init__(self, *, under=(), env=None, first=None, **wanted):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.send(settings(**wanted) if first is None else first)
        self.ours.settimeout(60)

        def place():
            os.dup2(theirs.fileno(), 3)
        self.process = subprocess.Popen([*under, program("suture-fetch")],
                                        preexec_fn=place, pass_fds=[3], text=True,
                                        env=dict(os.environ, **(env or {})),
                                        stderr=subprocess.PIPE)
        theirs.close()
        self.progress = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ours.close()
        self.process.kill() if self.process.poll() is None and self.end() is None else None
        self.process.stderr.close()

    def end(self):
        """Closes the socket: it has to end by itself."""
        self.ours.close()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            return None

    def send(self, text, file):
        socket.send_fds(self.ours, [text.encode()], [file.fileno()] if file else [])

    def reply(self):
        """The words of the reply that ends a request."""
        while True:
            words = self.ours.recv(4096).decode().split(" ", 4)
            if words[0] != "PROGRESS":
                return words
            self.progress.append(int(words[1]))

    def get(self, url, *, max=1_000_000, offset=0, tag="-", have=b""):
        """The reply's words, and what is in the file afterwards."""
        with open("file", "w+b") as file:
            os.chmod("file", 0o600)
            file.write(have)
            file.flush()
            self.send(f"GET {max} {offset} {tag} {url}", file)
            words = self.reply()
            file.seek(0)
            return words, file.read()


def done(answer, status, size):
    words, data = answer
    check_equal(words[:3], ["DONE", str(status), str(size)], " ".join(words))
    return data


def failed(answer, *numbers):
    words, data = answer
    check_equal(words[0], "FAILED", " ".join(words))
    check(int(words[1]) in numbers, " ".join(words))
    return words, data
