# SPDX-License-Identifier: Apache-2.0
"""A guide of doc/ whose every command is run. In its ```sh blocks each line is a command by itself;
`# waits` or `# refused` behind one says how it ends."""
import os
import subprocess

from tap import BUILD, SOURCE, check, read

CODES = {"": (0,), "waits": (5,), "refused": (1, 2, 3, 4, 6)}


class Guide:
    def __init__(self, page, machine):
        self.page, self.machine, self.followed = os.path.join(SOURCE, page), machine, set()

    def sections(self):
        """{heading: its shell commands}"""
        found, title, in_code = {}, "", False
        for line in read(self.page).decode().splitlines():
            if line.startswith("```"):
                in_code = line == "```sh"
            elif in_code:
                found[title].append(line.replace("x86_64", self.machine))
            elif line.startswith("#"):
                title = line.strip("# ")
                found[title] = []
        return {name: lines for name, lines in found.items() if lines}

    def follow(self, title):
        """Runs a section's commands; each must end as the mark behind it says. What they printed."""
        told = ""
        env = dict(os.environ, PATH=f"{BUILD}:{os.environ['PATH']}", SUTURE=SOURCE)
        self.followed.add(title)
        for line in self.sections()[title]:
            command, _, mark = line.partition("  # ")
            done = subprocess.run(["/bin/sh", "-c", command], env=env, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            check(done.returncode in CODES[mark], f"{line}: exit {done.returncode}\n{done.stdout}")
            told += done.stdout
        return told
