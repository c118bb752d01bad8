# SPDX-License-Identifier: Apache-2.0
"""A virtual machine under QEMU without KVM, driven over a virtio-serial port: no network, no login.

    vm = Machine(image, folder, options="systemd.mask=foo.service")
    vm.start()
    vm.wait_for_agent()
    vm.run("uname -r").output

Every wait has an end: Timeout. The console is in folder/serial.
"""
import functools
import json
import os
import re
import select
import shlex
import socket
import subprocess
import time

PATIENCE = float(os.environ.get("SUTURE_DEVICE_PATIENCE", "1"))  # for machines that are slower still
BOOT_SECONDS = 180 * PATIENCE
RUN_SECONDS = 60 * PATIENCE
MEMORY = 768
BOOT_SIZE = 1 << 16  # of the boot loader's disk
BUSYBOX = "/usr/lib/device/busybox"

# Without mitigations and with a trusted generator an emulated processor boots in half the time.
KERNEL_OPTIONS = ("console=ttyS0 quiet loglevel=5 systemd.show_status=error "
                  "mitigations=off no5lvl random.trust_cpu=1 net.ifnames=0 tsc=reliable audit=0 "
                  "lsm=landlock,yama panic=-1 ")


@functools.cache
def clock_options(ticks):
    """The speed of the time stamp counter, so that the kernel need not measure it: see ticks.c."""
    done = subprocess.run([ticks], capture_output=True, text=True, check=True)
    return f"tsc_early_khz={done.stdout.strip()} " if done.stdout else ""


class Timeout(Exception):
    pass


class Restarted(Exception):
    """The guest began anew while a command was running in it."""


class Result:
    def __init__(self, code, output, error):
        self.code, self.output, self.error = code, output, error

    @property
    def text(self):
        """The output without its last newline."""
        return self.output.rstrip("\n")


class Machine:
    """One QEMU process after another on the same disks: what cut() or poweroff() ended, start() begins
    again. The agent's lines and bytes are described in agent.c."""

    def __init__(self, image, folder, options="", seconds=BOOT_SECONDS):
        self.image, self.folder, self.options, self.boot_seconds = image, folder, options, seconds
        self.process = self.port = None
        self.factory_state = image.var_disk  # what the state disk is made of
        self.log = None  # the path of a file that start() begins anew: every write to the state disk
        self.buffer = b""
        self.boot_id = self.uptime = None
        os.makedirs(folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def state_disk(self):
        return self.path("var.qcow2")

    def disks(self):
        """What can be written, each with its size and what it is made of: {path: (size, of)}."""
        size = self.image.slot_size()
        return {self.path("a.qcow2"): (size, self.image.root_disk), self.path("b.qcow2"): (size, None),
                self.path("boot.qcow2"): (BOOT_SIZE, None),
                self.state_disk: (os.path.getsize(self.factory_state), self.factory_state)}

    # --- the process

    def kernel_options(self):
        return KERNEL_OPTIONS + clock_options(self.image.path("ticks")) + self.options

    def command(self):
        def disk(path, form, more=""):
            return ["-drive", f"if=none,id={form[0]},file={path},{form[1]}{more}",
                    "-device", f"virtio-blk-pci,drive={form[0]}"]

        def logged_disk(path, log):
            # Of discards the log's driver keeps no bytes; of zeros it has mixed up the order.
            return ["-drive", "if=none,id=var,driver=blklogwrites,file.driver=qcow2,file.file.driver=file,"
                    f"file.file.filename={path},log.driver=file,log.filename={log}",
                    "-device", "virtio-blk-pci,drive=var,discard=off,write-zeroes=off"]

        return ["qemu-system-x86_64", "-M", "pc", "-accel", "tcg,thread=multi,tb-size=256",
                # QEMU 7.2 computes cmpxchg16b's flags wrongly with more than one processor.
                "-cpu", "max,cx16=off,la57=off", "-smp", "2", "-m", str(MEMORY),
                "-uuid", "53757475-7265-4000-8000-000000000001",
                "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none",
                "-kernel", self.image.kernel, "-initrd", self.image.initrd,
                "-append", self.kernel_options(),
                "-chardev", f"file,id=console,path={self.path('serial')},append=on",
                "-serial", "chardev:console",
                *disk(self.path("a.qcow2"), ("a", "format=qcow2")),
                *(logged_disk(self.state_disk, self.log) if self.log else
                  disk(self.state_disk, ("var", "format=qcow2"))),
                *disk(self.image.repository_disk, ("repo", "format=raw"), ",read-only=on"),
                *disk(self.path("b.qcow2"), ("b", "format=qcow2")),
                *disk(self.path("boot.qcow2"), ("boot", "format=qcow2")),
                "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=agent,path={self.path('agent')},server=on,wait=off",
                "-device", "virtserialport,chardev=agent,name=suture.test",
                "-qmp", f"unix:{self.path('qmp')},server=on,wait=off"]

    def start(self, snapshot=None):
        """Powers on; or goes on where save() was called on these disks."""
        for name in "agent", "qmp":
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        more = ["-loadvm", snapshot] if snapshot else []
        if self.log:
            open(self.log, "wb").close()
        with open(self.path("qemu.log"), "ab") as log:
            self.process = subprocess.Popen([*self.command(), *more], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        self.buffer = b""
        self.port = self.connect("agent")
        return self

    def connect(self, name):
        end = time.monotonic() + 30 * PATIENCE
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(self.path(name))
                return connection
            except OSError:
                connection.close()
            if self.process.poll() is not None:
                with open(self.path("qemu.log"), encoding="utf-8") as log:
                    raise RuntimeError(f"QEMU ended: {log.read()}")
            if time.monotonic() > end:
                raise Timeout("QEMU does not listen")
            time.sleep(0.02)

    def monitor(self, command):
        """A line to QEMU's own monitor."""
        with self.connect("qmp") as connection, connection.makefile("rw") as stream:
            stream.readline()  # its greeting
            for request in ({"execute": "qmp_capabilities"},
                            {"execute": "human-monitor-command",
                             "arguments": {"command-line": command}}):
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                answer = json.loads(stream.readline())
                while "event" in answer:
                    answer = json.loads(stream.readline())
        if answer.get("return") != "":
            raise RuntimeError(f"QEMU: {command}: {answer}")

    def save(self, name):
        """Puts memory and disks, as they are now, into the disks' files."""
        self.monitor(f"savevm {name}")

    def cut(self):
        """Cuts the power."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.port.close()
        self.process = None

    def wait_for_end(self, seconds=None):
        try:
            self.process.wait(seconds or self.boot_seconds)
        except subprocess.TimeoutExpired:
            raise Timeout("the machine does not power off") from None
        self.cut()

    def console(self):
        with open(self.path("serial"), encoding="utf-8", errors="replace") as file:
            return file.read()

    # --- the agent

    def receive(self, end):
        ready, _, _ = select.select([self.port], [], [], max(0, end - time.monotonic()))
        if not ready:
            raise Timeout("the agent says nothing")
        data = self.port.recv(1 << 20)
        if not data:
            raise Timeout("the machine is gone")
        self.buffer += data

    def read_line(self, end):
        while b"\n" not in self.buffer:
            self.receive(end)
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode(errors="replace")

    def read_bytes(self, size, end):
        while len(self.buffer) < size:
            self.receive(end)
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def take_ready(self, line):
        found = re.fullmatch(r"ready (\S+) (\S+)", line)
        if found:
            self.boot_id, self.uptime = found[1], float(found[2])
        return bool(found)

    def wait_for_agent(self, seconds=None):
        """Waits for the agent of the next boot or soft-reboot."""
        end = time.monotonic() + (seconds or self.boot_seconds)
        while not self.take_ready(self.read_line(end)):
            pass

    def restart(self, command):
        """Runs a command that ends this boot, and waits for the agent of the next: the agent may be
        stopped before it can say how the command went."""
        self.send(["/bin/sh", "-c", command], int(RUN_SECONDS))
        self.wait_for_agent()

    def send(self, arguments, seconds, data=b""):
        words = b"".join(word.encode() + b"\0" for word in arguments)
        self.port.sendall(b"run %d %d %d\n" % (seconds, len(words), len(data)) + words + data)

    def exchange(self, arguments, seconds, data=b""):
        """The exit code and both outputs, as bytes, of one program."""
        end = time.monotonic() + seconds + 30
        self.send(arguments, seconds, data)
        while True:
            line = self.read_line(end)
            if self.take_ready(line):
                raise Restarted(f"while this ran: {shlex.join(arguments)}")
            found = re.fullmatch(r"done (\d+) (\d+) (\d+)", line)
            if found:
                break
        code, *sizes = map(int, found.groups())
        return code, *[self.read_bytes(size, end) for size in sizes]

    def run(self, command, *, expect=0, seconds=RUN_SECONDS, data="", shell="/bin/sh"):
        """Runs a shell command. `expect`: its exit code, or None for any. With shell=BUSYBOX it works
        without a C library."""
        arguments = [BUSYBOX, "sh", "-c", command] if shell == BUSYBOX else [shell, "-c", command]
        code, output, error = self.exchange(arguments, int(seconds),
                                            data.encode() if isinstance(data, str) else data)
        result = Result(code, output.decode(errors="replace"), error.decode(errors="replace"))
        if expect is not None and code != expect:
            raise AssertionError(f"in the guest: {command}: exit {code}, not {expect}\n"
                                 f"{result.output}{result.error}")
        return result

    def put(self, path, data):
        """Writes a file in the guest."""
        self.run(f"{BUSYBOX} cat > {shlex.quote(path)}", data=data, shell=BUSYBOX)

    def get(self, path):
        """The bytes of a file in the guest."""
        code, output, error = self.exchange([BUSYBOX, "cat", path], int(RUN_SECONDS))
        if code != 0:
            raise AssertionError(f"in the guest: {path}: {error.decode(errors='replace')}")
        return output
