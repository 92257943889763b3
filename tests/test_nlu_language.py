"""The language of what customers say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.language import detect

GERMAN = """
Wo bleibt mein Paket?
ich möchte meine bestellung stornieren
ja bitte
nein
Rechnung
rechnungskopie bitte
moin
ähm ja guten tag also ich hab da mal ne frage
koennt ihr mich zurueckrufen
grüß gott
paketverfolgung
das ist falsch
zelt ist kaputt
servus i hätt gern mei geld zruck
ne danke
Tschüss
am Freitag
English please sagt mein Freund immer, ich will aber Deutsch
"""
ENGLISH = """
Where is my parcel?
i want to cancel my order
yes please
no
invoice copy please
opening hours
um hi so i was wondering about my refund
can u call me back
thats wrong
my tent broke
cheers mate
on friday
don't want it anymore
I'd like to speak to a human
delivery to the neighbour
auf Deutsch is what my wife would say but I need it in English
"""
NEUTRAL = """
ok
12345678
👍

...
Annika Brandt
James Whitfield
22765 Hamburg
hi
nele.jansen@example.org
+49 171 3920044
Nordwind
asdf
"""


@pytest.mark.parametrize("text", GERMAN.strip().splitlines())
def test_german_is_told(text: str) -> None:
    guess = detect(text)
    assert guess is not None
    assert guess.language == "de"


@pytest.mark.parametrize("text", ENGLISH.strip().splitlines())
def test_english_is_told(text: str) -> None:
    guess = detect(text)
    assert guess is not None
    assert guess.language == "en"


@pytest.mark.parametrize("text", NEUTRAL.splitlines())
def test_what_says_nothing_about_language_is_no_guess(text: str) -> None:
    assert detect(text) is None


def test_more_words_make_surer() -> None:
    word, sentence = detect("paket"), detect("wo ist denn mein paket")
    assert word is not None
    assert sentence is not None
    assert word.confidence < sentence.confidence


def test_signs_and_spelling_of_umlauts_do_not_matter() -> None:
    assert detect("ÖFFNUNGSZEITEN, bitte!!!") == detect("oeffnungszeiten bitte")
    assert detect("don't") == detect("dont") == detect("don’t")


@given(st.text())
def test_any_text_gives_a_confidence_or_none(text: str) -> None:
    guess = detect(text)
    assert guess is None or 0.5 < guess.confidence <= 1
