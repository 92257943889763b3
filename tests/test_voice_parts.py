"""The pure parts of the telephone: keys, numbers, TwiML, settings, and what only the phone is told."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from actions.case import Case
from bot.errors import SettingsError
from bot.settings import QuestionSettings, SpeakerSettings, VoiceSettings, load_settings
from bot.texts import Texts
from bot.turns import Choice
from voice.calls import Question
from voice.keys import Kind, Pressed, Typed, clean_keys, keys_of, kind_of, meaning
from voice.ladder import Ladder
from voice.numbers import caller_number, number_to_call, readable
from voice.phone_twiml import read_twiml
from voice.twiml import CONTENT_TYPE, Ask, Dial, Ears, End, Move, Saying, TwimlTooLong, Wait, render

SPEAKERS = {
    "de": SpeakerSettings("de-DE", "Polly.Vicki-Neural"),
    "en": SpeakerSettings("en-GB", "Google.en-GB-Neural2-A", "googlev2_telephony"),
}
MENU = (Choice("Zelt", "/inform"), Choice("Jacke", "/inform"))
YES_NO = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))


@pytest.mark.parametrize(
    ("pressed", "typed", "choices", "meant"),
    [
        ("0", "number", MENU, "human"),
        ("*", "open", (), "repeat"),
        ("104*", "number", (), "repeat"),
        ("2", "open", MENU, Pressed(MENU[1])),
        ("3", "open", MENU, "wrong"),
        ("9", "open", MENU, "language"),
        ("9", "open", MENU * 5, Pressed(MENU[0])),
        ("1", "yes_no", (), Pressed(Choice("", "/affirm"))),
        ("2", "open", YES_NO, Pressed(YES_NO[1])),
        ("12", "yes_no", (), "wrong"),
        ("5", "number", (), "wrong"),
        ("10482917", "open", (), Typed("10482917")),
        ("10482917", "number", MENU, Typed("10482917")),
        ("24121980", "date", (), Typed("24.12.1980")),
        ("24131980", "date", (), Typed("24131980")),
        ("22765", "date", (), Typed("22765")),
        ("0930", "time", (), Typed("09:30")),
        ("04012345678", "number", (), Typed("04012345678")),
    ],
)
def test_keys_mean(pressed: str, typed: Kind, choices: tuple[Choice, ...], meant: object) -> None:
    assert meaning(pressed, typed, choices, "9") == meant


def test_surplus_and_foreign_keys_are_dropped() -> None:
    assert clean_keys("1A2b3#ä٣4\x00*") == "1234*"
    assert len(clean_keys("7" * 10_000)) == 32


@pytest.mark.parametrize(
    ("words", "language", "title"),
    [
        ("eins", "de", "Zelt"),
        ("die zwo", "de", "Jacke"),
        ("Die Zweite bitte.", "de", "Jacke"),
        ("nummer 1", "de", "Zelt"),
        ("press two", "en", "Jacke"),
        ("the first one", "en", "Zelt"),
        ("drei", "de", None),
        ("0", "de", None),
        ("zwei zwei sieben sechs fünf", "de", None),
        ("eins von beiden habe ich nicht", "de", None),
        ("Jacke.", "de", "Jacke"),
        ("die Jacke ist kaputt", "de", None),
        ("²", "de", None),
        ("", "de", None),
    ],
)
def test_a_key_may_be_said(words: str, language: str, title: str | None) -> None:
    choice = keys_of(MENU, words, language)
    assert (choice.title if choice else None) == title


def test_choices_say_what_a_question_takes() -> None:
    assert kind_of("number", ()) == "number"
    assert kind_of("number", MENU) == "choice"
    assert kind_of("open", YES_NO) == "yes_no"


@pytest.mark.parametrize("sent", ["+491713920011", "+15005550006", "+4940123456"])
def test_numbers_of_callers_are_hints(sent: str) -> None:
    assert caller_number(sent) == sent


@pytest.mark.parametrize(
    "sent",
    [
        *("", "anonymous", "Restricted", "+", "+0171", "491713920011", " +491713920011", "+491713920011\n"),
        *("+49171392001x", "+4٩1713920011", "sip:anna@example.org", "+266696687", "+7378742833", "+2562533"),
        *("+8656696", "+86282452253"),
    ],
)
def test_what_is_no_callers_number_is_none(sent: str) -> None:
    assert caller_number(sent) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0171 3920011", "+491713920011"),
        ("0049 40 12345678", "+494012345678"),
        ("+447911123456", "+447911123456"),
        ("110", None),
        ("0900 1234567", None),
        ("0180 5123456", None),
        ("", None),
        ("12", None),
    ],
)
def test_numbers_to_call_are_complete_and_not_costly(written: str, number: str | None) -> None:
    assert number_to_call(written) == number


def test_numbers_are_readable() -> None:
    assert readable("+491713920011") == "0171 3920011"
    assert readable("+447911123456") == "+44 7911 123456"


EARS = Ears("en", 5, 2, ["Zelt, groß", "x" * 300, "Zelt, groß", "😀", "\x00"], one_key=True)
MOVES: list[Move] = [
    Ask([Saying("Guten Tag & <willkommen>", "de"), Saying("Hello", "en")], EARS),
    Wait([Saying("Moment.", "de")]),
    Dial([Saying("Moment.", "de")], "+494012345678", 25),
    End([Saying("Tschüss.", "de")]),
    End(),
    Ask([Saying("Sehr lang. " * 5000, "de")], EARS),
]


@pytest.mark.parametrize("move", MOVES)
def test_every_move_is_a_document_that_twilio_plays(move: Move) -> None:
    assert read_twiml(render(move, SPEAKERS, "/webhooks/voice?step=2#rc=2").encode(), CONTENT_TYPE)


def test_gather_has_the_recogniser_of_its_language_and_clean_hints() -> None:
    gather = ET.fromstring(render(MOVES[0], SPEAKERS, "/x")).find("Gather")
    assert gather is not None
    assert (gather.get("language"), gather.get("speechModel"), gather.get("numDigits")) == (
        "en-GB",
        "googlev2_telephony",
        "1",
    )
    assert gather.get("hints") == f"Zelt  groß,{'x' * 100}"


@pytest.mark.parametrize("sign", ["x", "ä", "&", '"', "漢"])
def test_hints_are_whole_few_enough_and_the_first_ones(sign: str) -> None:
    hints = [f"{number:03}{sign * 90}" for number in range(500)]
    document = render(Ask([Saying("Was?" * 1500, "de")], Ears("de", 5, 2, hints)), SPEAKERS, "/x")
    gather = ET.fromstring(document).find("Gather")
    assert gather is not None
    kept = gather.attrib["hints"].split(",")
    assert kept == hints[: len(kept)]
    written = len(document.encode()) - len(render(Ask([Saying("Was?" * 1500, "de")], Ears("de", 5, 2)), SPEAKERS, "/x"))
    assert 15_000 < written < 17_000


def test_choices_are_the_most_specific_hints() -> None:
    settings = VoiceSettings(questions={"item": QuestionSettings(hints={"de": ["zwo", "Zelt"]})})
    ears = Ladder(Texts({}), settings).ears(Question(need="item", choices=MENU), "de")
    assert ears.hints == ["Zelt", "Jacke", "zwo", "Zelt"]


def test_a_document_over_twilios_limit_is_not_sent() -> None:
    with pytest.raises(TwimlTooLong):
        render(End([Saying("ä", "de")] * 2000), SPEAKERS, "/x")


def voice_problem(folder: Path, voice: str, **environment: str) -> str:
    file = folder / "portal.yml"
    file.write_text(f"company: {{name: Nordwind}}\nvoice: {voice}\n")
    with pytest.raises(SettingsError) as told:
        load_settings(environment, file)
    return told.value.what


@pytest.mark.parametrize(
    ("voice", "named"),
    [
        ("{human_number: '040 1234'}", "human_number"),
        ("{wait_seconds: 20}", "wait_seconds"),
        ("{language_key: '0'}", "language_key"),
        ("{speakers: {de: {code: de-DE, voice: x}}}", "lacks en"),
        ("{questions: {open: {ladder: [rephrase, keys]}}}", "ladder"),
        ("{questions: {open: {ladder: [keys, keys, way_out]}}}", "ladder says the same twice"),
        ("{questions: {open: {ladder: []}}}", "ladder"),
        ("{questions: {open: {timeout: 0}}}", "timeout"),
        ("{questions: {open: {hints: {de: ['a, b']}}}}", "hints"),
        ("{questions: {open: {colour: red}}}", "colour"),
    ],
)
def test_wrong_settings_of_the_phone_are_told(tmp_path: Path, voice: str, named: str) -> None:
    assert named in voice_problem(tmp_path, voice)


def test_half_given_secrets_name_what_is_missing(tmp_path: Path) -> None:
    assert "TWILIO_ACCOUNT_SID is missing" in voice_problem(tmp_path, "{}", TWILIO_AUTH_TOKEN="x" * 32)
    assert "TWILIO_AUTH_TOKEN is missing" in voice_problem(tmp_path, "{}", TWILIO_ACCOUNT_SID="AC1")


def test_a_need_without_settings_has_those_of_open_questions() -> None:
    settings = VoiceSettings(questions={"open": QuestionSettings(timeout=9)})
    assert settings.question("something-new").timeout == 9
    assert msgspec.structs.replace(settings, questions={}).question("x") == QuestionSettings()


@pytest.mark.parametrize(("channel", "told"), [("voice", [{"expect": {"need": "customer"}}]), ("chat", []), (None, [])])
def test_only_the_phone_is_told_what_is_expected(channel: str | None, told: list[dict[str, Any]]) -> None:
    message = {"text": "x", "metadata": {"channel": channel} if channel else {}}
    dispatcher = CollectingDispatcher()
    case = Case(Session(), Tracker("x", {}, message, [], False, None, {}, None), dispatcher)
    case.tell_phone(expect={"need": "customer"})
    assert [said["custom"] for said in dispatcher.messages] == told
