"""The ladder: what is said when an answer did not come, could not be heard, or was no key of the question. Pure.

Silence, no-match and low confidence in a row climb the same ladder, whose rungs `portal.yml` sets per question: other
words, a narrower question with keys, a way out. What was said before is not said again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.settings import VoiceSettings
from bot.texts import Texts
from bot.turns import Choice
from voice.calls import Question
from voice.keys import Kind, kind_of
from voice.speech import short_menu
from voice.twiml import Ears, Saying

Cause = Literal["silence", "unclear", "unknown", "wrong_key"]
Rung = Literal["rephrase", "keys", "more", "way_out", "goodbye"]
CHANNEL = "voice"
PLACEHOLDER = "{"


@dataclass(frozen=True)
class Ladder:
    """Finds the rung and its words."""

    texts: Texts
    settings: VoiceSettings

    def rung(self, question: Question, misses: int) -> Rung:
        """The rung of the first, second or third miss in a row; the last one is a way out."""
        rungs = self.settings.question(question.need).ladder
        return rungs[min(misses, len(rungs)) - 1]

    def words(self, rung: Rung, question: Question, cause: Cause, heard: Sequence[str]) -> list[Saying]:
        """What is said on a rung that asks again: `rephrase`, `keys` or `more`; `heard` is what was said before."""
        if rung == "more":
            return [self._say("utter_voice_more", question)]
        narrower = self._rephrased(question) if rung == "rephrase" else self._with_keys(question)
        return [self.lead(cause, question, heard), *narrower]

    def lead(self, cause: Cause, question: Question, heard: Sequence[str]) -> Saying:
        """What was wrong, in other words than just before."""
        first = self._say(f"utter_voice_{cause}_first", question)
        return self._say(f"utter_voice_{cause}_again", question) if first.text in heard else first

    def choices(self, rung: Rung, question: Question) -> tuple[Choice, ...]:
        """What can be chosen by key from this rung on: an open question becomes the main menu."""
        if rung == "keys" and self.kind(question) == "open":
            return self.texts.choices("utter_voice_menu", question.language)
        return question.choices

    def kind(self, question: Question) -> Kind:
        """What the question takes."""
        return kind_of(self.settings.question(question.need).keys, question.choices)

    def ears(self, question: Question, language: str) -> Ears:
        """How to listen to this question: in its time, with its hints, a single key at once where keys are a menu."""
        asked = self.settings.question(question.need)
        kind = self.kind(question)
        takes_numbers = question.choices and asked.keys in ("number", "date", "time")
        hints = [choice.title for choice in question.choices] + asked.hints.get(language, [])
        return Ears(
            language=language,
            timeout=asked.timeout,
            pause=1 if kind == "yes_no" else asked.pause,
            hints=hints,
            one_key=kind in ("yes_no", "choice") and not takes_numbers,
        )

    def menu(self, question: Question) -> list[Saying]:
        """The choices with their keys, spoken short; a yes or no needs no menu."""
        if self.kind(question) != "choice":
            return []
        titles = [choice.title for choice in question.choices]
        return [Saying(short_menu(titles, question.language), question.language)]

    def _rephrased(self, question: Question) -> list[Saying]:
        kind, help_name = self.kind(question), f"utter_help_{question.need}"
        if kind == "choice":
            titles = "; ".join(choice.title.rstrip(" .?!") for choice in question.choices)
            return [self._say("utter_voice_rephrase_choice", question, choices=titles)]
        if self._can_say(help_name, question):
            return [self._say(help_name, question)]
        return [self._say(f"utter_voice_rephrase_{kind}", question)]

    def _with_keys(self, question: Question) -> list[Saying]:
        kind = self.kind(question)
        if kind == "open":
            titles = [choice.title for choice in self.choices("keys", question)]
            menu = Saying(short_menu(titles, question.language), question.language)
            return [self._say("utter_voice_menu", question), menu]
        own = f"utter_voice_keys_{question.need}"
        name = own if self.texts.has(own) else f"utter_voice_keys_{kind}"
        return [*self.menu(question), self._say(name, question)]

    def _can_say(self, name: str, question: Question) -> bool:
        """Whether the response is there and needs no values, which only the engine has."""
        if not self.texts.has(name):
            return False
        return PLACEHOLDER not in self.texts.say(name, question.language, channel=CHANNEL)

    def _say(self, name: str, question: Question, **values: str) -> Saying:
        text = self.texts.say(name, question.language, channel=CHANNEL)
        return Saying(fill(text, **values), question.language)


def fill(text: str, **values: str) -> str:
    """The text with its placeholders filled; braces in values stay as they are."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text
