"""What a voice says: tables of written and heard text, Twilio's limits for any text, and the whole domain by ear."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.twiml.voice_response import Gather, VoiceResponse

from tests.conftest import ROOT
from voice.audible import check_audible, heard
from voice.speech import digit_groups, say, short_menu, spoken_text, unspeakable
from voice.spoken_dates import german_ordinal
from voice.words import BY_LANGUAGE

TABLE = Path(__file__).parent / "voice" / "heard.tsv"
ROWS = [tuple(line.split("\t")) for line in TABLE.read_text("utf-8").splitlines()[1:]]
VOICES = {"de": "Polly.Vicki-Neural", "en": "Google.en-GB-Neural2-A"}
LANGUAGES = st.sampled_from(["de", "en"])
PIECES = st.sampled_from(
    [
        *(
            "ä" * 40,
            " ",
            ". ",
            ", ",
            "<",
            "&",
            "]]>",
            "\x00",
            "\x1b",
            "\ufffe",
            "\ud800",
            "\u202e",
            "🙂",
            "e\u0301\u0301",
        ),
        *("10482917", "https://example.org/?a=b&c", "89,90 €", "24.11.", "<b>", "a***@example.org", "{name}", "14:30"),
    ]
)
UNSPEAKABLE = [
    *("Mehr auf https://example.org", "www.example.org", "**fett**", "<b>", "[hier](x)", "#1", "🙂", "a\u200bb"),
    *("a\x0bb", "→ weiter", "siehe unten", "Bitte klicken Sie hier", "Tippen Sie", "Schreiben Sie „Mensch“"),
    *("Please write it", "click here"),
]
SPEAKABLE = [
    *("Guten Tag, {name}!", "89,90 € und 30 %", "„Größe L“ (blau)", "Bitte beschreiben Sie es", "Ein Typ"),
    *("10–20 Uhr", "20 °C", "“yes” or “no”", "What type of tent?", "name@example.org", "A & B", "Moment …"),
]
LONG = ("ä" * 9000, "Wort " * 2000, "Ein Satz mit ä und ö. " * 300, "eins, " * 1500, "<&>" * 3000 + "a")
ANY_TEXT = st.text(max_size=300) | st.lists(PIECES, max_size=400).map("".join)
PLAIN_WORDS = st.lists(st.from_regex(r"[a-zäöüß]{2,12}", fullmatch=True), max_size=30)


def said(text: str, language: str) -> list[ET.Element]:
    """The `<Say>` of a text, as an XML parser reads them."""
    response = VoiceResponse()
    say(response, text, language=language, voice=VOICES[language])
    return list(ET.fromstring(str(response)))


def fits(element: ET.Element) -> bool:
    """Whether a `<Say>` is within the limits of Amazon's voices and of Twilio, with some reserve."""
    inner = ET.tostring(element, encoding="unicode").partition(">")[2].removesuffix("</Say>")
    return 0 < len(inner) <= 3000 and len(quote(inner)) <= 4000


def by_ear(says: list[ET.Element]) -> str:
    """All words of some `<Say>`, a comma for each pause."""
    parts = []
    for element in says:
        parts.append((element.text or "") + "".join(f",{pause.tail}" for pause in element))
    return " ".join(parts)


@pytest.mark.parametrize(("language", "written", "expected"), ROWS)
def test_written_text_is_heard_in_words(language: str, written: str, expected: str) -> None:
    assert spoken_text(written.replace("\\n", "\n"), language) == expected


@pytest.mark.parametrize(("language", "written", "expected"), ROWS)
def test_what_is_heard_stays_the_same_when_read_again(language: str, written: str, expected: str) -> None:
    assert spoken_text(expected, language) == expected


def test_the_table_has_enough_rows() -> None:
    assert len(set(ROWS)) == len(ROWS) >= 150
    assert {row[0] for row in ROWS} == {"de", "en"}


def test_digits_are_read_back_in_even_groups() -> None:
    assert digit_groups("10482917", "de") == "eins null vier acht, zwei neun eins sieben"
    assert digit_groups("2700 4118", "en-US") == "two seven zero zero, four one one eight"
    assert digit_groups("123456", "en") == "one two three, four five six"
    assert digit_groups("1234567890", "en") == "one two three four, five six seven, eight nine zero"
    assert digit_groups("", "de") == ""


@given(st.text("0123456789", max_size=40), LANGUAGES)
def test_no_digit_is_lost_when_read_back(digits: str, language: str) -> None:
    words = re.findall(r"\w+", digit_groups(digits, language))
    assert "".join(str(BY_LANGUAGE[language].digits.index(word)) for word in words) == digits


@given(st.integers(10_000, 10**24), LANGUAGES)
def test_no_digit_is_lost_within_a_sentence(number: int, language: str) -> None:
    words = re.findall(r"\w+", spoken_text(f"Nordwind {number} Versand", language))
    assert "".join(str(BY_LANGUAGE[language].digits.index(word)) for word in words[1:-1]) == str(number)


def test_german_days_have_their_endings() -> None:
    assert [german_ordinal(day, "n") for day in (1, 3, 7, 8, 16, 17, 20)] == [
        *("ersten", "dritten", "siebten", "achten", "sechzehnten", "siebzehnten", "zwanzigsten")
    ]
    assert [german_ordinal(day, "r") for day in (21, 26, 27, 30, 31)] == [
        *("einundzwanzigster", "sechsundzwanzigster", "siebenundzwanzigster", "dreißigster", "einunddreißigster")
    ]


def test_choices_are_keys() -> None:
    assert short_menu(["Ja", "Nein"], "de") == "Sagen oder drücken Sie: eins für Ja, zwei für Nein."
    assert short_menu(["Where is my parcel?"], "en") == "Say or press: one for Where is my parcel."
    assert short_menu([str(title) for title in range(12)], "en").count(" for ") == 9


def test_groups_of_digits_are_divided_by_a_pause() -> None:
    (one,) = said("Ihre Nummer ist 10482917.", "de")
    assert one.text == "Ihre Nummer ist eins null vier acht"
    assert [(part.tag, part.attrib, part.tail) for part in one] == [
        ("break", {"time": "300ms"}, " zwei neun eins sieben.")
    ]


def test_the_language_of_a_google_voice_is_the_one_in_its_name() -> None:
    gather = Gather()
    say(gather, "Hallo", language="de", voice="Polly.Vicki-Neural")
    say(gather, "Hello", language="en", voice="Google.en-US-Neural2-A")
    say(gather, "Servus", language="de-AT", voice="Polly.Hannah-Neural")
    assert [element.get("language") for element in ET.fromstring(str(gather))] == ["de-DE", "en-US", "de-AT"]


@pytest.mark.parametrize("nothing", ["", " \n", "🙂", "...", "https://example.org", "\x00\u200b", "<br/>", "***"])
def test_nothing_to_say_is_no_say(nothing: str) -> None:
    assert said(nothing, "de") == []


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT, LANGUAGES)
def test_any_text_gives_xml_within_twilios_limits(text: str, language: str) -> None:
    assert all(map(fits, said(text, language)))


@settings(max_examples=150, deadline=None)
@given(ANY_TEXT, st.integers(1, 30), LANGUAGES)
def test_long_texts_are_said_whole(text: str, times: int, language: str) -> None:
    whole, says = spoken_text(text * times, language), said(text * times, language)
    assert by_ear(says).replace(" ", "") == whole.replace(" ", "")
    assert all(map(fits, says))


@pytest.mark.parametrize("text", LONG)
def test_a_long_text_is_cut_where_it_hurts_least(text: str) -> None:
    says = said(text, "de")
    assert all(map(fits, says))
    assert by_ear(says).replace(" ", "") == spoken_text(text, "de").replace(" ", "")
    if "Satz" in text:
        assert len(says) > 1
        assert all((element.text or "").endswith(".") for element in says)
    if "Wort" in text:
        assert all(set((element.text or "").split()) == {"Wort"} for element in says)


@given(PLAIN_WORDS, LANGUAGES)
def test_ordinary_words_are_left_alone(words: list[str], language: str) -> None:
    assert spoken_text(" ".join(words), language).split() == words


@pytest.mark.parametrize("text", UNSPEAKABLE)
def test_what_a_caller_cannot_use_is_unspeakable(text: str) -> None:
    assert unspeakable(text)


@pytest.mark.parametrize("text", SPEAKABLE)
def test_ordinary_texts_are_speakable(text: str) -> None:
    assert unspeakable(text) is None


def test_a_caller_can_hear_everything_in_the_domain() -> None:
    assert check_audible(ROOT / "bot" / "domain") == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('text: "Ihre Nachricht ist leer."', 'text: "Bitte klicken Sie."', "'klicken' is nothing for the phone"),
        ('text: "Your message is empty."', 'text: "See https://example.org"', "'https://example.org' is nothing"),
        ('text: "Your message is empty."', f'text: "{"Very long. " * 40}"', "439 characters are heard"),
        ('- condition: *en\n    channel: voice\n    text: "One', '- condition: *en\n    text: "One', "none in en"),
        ('"Ihre Nachricht ist leer."', '"Leer."\n    buttons: [{title: "🙂", payload: /greet}]', "'🙂' is nothing"),
    ],
)
def test_what_callers_cannot_hear_is_found(tmp_path: Path, old: str, new: str, what: str) -> None:
    file = tmp_path / "portal.yml"
    shutil.copy(ROOT / "bot" / "domain" / "portal.yml", file)
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    findings = check_audible(tmp_path)
    assert [finding for finding in findings if what in finding.what]


def test_a_text_that_is_only_for_chat_may_be_for_the_eye(tmp_path: Path) -> None:
    text = (ROOT / "bot" / "domain" / "portal.yml").read_text("utf-8")
    assert "schreiben Sie" in text
    (tmp_path / "portal.yml").write_text(text, "utf-8")
    assert check_audible(tmp_path) == []


def test_placeholders_are_heard_with_ordinary_values() -> None:
    assert heard("Bestellung {number} über {total}.", "de") == (
        "Bestellung eins null vier acht, zwei neun eins sieben über 149 Euro 80."
    )
