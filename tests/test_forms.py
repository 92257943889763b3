"""What an answer looks like within a channel's limits: splitting, choices, links and places."""

from __future__ import annotations

from dataclasses import replace

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.forms import (
    ANSWER_BY_NUMBER,
    LIST_BUTTON,
    PLEASE_CHOOSE,
    ChoiceLimits,
    Measure,
    as_text,
    fits_buttons,
    fits_list,
    for_sms,
    list_rows,
    numbered,
    octets,
    shortened,
    showing,
    split_before,
    split_text,
    together,
    utf16,
    without_emoji,
)
from bot.engine.attachments import is_page, link_in, location_in
from bot.texts import Texts
from bot.turns import Choice, Link, Location, Reply

HINT = "Es genügt die Nummer."
FAMILY = "👩\u200d👩\u200d👧"
WORDS = st.text(st.sampled_from("abcäöüß€ñ.!?,:;…“„-09"), min_size=1, max_size=12)
GAPS = st.sampled_from([" ", "  ", "\n", "\n\n", "\r\n", "\t", " \n \n "])
TEXTS = st.lists(st.tuples(WORDS, GAPS), max_size=60).map(lambda parts: "".join(word + gap for word, gap in parts))
ANYTHING = st.one_of(
    TEXTS, st.text(max_size=300), st.text(st.sampled_from("aé\u0301😊🇩🇪👩\u200d👧\ufe0f1 \n\xa0"), max_size=200)
)
VISIBLE = ["a", "ß", "e\u0301", "👍🏽", "❤\ufe0f", "👩\u200d👩\u200d👧", "🇩🇪", " ", "\n", ". ", "\r\n"]
MEASURES: list[Measure] = [len, utf16, octets]


def visible(text: str) -> list[str]:
    """The characters of a text as people see them, without blanks."""
    return [sign for sign in regex.findall(r"\X", text) if sign.strip()]


def choices(*titles: str) -> list[Choice]:
    return [Choice(title, "/affirm") for title in titles]


@given(ANYTHING, st.integers(4, 120), st.sampled_from(MEASURES))
def test_no_piece_is_too_long_or_empty(text: str, most: int, measure: Measure) -> None:
    pieces = split_text(text, most, measure)
    assert all(0 < measure(piece) <= most for piece in pieces)
    assert all(piece.strip() for piece in pieces)


@given(TEXTS, st.integers(12, 80))
def test_the_pieces_together_have_every_word(text: str, most: int) -> None:
    assert " ".join(split_text(text, most)).split() == text.split()


@given(ANYTHING, st.integers(4, 60), st.sampled_from(MEASURES))
def test_no_character_is_lost_or_added(text: str, most: int, measure: Measure) -> None:
    assert "".join("".join(split_text(text, most, measure)).split()) == "".join(text.split())


@given(st.lists(st.sampled_from(VISIBLE), max_size=80).map("".join), st.integers(8, 40))
def test_no_visible_character_is_cut(text: str, most: int) -> None:
    pieces = split_text(text, most)
    assert [sign for piece in pieces for sign in visible(piece)] == visible(text)


@given(ANYTHING, st.integers(20, 100), st.integers(5, 20))
def test_the_last_piece_leaves_room_for_choices(text: str, most: int, last_most: int) -> None:
    pieces = split_before(text, most, last_most)
    assert all(0 < len(piece) <= most for piece in pieces)
    assert all(len(piece) <= last_most for piece in pieces[-1:])


@given(ANYTHING)
def test_without_emoji_leaves_no_picture_and_keeps_the_letters(text: str) -> None:
    plain = without_emoji(text)
    assert not regex.search(r"\p{Emoji_Presentation}|\ufe0f", plain)
    assert regex.findall(r"\p{L}", plain) == regex.findall(r"\p{L}", text)


def test_a_text_is_cut_where_a_reader_would() -> None:
    text = "Guten Tag, Frau Dr. Mayer. Ihr Paket kommt am 24. November. Bis bald!"
    assert split_text(text, 60) == ["Guten Tag, Frau Dr. Mayer. Ihr Paket kommt am 24. November.", "Bis bald!"]
    assert split_text(text, 50)[0] == "Guten Tag, Frau Dr. Mayer."
    assert split_text("Erstens das.\nUnd das.\n\nZweitens. Drittens.", 32)[0] == "Erstens das.\nUnd das."
    assert split_text("Das kostet 89,90\xa0€ im Monat", 15) == ["Das kostet", "89,90\xa0€ im", "Monat"]
    assert split_text("  \n ", 10) == []


def test_a_long_word_is_cut_between_characters_as_people_see_them() -> None:
    assert split_text(FAMILY * 3, 13, utf16) == [FAMILY] * 3
    with pytest.raises(ValueError, match="fits"):
        split_text("Ä", 1, octets)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Gern! 😊", "Gern!"),
        ("Danke 👍🏽, bis bald", "Danke, bis bald"),
        (f"Familie {FAMILY} Koch", "Familie Koch"),
        ("🇩🇪 Deutschland", "Deutschland"),
        ("1️⃣ Ja\n2️⃣ Nein", "1 Ja\n2 Nein"),
        ("Ja😊Nein", "Ja Nein"),
        ("Nordwind® 24 °C, 5 € © 2026 # * 7", "Nordwind® 24 °C, 5 € © 2026 # * 7"),
        ("✅", ""),
    ],
)
def test_emoji_are_taken_out_without_a_trace(text: str, plain: str) -> None:
    assert without_emoji(text) == plain


def test_a_text_message_uses_cheap_signs() -> None:
    assert for_sms("„Rückruf“ – um 8\u202fUhr … 😊") == '"Rückruf" - um 8 Uhr ...'
    assert for_sms("Größe: 5 €, ÄÖÜ") == "Größe: 5 €, ÄÖÜ"


@pytest.mark.parametrize(
    ("titles", "shown"),
    [
        ([], "nothing"),
        (["Ja", "Nein"], "buttons"),
        (["Ja", "ja "], "numbers"),
        (["Ja", "Nein", "Später", "Nie"], "list"),
        (["Mit einem Menschen sprechen", "Nein"], "list"),
        ([f"Möglichkeit {number}" for number in range(11)], "numbers"),
        (["Regenjacke Sturm Damen Größe M", "Regenjacke Sturm Damen Größe L"], "numbers"),
        (["Regenjacke Sturm", "Regenjacke Sturm Damen Größe"], "list"),
        (["Regenjacke Sturm", "Regenjacke Sturm Damengröße"], "numbers"),
        (["x" * 73], "numbers"),
    ],
)
def test_choices_become_buttons_else_a_list_else_numbers(titles: list[str], shown: str) -> None:
    assert showing(choices(*titles), ChoiceLimits(buttons=3, rows=10)) == shown


def test_a_long_title_is_told_whole_below_its_row() -> None:
    rows = list_rows(choices("Mit einem Menschen sprechen", "Nein"))
    assert rows is not None
    assert [(row.title, row.description) for row in rows] == [
        ("Mit einem Menschen…", "Mit einem Menschen sprechen"),
        ("Nein", ""),
    ]


@given(st.lists(st.text(min_size=1, max_size=90), min_size=1, max_size=12))
def test_shown_titles_are_distinct_and_within_their_limits(titles: list[str]) -> None:
    offered = choices(*titles)
    if fits_buttons(offered):
        assert len({title.casefold() for title in titles}) == len(titles) <= 3
    rows = list_rows(offered)
    assert fits_list(offered) == (rows is not None)
    if rows is not None:
        assert len({row.title for row in rows}) == len(rows)
        assert all(0 < utf16(row.title) <= 24 and utf16(row.description) <= 72 for row in rows)
        assert all(
            row.title == title.strip() or row.description == title.strip()
            for row, title in zip(rows, titles, strict=True)
        )


@given(st.text(max_size=80), st.integers(10, 40))
def test_a_shortened_text_fits(text: str, most: int) -> None:
    assert utf16(shortened(text, most)) <= most


def test_choices_stand_as_numbers_below_the_text() -> None:
    assert numbered("Stimmt das?", choices("Ja", "Nein"), HINT) == f"Stimmt das?\n\n1 Ja\n2 Nein\n\n{HINT}"
    assert "1: 12. November\n2: Später" in numbered("Wann?", choices("12. November", "Später"), HINT)
    assert numbered("Bis bald.", [], HINT) == "Bis bald."


def test_a_reply_as_one_text_tells_everything() -> None:
    reply = Reply(
        "Sie finden uns hier: Petersstraße 4.",
        tuple(choices("Ja")),
        "https://nordwind.example/laden.jpg",
        link=Link("Anfahrt", "https://nordwind.example/weg"),
        location=Location(51.3392, 12.3742, "Nordwind Leipzig", "Petersstraße 4"),
    )
    lines = as_text(reply, HINT).splitlines()
    assert lines[1] == "Anfahrt: https://nordwind.example/weg"
    assert lines[2] == "https://www.openstreetmap.org/?mlat=51.33920&mlon=12.37420#map=17/51.33920/12.37420"
    assert lines[3] == "https://nordwind.example/laden.jpg"
    assert lines[-3:] == ["1 Ja", "", HINT]
    alone = Reply("", location=Location(51.3392, 12.3742, "Nordwind Leipzig", "Petersstraße 4"))
    assert as_text(alone, HINT).splitlines()[:2] == ["Nordwind Leipzig", "Petersstraße 4"]


@pytest.mark.parametrize("language", ["de", "en"])
def test_what_channels_say_themselves_stands_in_the_domain(language: str) -> None:
    texts = Texts.load()
    assert 0 < len(texts.say(LIST_BUTTON, language)) <= 20
    assert "ummer" in texts.say(ANSWER_BY_NUMBER, language) or "number" in texts.say(ANSWER_BY_NUMBER, language)
    assert texts.say(PLEASE_CHOOSE, language)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://nordwind.example/weg?x=1#y", True),
        ("http://nordwind.example/", False),
        ("javascript:alert(1)", False),
        ("https://user:word@nordwind.example/", False),
        ("https:///weg", False),
        ("https://nordwind.example:99999/", False),
        ("https://nordwind.example/a b", False),
        ('https://nordwind.example/"onclick="x', False),
        ("https://nordwind.example/" + "x" * 2000, False),
        ("https://nordwind.example/{url}", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_only_a_plain_https_address_is_a_link(url: str, good: bool) -> None:
    assert is_page(url) == good
    assert (link_in({"link": {"title": "Weg", "url": url}}) is not None) == good


@pytest.mark.parametrize(
    ("given_degrees", "found"),
    [
        (("53.55", "9.99"), Location(53.55, 9.99, "Hafen")),
        (("", ""), None),
        (("91", "9"), None),
        (("53", "-181"), None),
        (("nan", "9"), None),
        (("inf", "9"), None),
        (("{latitude}", "9"), None),
    ],
)
def test_only_degrees_are_a_location(given_degrees: tuple[str, str], found: Location | None) -> None:
    latitude, longitude = given_degrees
    assert location_in({"location": {"latitude": latitude, "longitude": longitude, "name": "Hafen"}}) == found


@pytest.mark.parametrize("attachment", [None, "https://nordwind.example/x.jpg", {}, {"link": "x"}, {"location": []}])
def test_an_attachment_of_another_kind_is_left_out(attachment: object) -> None:
    assert link_in(attachment) is None
    assert location_in(attachment) is None


def test_words_go_along_with_the_reply_that_follows() -> None:
    asked = Reply("Stornieren?", (Choice("Ja", "/affirm"),))
    place = Reply("Leipzig", location=Location(51.3, 12.4))
    assert together([Reply("Offen bis 18 Uhr."), Reply("Dann weiter."), asked]) == [
        None,
        None,
        replace(asked, text="Offen bis 18 Uhr.\n\nDann weiter.\n\nStornieren?"),
    ]
    assert together([place, asked]) == [place, asked]
    assert together([Reply("a" * 899), Reply("b")]) == [Reply("a" * 899), Reply("b")]
    assert together([]) == []


@given(st.lists(st.text(min_size=1, max_size=400), max_size=6))
def test_together_loses_no_words_and_keeps_every_place(texts: list[str]) -> None:
    joined = together([Reply(text) for text in texts])
    assert len(joined) == len(texts)
    assert "\n\n".join(reply.text for reply in joined if reply) == "\n\n".join(texts)
    assert all(reply is not None for reply in joined[-1:])
