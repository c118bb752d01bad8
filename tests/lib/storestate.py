# SPDX-License-Identifier: Apache-2.0
"""What a store says, and what it may say after the power was cut: read without Suture's help.

Each step of a device's life ends with a mark: what the store said when the program had returned is
promised from then on. A disk that was cut during a step may be as before the step or as after it, in
each thing apart, and not otherwise. tests/lib/powercut.py has the life of the programs alone,
tests/device/cuts.py that of a machine."""
import json
import os
import re

from tap import check, check_equal, read

UNFINISHED = re.compile(r"\.\d+\.tmp$")


class State:
    """What a store says, read without Suture's help."""

    def __init__(self, store):
        self.store = store
        link = os.path.join(store, "current")
        self.current = os.path.basename(os.readlink(link)) if os.path.islink(link) else "0"
        self.removed = self.file("removed")
        # which boot grafted it last is no promise
        self.trial = re.sub("^boot .*\n", "", self.file("trial") or "", flags=re.M) or None
        if self.trial:  # which boot grafted it last is no promise
            self.trial = re.sub("^boot .*\n", "", self.trial, flags=re.M)
        self.history = self.file("history") or ""
        self.generations = self.folder("generations", r"\d+")
        self.bad = self.folder("bad", "[0-9a-f]{64}")
        self.versions = {name: json.loads(text)["signed"]["version"] for folder in ("metadata", "roots")
                         for name, text in self.folder(folder, r".*\.json").items()}

    def file(self, name):
        path = os.path.join(self.store, name)
        return read(path).decode() if os.path.exists(path) else None

    def folder(self, folder, pattern):
        path = os.path.join(self.store, folder)
        names = os.listdir(path) if os.path.isdir(path) else []
        return {name: self.file(os.path.join(folder, name)) for name in names
                if re.fullmatch(pattern, name)}

    def shown_by_a_boot(self):
        """The generation: `current`, or what settled before it where its trial has no try left, or
        one of its images is marked as bad."""
        trial = dict(line.split(" ", 1) for line in (self.trial or "").splitlines())
        if trial.get("generation") != self.current:
            return self.current
        images = re.findall("^image (.*)$", self.record(self.current), re.M)
        is_good = int(trial["tries"]) > 0 and not any(image in self.bad for image in images)
        return self.current if is_good else trial["before"]

    def record(self, number):
        """The text of a generation; that of the base is empty."""
        return "" if number == "0" else self.generations[number]


class Step:
    """`between`: what else the step may leave of the things that it changes twice."""

    def __init__(self, phase, state, between):
        self.phase, self.state, self.between = phase, state, between

    def check(self, before, found):
        """Of a disk that was cut during the step."""
        after = self.state
        for name in "current", "removed", "trial":
            allowed = [getattr(before, name), getattr(after, name), *self.between.get(name, ())]
            check(getattr(found, name) in allowed, f"{name}: {getattr(found, name)!r} of {allowed}")
        if before.current != after.current == found.current:
            check(after.trial in (None, found.trial), "what should be on trial counts as settled")
        check(found.history.startswith(before.history), f"the history lost {before.history!r}")
        check(after.history.startswith(found.history), f"nobody wrote {found.history!r}")
        for what in "generations", "bad":
            old, new, are = (getattr(state, what) for state in (before, after, found))
            check_equal([name for name in old if name in new and name not in are], [],
                        f"what is lost of {what}")
        for name, version in before.versions.items():
            check(found.versions.get(name, 0) >= version or name not in after.versions,
                  f"{name} went back behind version {version}")


class Cut:
    """A power cut behind so many records of the log, during a step."""

    def __init__(self, record, mode, number, step):
        self.record, self.mode, self.number, self.step = record, mode, number, step


def choose_places(log, steps, count, dice):
    """So many places for a cut, spread over the phases, as (record, number of the step); in the log's
    order."""
    phases = {}
    for record in range(log.marks[0][0], len(log.records) + 1):
        number = min(log.promised(record), len(steps) - 1)
        phases.setdefault(steps[number].phase, []).append((record, number))
    for phase in phases.values():
        dice.shuffle(phase)
    chosen = []
    while len(chosen) < count and any(phases.values()):
        chosen += [phase.pop() for phase in phases.values() if phase]
    return sorted(chosen[:count])
