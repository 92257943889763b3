"""A matter: one thing a customer wants, the needs it has, and how it is done.

A topic's module lists its matters as classes; the class's `intent` starts it. `needs` is a generator:
what comes after a need may rely on it being filled. The walk through the needs is the same for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from actions.case import Case
from actions.needs import ConfirmNeed, Need


class Matter(ABC):
    """One thing a customer wants.

    `lookup` is True when it only tells something; `interrupts` when it is heard even in the answer to a question for
    own words.
    """

    intent: ClassVar[str]
    lookup: ClassVar[bool] = False
    interrupts: ClassVar[bool] = False

    @abstractmethod
    def needs(self, case: Case) -> Iterator[Need]:
        """What must be known, in the order in which it is asked."""

    @abstractmethod
    def do(self, case: Case) -> None:
        """Do it and tell the customer; called once all needs are filled and confirmed."""


MATTERS: dict[str, Matter] = {}


def register(matter: type[Matter]) -> type[Matter]:
    """Class decorator: the intent starts this matter from now on."""
    MATTERS[matter.intent] = matter()
    return matter


def next_need(case: Case, matter: Matter) -> Need | None:
    """Fill what can be filled; the first need that is still open, None when nothing is missing."""
    for need in matter.needs(case):
        _fill(case, need)
        if case.get(need.slot) is None:
            return need
        if isinstance(need, ConfirmNeed) and not case.get(need.slot):
            return None
    return None


def _fill(case: Case, need: Need) -> None:
    said = need.read(case)
    if said is not None:
        case.understood = True
        accepted = need.accept(case, said)
        case.progress = case.progress or accepted is not None
        case.put(need.slot, accepted)
    elif not need.holds(case):
        case.put(need.slot, need.known(case))
