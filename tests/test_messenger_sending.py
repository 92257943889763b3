"""What the portal sends in Messenger: within the Send API's limits, and what is kept of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.messenger import Messenger
from bot.channels.outlet import Form, NotTaken, Template, Unclear, WindowClosed
from bot.sandbox.messenger_rules import MessengerRules
from bot.sandbox.world import World
from bot.turns import Attachment, Choice, Link, Location, Reply
from tests import meta_wire as wire
from tests.meta_wire import PAGE, PERSON, TEXTS, Collector, Graph, delivery

WORLD = World()
RULES = MessengerRules(WORLD)
YES_NO = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))
TRACKING = Link("Sendung verfolgen", "https://track.example.com/JD014600")
SHOP = Location(53.5511, 9.9937, "Nordwind Hamburg", "Mönckebergstraße 7, 20095 Hamburg")
PHOTO = "https://shop.example.com/kettle.jpg"


@pytest.fixture(scope="module", autouse=True)
def _customer() -> None:
    WORLD.person("messenger", PERSON)


@pytest.fixture(scope="module")
def channel() -> Messenger:
    return Messenger(wire.settings(), Collector(), TEXTS, http=wire.impatient())


@pytest.fixture
def meta() -> Iterator[Graph]:
    with wire.graph() as played:
        yield played


def sending(meta: Graph) -> Messenger:
    return Messenger(wire.settings(meta.url), Collector(), TEXTS, http=wire.impatient())


def sent(forms: list[Form]) -> list[Form]:
    """The messages; each one is checked against schema and limits."""
    for form in forms:
        body = {"recipient": {"id": PERSON}, "messaging_type": "RESPONSE", "message": {**form, "metadata": "d1"}}
        RULES.check(body)
        RULES.shown(body["message"])  # type: ignore[arg-type]
    return forms


def choices(count: int) -> tuple[Choice, ...]:
    return tuple(Choice(f"Antwort {number}", f"/answer_{number}") for number in range(1, count + 1))


def test_a_text_is_a_text(channel: Messenger) -> None:
    assert sent(channel.forms(Reply("Guten Tag 🙂"), "t1.0")) == [{"text": "Guten Tag 🙂"}]


def test_choices_are_quick_replies_with_our_ids_and_never_the_payload(channel: Messenger) -> None:
    (form,) = sent(channel.forms(Reply("Stimmt das?", YES_NO), "t1.0"))
    assert form == {
        "text": "Stimmt das?",
        "quick_replies": [
            {"content_type": "text", "title": "Ja", "payload": "t1.0.0"},
            {"content_type": "text", "title": "Nein", "payload": "t1.0.1"},
        ],
    }


def test_thirteen_choices_are_quick_replies_and_more_are_numbers(channel: Messenger) -> None:
    (thirteen,) = sent(channel.forms(Reply("Worum geht es?", choices(13)), "t1.0"))
    (fourteen,) = sent(channel.forms(Reply("Worum geht es?", choices(14)), "t1.0"))
    assert len(thirteen["quick_replies"]) == 13
    assert "quick_replies" not in fourteen
    assert "14 Antwort 14" in fourteen["text"]
    assert not channel.numbers_choices(Reply("", choices(13)))
    assert channel.numbers_choices(Reply("", choices(14)))


def test_a_title_that_meta_would_cut_makes_numbers(channel: Messenger) -> None:
    reply = Reply("Wie?", (*YES_NO, Choice("Ich hole es in der Filiale ab", "/pick_up")))
    (form,) = sent(channel.forms(reply, "t1.0"))
    assert "3 Ich hole es in der Filiale ab" in form["text"]
    assert channel.numbers_choices(reply)


def test_choices_without_words_get_some(channel: Messenger) -> None:
    (form,) = sent(channel.forms(Reply("", YES_NO), "t1.0"))
    assert form["text"] == "Bitte wählen Sie."


def test_a_long_text_becomes_several_and_the_last_one_has_the_choices(channel: Messenger) -> None:
    text = "Ein Satz mit einigen Wörtern. " * 150
    forms = sent(channel.forms(Reply(text, YES_NO), "t1.0"))
    assert len(forms) > 2
    assert ["quick_replies" in form for form in forms] == [False] * (len(forms) - 1) + [True]
    assert " ".join(form["text"] for form in forms).split() == text.split()


def test_a_link_is_a_button_below_the_text(channel: Messenger) -> None:
    (form,) = sent(channel.forms(Reply("Ihr Paket ist unterwegs.", link=TRACKING), "t1.0"))
    assert form["attachment"]["payload"] == {
        "template_type": "button",
        "text": "Ihr Paket ist unterwegs.",
        "buttons": [{"type": "web_url", "url": TRACKING.url, "title": TRACKING.title}],
    }


def test_a_long_text_goes_before_the_link(channel: Messenger) -> None:
    forms = sent(channel.forms(Reply("Ein Satz mit einigen Wörtern. " * 40, link=TRACKING), "t1.0"))
    assert ["text" in form for form in forms] == [True] * (len(forms) - 1) + [False]


@pytest.mark.parametrize(
    "reply",
    [
        Reply("Unterwegs.", YES_NO, link=TRACKING),
        Reply("Unterwegs.", link=Link("Wo Ihre Sendung gerade ist", TRACKING.url)),
        Reply("Unterwegs.", link=Link("Verfolgen", "http://track.example.com/1")),
    ],
    ids=["with choices", "long title", "not https"],
)
def test_a_link_that_fits_no_button_stands_in_the_text(channel: Messenger, reply: Reply) -> None:
    (form,) = sent(channel.forms(reply, "t1.0"))
    assert reply.link is not None
    assert form["text"].startswith(f"Unterwegs.\n\n{reply.link.title}: {reply.link.url}")


def test_an_image_comes_first(channel: Messenger) -> None:
    image = {"attachment": {"type": "image", "payload": {"url": PHOTO}}}
    assert sent(channel.forms(Reply("So sieht er aus.", image=PHOTO), "t1.0")) == [image, {"text": "So sieht er aus."}]
    assert sent(channel.forms(Reply("", image=PHOTO), "t1.0")) == [image]


def test_a_place_is_told_with_a_map(channel: Messenger) -> None:
    (form,) = sent(channel.forms(Reply("Hier sind wir.", location=SHOP), "t1.0"))
    assert form["text"].startswith(f"Hier sind wir.\n\n{SHOP.name}\n{SHOP.address}\nhttps://www.openstreetmap.org/")


@settings(max_examples=80, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n🙂"), max_size=5000),
    titles=st.lists(st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=30), max_size=15),
    link=st.booleans(),
    place=st.booleans(),
)
def test_every_reply_fits_the_limits(text: str, titles: list[str], link: bool, place: bool) -> None:
    channel = Messenger(wire.settings(), Collector(), TEXTS, http=wire.impatient())
    reply = Reply(
        text,
        tuple(Choice(title, "/x") for title in titles),
        link=TRACKING if link else None,
        location=SHOP if place else None,
    )
    sent(channel.forms(reply, "t" * 64 + ".0"))


def test_a_message_carries_our_id_and_gives_metas(meta: Graph) -> None:
    meta.answer(200, {"recipient_id": PERSON, "message_id": "m_9"})
    assert sending(meta).send(delivery("messenger", {"text": "Grüße"})) == "m_9"
    assert meta.asked[0].path == "/v23.0/me/messages"
    assert meta.asked[0].body == {
        "recipient": {"id": PERSON},
        "messaging_type": "RESPONSE",
        "message": {"text": "Grüße", "metadata": "d1"},
    }


@pytest.mark.parametrize("answer", [{}, {"message_id": 5}, [], b"OK"])
def test_an_answer_without_a_message_is_unclear(meta: Graph, answer: Any) -> None:
    meta.answer(200, answer)
    with pytest.raises(Unclear):
        sending(meta).send(delivery("messenger", {"text": "x"}))


def test_a_closed_window_is_told_and_no_template_opens_it(meta: Graph, channel: Messenger) -> None:
    meta.refuse(400, 10, 2018278)
    with pytest.raises(WindowClosed):
        sending(meta).send(delivery("messenger", {"text": "x"}))
    assert channel.template_form(Template("reopen", {"de": "reopen_v1"}, ()), "de", {}) is None
    assert channel.has_window


def test_reading_and_writing_are_shown(meta: Graph) -> None:
    meta.answer(200, {"recipient_id": PERSON})
    sending(meta).show_typing(f"{PAGE}/{PERSON}", "m_1")
    assert [asked.body for asked in meta.asked] == [
        {"recipient": {"id": PERSON}, "sender_action": "mark_seen"},
        {"recipient": {"id": PERSON}, "sender_action": "typing_on"},
    ]
    for asked in meta.asked:
        RULES.check(asked.body)


def test_when_reading_cannot_be_shown_writing_is_not_tried(meta: Graph) -> None:
    meta.refuse(400, 613)
    with pytest.raises(NotTaken):
        sending(meta).show_typing(f"{PAGE}/{PERSON}", "m_1")
    assert len(meta.asked) == 1


def test_a_file_is_fetched_from_metas_hosts_without_a_token(channel: Messenger) -> None:
    url = "https://cdn.fbsbx.com/v/r.pdf"
    located = channel.locate(Attachment("document", url), f"{PAGE}/{PERSON}")
    assert (located.url, located.headers, located.sha256) == (url, {}, None)
    assert "cdn.fbsbx.com" in located.allowed_hosts


def test_meta_cannot_be_asked_what_became_of_a_message(channel: Messenger) -> None:
    assert channel.find(delivery("messenger", {})) is None
