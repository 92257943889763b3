"""Links and places from the domain's responses to the reply, through the real model and over the wire of a server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.stage import Stage
from bot.engine.server import decode_answer, encode_answer
from bot.store import Entry
from bot.turns import Answer, Choice, Incoming, Intent, Link, Location, Reply
from voice.speech import spoken_text

ALTONA = Intent("location_shared", {"latitude": "53.5522", "longitude": "9.9355"})


@pytest.fixture(scope="module")
def stage(model: Path) -> Iterator[Stage]:
    with Stage(model) as ready:
        yield ready


class Customer:
    """Somebody in a conversation of one channel."""

    def __init__(self, stage: Stage, channel: str = "script", language: str = "de") -> None:
        self._conversations = stage.conversations
        self._channel = channel
        self._id = self._conversations.store.open_conversation(channel, uuid.uuid4().hex, language)
        self._seen = 0

    def turn(self, said: str | Intent) -> list[Entry]:
        """What the bot answers to words or to a structured turn."""
        words, intent = (said, None) if isinstance(said, str) else ("", said)
        incoming = Incoming(self._channel, "", uuid.uuid4().hex, words, intent, conversation=self._id)
        self._conversations.receive(incoming)
        self._conversations.handle(self._id)
        entries = self._conversations.store.entries(self._id, self._seen)
        self._seen = max((entry.seq for entry in entries), default=self._seen)
        return [entry for entry in entries if entry.who == "bot"]


def places(entries: list[Entry]) -> list[str]:
    return [entry.location.name for entry in entries if entry.location]


@pytest.mark.parametrize(("language", "words"), [("de", "Am nächsten liegt"), ("en", "The nearest is")])
def test_a_shared_location_is_answered_with_the_nearest_store(stage: Stage, language: str, words: str) -> None:
    answer = Customer(stage, language=language).turn(ALTONA)
    (told,) = [entry for entry in answer if entry.location]
    assert words in told.text
    assert told.location == Location(53.551, 10.0013, "Nordwind Hamburg", "Mönckebergstraße 19, 20095 Hamburg")


def test_the_address_of_a_store_comes_with_its_place(stage: Stage) -> None:
    assert places(Customer(stage).turn("adresse filiale leipzig")) == ["Nordwind Leipzig"]


def test_all_stores_come_without_a_place(stage: Stage) -> None:
    assert places(Customer(stage).turn("in welchen städten habt ihr läden")) == []


def test_a_location_amid_a_form_is_answered_and_the_question_asked_again(stage: Stage) -> None:
    customer = Customer(stage)
    question = customer.turn("wo ist meine bestellung")[-1].text
    answer = customer.turn(ALTONA)
    assert places(answer) == ["Nordwind Hamburg"]
    assert answer[-1].text == question
    assert "Postleitzahl" in customer.turn("10482917")[-1].text


def test_a_caller_hears_no_coordinates(stage: Stage) -> None:
    heard = " ".join(
        spoken_text(entry.text, "de") for entry in Customer(stage, "voice").turn("adresse filiale leipzig")
    )
    assert "Petersstraße" in heard
    assert "dreiundfünfzig" not in heard
    assert "einundfünfzig Komma" not in heard


def test_an_answer_is_the_same_after_the_way_from_a_rasa_server() -> None:
    whole = Reply(
        "Hier.",
        (Choice("Ja", "/affirm"),),
        "https://x.example/1.jpg",
        "de",
        Link("Weg", "https://x.example/weg"),
        Location(51.3392, 12.3742, "Nordwind Leipzig", "Petersstraße 4"),
    )
    answer = Answer((whole, Reply("Und tschüss."), Reply("", location=Location(0, 0))))
    assert decode_answer(encode_answer(answer)) == answer
