"""Refusing and allowing that we learn from one's words: what the words mean, and where they are heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.learning import learning_wish
from actions.load import load
from tests.heard_talk import HeardTalk
from tests.matter_talk import DEMO, TODAY

REFUSALS = """
ihr dürft aus meinen nachrichten nicht lernen
wo kann ich abstellen, dass meine chats ausgewertet werden
nie wieder aus meinen nachrichten lernen
ich will nicht dass ihr wieder aus meinen chats lernt
Ich lege Widerspruch ein, hört auf damit
Widerspruch gegen die Aufzeichnung meiner Chats
ihr dürft nichts aus meinen nachrichten lernen
ihr dürft auf keinen fall aus meinen chats lernen
Ich widerrufe meine Erlaubnis zum Lernen
ich ziehe meine einwilligung zurück
Sie können meine Nachrichten ausschließen
ihr könnt das Lernen lassen
mog ned dass ihr des zum lernen hernehmts
ja ich bin dagegen
ja ich hab was dagegen
please don't learn from my messages
please don’t learn from me again
never learn from my messages again
i am against you learning from my messages
you cannot use my chats for training
opt me out of ai training
i withdraw my permission
""".strip().splitlines()
PERMISSIONS = """
ich hab nichts dagegen wenn ihr aus meinen nachrichten lernt
ihr könnt meine nachrichten gern zum lernen nehmen
ihr dürft doch wieder von mir lernen
ich nehm meinen widerspruch gegen das training zurück
von mir aus dürfen sie aus meinem anruf lernen
i withdraw my objection to you learning from my chats
you may learn from me again
no problem, use my messages
you can use my messages, i don't mind
""".strip().splitlines()
NEITHER = """
lernt ihr aus dem was ich hier schreibe
dürft ihr aus meinen nachrichten lernen
wer hat euch erlaubt aus meinen chats zu lernen
muss ich einverstanden sein dass ihr von mir lernt
habe ich das irgendwo erlaubt
ist das überhaupt erlaubt
ihr könnt mich mal
did i agree to this
are you learning from me again
""".strip().splitlines()


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fresh demo shop."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    load(DEMO, today=TODAY)


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        *((said, "refuse") for said in REFUSALS),
        *((said, "allow") for said in PERMISSIONS),
        *((said, None) for said in NEITHER),
    ],
)
def test_the_wish_is_read_from_the_words(said: str, wish: str | None) -> None:
    assert learning_wish(said) == wish


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(("said", "is_allowed"), [(REFUSALS[0], False), (PERMISSIONS[0], True)])
def test_the_portal_is_told(said: str, is_allowed: bool) -> None:
    talk = HeardTalk()
    talk.turn("manage_learning", said)
    assert talk.effects == [{"learning": {"allowed": is_allowed}}]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("intent", "said", "is_allowed"),
    [
        ("deny", "nö", False),
        ("inform", "lieber nicht", False),
        ("affirm", "ja ich bin dagegen", False),
        ("affirm", "ja klar", True),
        ("inform", "von mir aus", True),
    ],
)
def test_a_question_about_learning_is_answered_and_asked_back(intent: str, said: str, is_allowed: bool) -> None:
    talk = HeardTalk()
    assert "ohne Namen" in talk.turn("manage_learning", "lernt ihr eigentlich aus meinen nachrichten")
    talk.turn(intent, said)
    assert talk.effects == [{"learning": {"allowed": is_allowed}}]


@pytest.mark.usefixtures("shop")
def test_a_refusal_is_heard_where_own_words_are_asked_for() -> None:
    talk = HeardTalk()
    talk.turn("complain", "ich möchte mich beschweren")
    talk.turn("manage_learning", "lernt nicht aus dem was ich hier schreibe")
    assert talk.effects == [{"learning": {"allowed": False}}]
