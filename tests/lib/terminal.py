# SPDX-License-Identifier: Apache-2.0
"""Running a program on a terminal.

    text, code = on_a_terminal(program("suture"), "status", TERM="xterm", columns=60)
    lines = screen_of(text)
"""
import fcntl
import os
import pty
import struct
import termios


def on_a_terminal(*args, columns=80, **environment):
    """What a program prints on a terminal of so many columns, and its exit code. Variables that are
    None are not set."""
    pid, terminal = pty.fork()
    if pid == 0:
        for name, value in environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(args[0], args)
    text = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        text += data
    os.close(terminal)
    return text.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def screen_of(text):
    """What is left to read on the terminal."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = "" if part.startswith("\033[K") else part + shown[len(part):]
            if part.startswith("\033[K"):
                shown = part[len("\033[K"):]
        lines.append(shown)
    return lines
