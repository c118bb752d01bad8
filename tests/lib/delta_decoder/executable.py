# SPDX-License-Identifier: Apache-2.0
"""Codec 3, executable (§9)."""
from .coder import Coder
from .elf import Image
from .events import Events, Outline
from .finder import Finder
from .insertion import Insertions
from .plan import Plan, PlanModels
from .predictor import Predictor


class Executable:
    def __init__(self, literals):
        self.literals, self.plans, self.events = literals, PlanModels(), Events()

    def segment(self, size, streams, old):
        """The part of the target that a segment makes."""
        control, literals, differences = (Coder(stream) for stream in streams)
        image = Image(old)
        plan = Plan(image, size, self.plans, control)
        predictor = Predictor(plan, Finder(image))
        predictor.literals = Insertions(self.literals, predictor, literals).all()
        predictor.events = self.events.code(differences, Outline(predictor), size)
        for coder in (control, literals, differences):
            coder.end()
        return predictor.make()
