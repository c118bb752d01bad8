# SPDX-License-Identifier: Apache-2.0
"""Codec 3, executable (§9)."""
from .coder import Coder
from .elf import Image
from .events import Events, Outline
from .finder import Finder
from .plan import Plan, PlanModels
from .predictor import Predictor

LEARN = 320  # old bytes on each side of where literals stand


class Executable:
    def __init__(self, literals):
        self.literals, self.plans, self.events = literals, PlanModels(), Events()

    def segment(self, size, streams, old):
        """The part of the target that a segment makes."""
        control, literals, differences = (Coder(stream) for stream in streams)
        image = Image(old)
        plan = Plan(image, size, self.plans, control)
        predictor = Predictor(plan, Finder(image).references)
        predictor.literals = self.code_literals(plan, literals, old)
        predictor.events = self.events.code(differences, Outline(predictor), size)
        for coder in (control, literals, differences):
            coder.end()
        return predictor.make()

    def code_literals(self, plan, coder, old):
        """All literals (§9.4)."""
        out, done, beside, learnt = bytearray(), 0, 0, 0
        for start, target, size in plan.copies + [(0, plan.size, 0)]:
            if target > done:
                learnt = self.learn(old, beside, learnt)
                self.literals.follow(old[max(0, beside - 8):beside])
            for at in range(beside, beside + target - done):
                out.append(self.literals.code(coder, old[at] if at < len(old) else 0))
            done, beside = target + size, start + size
        return out

    def learn(self, old, beside, learnt):
        """Takes in the old bytes around; returns how far these have been taken in."""
        start, end = max(0, beside - LEARN), min(len(old), beside + LEARN)
        if start < learnt < start + 2 * LEARN:
            start = learnt
        if start >= end:
            return learnt
        self.literals.learn(old[start:end])
        return end
