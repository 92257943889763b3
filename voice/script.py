"""What the gateway says and hears by itself: texts of the domain filled and spoken, and what a request brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.settings import PortalFile
from bot.texts import Texts
from voice.calls import Question, Said
from voice.ladder import CHANNEL, Ladder, fill
from voice.speech import spoken_text
from voice.twiml import Ask, Saying

CONNECTED = ("completed", "answered")


@dataclass(frozen=True)
class Heard:
    """What a step brings: words with the recogniser's confidence (0 to 1, None if it gave none), keys, a dial's end."""

    text: str = ""
    confidence: float | None = None
    keys: str = ""
    dial_status: str = ""

    @property
    def was_connected(self) -> bool:
        """Whether it follows a talk with somebody who was dialled; any status that we do not know is none."""
        return self.dial_status in CONNECTED


class Script:
    """The portal's own words on the phone."""

    def __init__(self, portal: PortalFile, texts: Texts) -> None:
        self.portal = portal
        self.settings = portal.voice
        self.texts = texts
        self.ladder = Ladder(texts, portal.voice)

    def say(self, name: str, language: str, **values: str) -> Saying:
        """A response of the domain with its placeholders filled."""
        text = self.texts.say(name, language, channel=CHANNEL)
        return Saying(fill(text, company=self.portal.company.name, **values), language)

    def ask(self, question: Question, sayings: Sequence[Saying] = ()) -> Ask:
        """Say what belongs to a question, or other words for it, and listen for its answer."""
        said = list(sayings) or [Saying(said.text, said.language) for said in question.said]
        if not sayings:
            said += self.ladder.menu(question)
        return Ask(said, self.ladder.ears(question, question.language))


def audible(sayings: Sequence[Saying]) -> list[Saying]:
    """Without those in which nothing can be heard."""
    return [saying for saying in sayings if spoken_text(saying.text, saying.language)]


def kept(sayings: Sequence[Saying]) -> tuple[Said, ...]:
    """Words to be kept for a repetition."""
    return tuple(Said(saying.text, saying.language) for saying in sayings)
