# SPDX-License-Identifier: Apache-2.0
"""The servers of the demo: nginx as the web server of the repository and as the service that is
protected, each in a root folder of its own, and a client that never stops asking."""
import contextlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

START_SECONDS = 15  # a loaded machine may take a while to start a server

NGINX = """
user root;
worker_processes 2;
pid /run/nginx.pid;
error_log /run/error.log;
events { worker_connections 256; }
http {
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path /run/body; proxy_temp_path /run/proxy; fastcgi_temp_path /run/fcgi;
    uwsgi_temp_path /run/uwsgi; scgi_temp_path /run/scgi;
    server { %s }
}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what):
    end = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} takes more than {START_SECONDS} s")
        time.sleep(0.02)


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def make_nginx_root(root, server):
    """What nginx wants to find besides its own package."""
    write(os.path.join(root, "etc/nginx/demo.conf"), NGINX % server)
    write(os.path.join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/false\n")
    write(os.path.join(root, "etc/group"), "root:x:0:\n")
    for folder in "run", "dev", "proc", "var/log/nginx":
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    null = os.path.join(root, "dev/null")
    if not os.path.exists(null):
        os.mknod(null, 0o20666, os.makedev(1, 3))


class Nginx:
    """nginx in a root folder. Its restart is the graceful one: a new master takes over the listening
    sockets before the old one ends, so that no request is lost."""
    name = "nginx"

    def __init__(self, root, server, port):
        self.root, self.port = root, port
        make_nginx_root(root, server)

    def __enter__(self):
        # It has to leave its parent: nginx ignores the signal for a new master otherwise
        subprocess.run(["chroot", self.root, "/usr/sbin/nginx", "-c", "/etc/nginx/demo.conf"],
                       check=True, stderr=subprocess.DEVNULL)
        wait_until(lambda: answers(self.port) and self.pid(), "nginx's start")
        self.masters = {self.pid()}
        return self

    def pid(self):
        try:
            with open(os.path.join(self.root, "run/nginx.pid")) as file:
                return int(file.read() or 0)
        except (FileNotFoundError, ValueError):
            return 0

    def workers(self, master):
        try:
            with open(f"/proc/{master}/task/{master}/children") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def restart(self):
        old = self.pid()
        old_workers = self.workers(old)  # later the new master is among its children
        os.kill(old, signal.SIGUSR2)
        wait_until(lambda: self.pid() not in (0, old) and self.workers(self.pid()),
                   "nginx's new master")
        self.masters.add(self.pid())
        os.kill(old, signal.SIGQUIT)
        wait_until(lambda: not any(is_alive(pid) for pid in [old, *old_workers]),
                   "the end of nginx's old master")

    def __exit__(self, *_):
        for master in self.masters:
            with contextlib.suppress(ProcessLookupError):
                os.kill(master, signal.SIGTERM)
        wait_until(lambda: not any(is_alive(master) for master in self.masters), "nginx's end")


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def tls_nginx(root):
    """nginx answering over TLS, with the TLS library of its root folder."""
    port = free_port()
    os.makedirs(os.path.join(root, "etc/nginx/tls"), exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-keyout", os.path.join(root, "etc/nginx/tls/key.pem"),
                    "-out", os.path.join(root, "etc/nginx/tls/certificate.pem")],
                   check=True, capture_output=True)
    server = (f"listen 127.0.0.1:{port} ssl; ssl_certificate /etc/nginx/tls/certificate.pem; "
              "ssl_certificate_key /etc/nginx/tls/key.pem; location / { return 200 'well\\n'; }")
    daemon = Nginx(root, server, port)
    daemon.tls = True
    return daemon


@contextlib.contextmanager
def web_server(folder, root, base):
    """Serves a folder with nginx over plain HTTP: the signatures, not the transport, are what counts.
    Without an nginx in the base (the example component), Python's own server does."""
    if not os.path.exists(os.path.join(base, "usr/sbin/nginx")):
        with python_server(folder) as url:
            yield url
        return
    port = free_port()
    shutil.copytree(base, root, symlinks=True)
    os.makedirs(os.path.join(root, "srv"))
    subprocess.run(["mount", "--bind", folder, os.path.join(root, "srv")], check=True)
    with Nginx(root, f"listen 127.0.0.1:{port}; root /srv; etag on;", port):
        yield f"http://127.0.0.1:{port}/"
    subprocess.run(["umount", os.path.join(root, "srv")], check=True)
    shutil.rmtree(root)


@contextlib.contextmanager
def python_server(folder):
    port = free_port()
    process = subprocess.Popen(["/usr/bin/python3", "-m", "http.server", str(port), "--bind",
                                "127.0.0.1", "--directory", folder],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port), "the web server's start")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


class Client:
    """Asks the service again and again, each time over a new connection, and counts."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.requests = self.failures = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.ask_on)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def ask_on(self):
        while not self.stop.is_set():
            self.requests += 1
            try:
                self.ask()
            except (OSError, http.client.HTTPException):
                self.failures += 1
            time.sleep(0.002)

    def ask(self):
        if getattr(self.daemon, "tls", False):
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection("127.0.0.1", self.daemon.port, timeout=10,
                                                     context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=10)
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise http.client.HTTPException(f"status {answer.status}")
