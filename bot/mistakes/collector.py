"""Looks at each turn that was answered, in the background, and reports those that went wrong."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from time import monotonic

from bot.logs import place
from bot.mistakes.heard import Heard
from bot.mistakes.mask import PLACEHOLDER, mask
from bot.mistakes.store import Kind, Mistakes
from bot.models import Disagreement
from bot.nlu.text import fold
from bot.turns import Turn

log = logging.getLogger(__name__)
MOST_WAITING = 200
SECONDS_BETWEEN_DELETIONS = 3600.0
WITHOUT_CUSTOMERS = ("script",)
NO_WISH = ("affirm", "deny", "inform", "identify", "out_of_scope", "stop", "start_over", "repeat", "thank")
WORDS_BESIDE_A_VALUE = 4
CORRECTION = re.compile(
    r"(?:(?:nein|ne|nee|noe|quatsch|halt|stopp?|falsch|sorry|aeh?m?|ach|also|doch|aber|no|nope|wait|um|uh|but) )*"
    r"(?:ich meinte|i meant|(?:das|so|die|den) (?:meinte?|wollte) ich (?:\w+ )?nicht|(?:nein|nee?|noe) ich meine|"
    r"(?:das|danach|davon) hab\w* ich (?:\w+ )?nicht (?:gemeint|gefragt|gesagt|gesprochen)|"
    r"dar?um geht(?: e?s)? (?:\w+ )?nicht|(?:\w+ ){0,3}(?:falsch|miss) ?verstanden|du verstehst mich falsch|"
    r"no i mean|(?:that s |thats |that is |it s )?not what i (?:mean|meant|asked|said|wanted)|"
    r"you (?:have |ve )?(?:misunderst\w+|(?:got|get) (?:me|that|it) wrong))\b"
)


class Collector:
    """Takes answered turns to one thread of its own; when that falls behind, turns are left out, never waited for.

    An accepted intent counts as unsure below the confidence `unsure_below`.
    """

    def __init__(self, mistakes: Mistakes, *, unsure_below: float) -> None:
        self._mistakes = mistakes
        self._unsure_below = unsure_below
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mistakes")
        self._room = BoundedSemaphore(MOST_WAITING)
        self._next_deletion = 0.0

    def offer(self, turn: Turn) -> None:
        """A turn that was answered; returns at once."""
        if not turn.text or turn.intent is not None or turn.channel in WITHOUT_CUSTOMERS:
            return
        if self._room.acquire(blocking=False):
            self._worker.submit(self._look_at, turn).add_done_callback(self._done)
        else:
            log.warning("mistakes: turn %s was left out", turn.id)

    def disagreed(self, turn: Turn, found: Disagreement) -> None:
        """A shadow understood a turn otherwise than the live model; called in the shadow's thread."""
        if found.live_intent != found.shadow_intent and turn.channel not in WITHOUT_CUSTOMERS:
            self._mistakes.report(turn.id, "shadow", suggested=found.shadow_intent)

    def stop(self) -> None:
        """Finish the turns that wait."""
        self._worker.shutdown()

    def _done(self, _: Future[None]) -> None:
        self._room.release()

    def _look_at(self, turn: Turn) -> None:
        try:
            self._forget_old()
            heard = self._mistakes.heard(turn.id)
            if heard is None:
                return
            for kind in went_wrong(heard, self._unsure_below):
                self._mistakes.report(turn.id, kind)
            if corrects(turn.text, turn.language):
                self._report_before(turn, heard)
        except Exception as error:
            log.error("mistakes, turn %s: %s", turn.id, place(error))

    def _report_before(self, turn: Turn, heard: Heard) -> None:
        before = self._mistakes.turn_before(turn.id)
        wish = heard.best.intent
        sure = heard.best.confidence >= self._unsure_below and wish not in NO_WISH
        if before:
            self._mistakes.report(before, "corrected", suggested=wish if sure else None)

    def _forget_old(self) -> None:
        if monotonic() >= self._next_deletion:
            self._next_deletion = monotonic() + SECONDS_BETWEEN_DELETIONS
            self._mistakes.forget_old()


def went_wrong(heard: Heard, unsure_below: float) -> Iterator[Kind]:
    """Why a turn belongs into the inbox; words that answered a question are right whatever their intent."""
    if heard.gave_up:
        yield "three_tries"
    if heard.rejected and heard.missed:
        yield "rejected"
    elif not heard.rejected and heard.best.confidence < unsure_below and (heard.missed or not heard.answered):
        yield "unsure"


def corrects(text: str, language: str) -> bool:
    """Whether a customer says that the words before were taken wrongly; a corrected number is no such thing."""
    if not CORRECTION.match(fold(text)):
        return False
    masked = mask(text, language=language) or ""
    only_a_value = PLACEHOLDER.search(masked) and len(PLACEHOLDER.sub(" ", masked).split()) <= WORDS_BESIDE_A_VALUE
    return not only_a_value
