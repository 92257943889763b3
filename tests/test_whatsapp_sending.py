"""What the portal sends on WhatsApp: within Meta's schema and limits, and what is kept of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.forms import utf16
from bot.channels.outlet import Form, Refused, Template, Unclear
from bot.channels.whatsapp import WhatsApp
from bot.sandbox.whatsapp_rules import WhatsAppRules
from bot.sandbox.world import World
from bot.turns import Attachment, Choice, Link, Location, Reply
from tests import meta_wire as wire
from tests.meta_wire import NUMBER, NUMBER_ID, TEXTS, TOKEN, USER_ID, Collector, Graph, delivery

RULES = WhatsAppRules(World(), {("reopen_v1", "de"): 1, ("sent_v2", "de"): 0})
YES_NO = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))
SHOP = Location(53.5511, 9.9937, "Nordwind Hamburg", "Mönckebergstraße 7, 20095 Hamburg")


@pytest.fixture(scope="module")
def channel() -> WhatsApp:
    return WhatsApp(wire.settings(), Collector(), TEXTS, http=wire.impatient())


@pytest.fixture
def meta() -> Iterator[Graph]:
    with wire.graph() as played:
        yield played


def sending(meta: Graph) -> WhatsApp:
    return WhatsApp(wire.settings(meta.url), Collector(), TEXTS, http=wire.impatient())


def sent(forms: list[Form]) -> list[dict[str, Any]]:
    """The messages as they would go out; each one is checked against schema and limits."""
    frame = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": NUMBER}
    bodies = [{**frame, **form, "biz_opaque_callback_data": "d1"} for form in forms]
    for body in bodies:
        RULES.shown(body)
    return forms


def choices(count: int, title: str = "Antwort") -> tuple[Choice, ...]:
    return tuple(Choice(f"{title} {number}", f"/answer_{number}") for number in range(1, count + 1))


def test_a_text_is_a_text(channel: WhatsApp) -> None:
    assert sent(channel.forms(Reply("Guten Tag 🙂"), "t1.0")) == [
        {"type": "text", "text": {"body": "Guten Tag 🙂", "preview_url": False}}
    ]


def test_up_to_three_choices_are_buttons_with_our_ids_and_never_the_payload(channel: WhatsApp) -> None:
    (form,) = sent(channel.forms(Reply("Stimmt das?", YES_NO), "t1.0"))
    assert form["interactive"] == {
        "type": "button",
        "body": {"text": "Stimmt das?"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "t1.0.0", "title": "Ja"}},
                {"type": "reply", "reply": {"id": "t1.0.1", "title": "Nein"}},
            ]
        },
    }
    assert "/affirm" not in str(form)


@pytest.mark.parametrize(("language", "label"), [("de", "Auswählen"), ("en", "Choose")])
def test_up_to_ten_choices_are_a_list(channel: WhatsApp, language: str, label: str) -> None:
    (form,) = sent(channel.forms(Reply("Worum geht es?", choices(10), language=language), "t1.0"))
    action = form["interactive"]["action"]
    assert action["button"] == label
    assert action["sections"][0]["rows"][9] == {"id": "t1.0.9", "title": "Antwort 10"}


def test_a_title_too_long_for_a_button_is_told_whole_in_a_list(channel: WhatsApp) -> None:
    long = Choice("Ich möchte die Ware in der Filiale abholen", "/pick_up")
    (form,) = sent(channel.forms(Reply("Wie?", (*YES_NO, long)), "t1.0"))
    row = form["interactive"]["action"]["sections"][0]["rows"][2]
    assert row["description"] == long.title
    assert utf16(row["title"]) <= 24


def test_more_choices_are_numbers_in_the_text(channel: WhatsApp) -> None:
    reply = Reply("Worum geht es?", choices(11))
    (form,) = sent(channel.forms(reply, "t1.0"))
    assert form["type"] == "text"
    assert "11 Antwort 11" in form["text"]["body"]
    assert channel.numbers_choices(reply)
    assert not channel.numbers_choices(Reply("", choices(10)))
    assert not channel.numbers_choices(Reply("Nur Text"))


def test_choices_without_words_get_some(channel: WhatsApp) -> None:
    (form,) = sent(channel.forms(Reply("", YES_NO, language="en"), "t1.0"))
    assert form["interactive"]["body"] == {"text": "Please choose."}


def test_a_long_text_goes_before_its_buttons(channel: WhatsApp) -> None:
    text = "Ein Satz mit einigen Wörtern. " * 60
    *before, last = sent(channel.forms(Reply(text, YES_NO), "t1.0"))
    assert [form["type"] for form in before] == ["text"]
    assert last["type"] == "interactive"
    told = " ".join([*(form["text"]["body"] for form in before), last["interactive"]["body"]["text"]])
    assert told.split() == text.split()


def test_an_image_has_a_short_text_below_it(channel: WhatsApp) -> None:
    image = "https://shop.example.com/kettle.jpg"
    assert sent(channel.forms(Reply("So sieht er aus.", image=image), "t1.0")) == [
        {"type": "image", "image": {"link": image, "caption": "So sieht er aus."}}
    ]
    assert sent(channel.forms(Reply("", image=image), "t1.0")) == [{"type": "image", "image": {"link": image}}]


def test_an_image_comes_before_a_long_text_or_buttons(channel: WhatsApp) -> None:
    image = "https://shop.example.com/kettle.jpg"
    long = sent(channel.forms(Reply("Wort " * 300, image=image), "t1.0"))
    asked = sent(channel.forms(Reply("Diesen?", YES_NO, image=image), "t1.0"))
    assert [form["type"] for form in long] == ["image", "text"]
    assert [form["type"] for form in asked] == ["image", "interactive"]
    assert all("caption" not in forms[0]["image"] for forms in (long, asked))


def test_a_link_stands_in_the_text_with_a_preview(channel: WhatsApp) -> None:
    link = Link("Sendung verfolgen", "https://track.example.com/JD014600")
    (form,) = sent(channel.forms(Reply("Ihr Paket ist unterwegs.", link=link), "t1.0"))
    assert form["text"] == {
        "body": "Ihr Paket ist unterwegs.\n\nSendung verfolgen: https://track.example.com/JD014600",
        "preview_url": True,
    }


def test_a_place_is_a_place_and_buttons_stay_last(channel: WhatsApp) -> None:
    plain = sent(channel.forms(Reply("Hier sind wir.", location=SHOP), "t1.0"))
    asked = sent(channel.forms(Reply("Passt das?", YES_NO, location=SHOP), "t1.0"))
    assert [form["type"] for form in plain] == ["text", "location"]
    assert [form["type"] for form in asked] == ["location", "interactive"]
    assert plain[1]["location"] == {
        "latitude": "53.5511",
        "longitude": "9.9937",
        "name": SHOP.name,
        "address": SHOP.address,
    }


@settings(max_examples=80, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n🙂"), max_size=5000),
    titles=st.lists(st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=90), max_size=12),
    image=st.booleans(),
    place=st.booleans(),
)
def test_every_reply_fits_the_limits(text: str, titles: list[str], image: bool, place: bool) -> None:
    channel = WhatsApp(wire.settings(), Collector(), TEXTS, http=wire.impatient())
    reply = Reply(
        text,
        tuple(Choice(title, "/x") for title in titles),
        image="https://shop.example.com/a.jpg" if image else None,
        location=SHOP if place else None,
    )
    sent(channel.forms(reply, "t" * 64 + ".0"))


def test_a_template_has_its_variables_in_order_without_line_breaks(channel: WhatsApp) -> None:
    template = Template("reopen", {"de": "reopen_v1"}, ("customer",))
    form = channel.template_form(template, "de", {"customer": "Frau\n\n  Ahrens", "other": "x"})
    assert form is not None
    (checked,) = sent([form])
    assert checked["template"] == {
        "name": "reopen_v1",
        "language": {"code": "de"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Frau Ahrens"}]}],
    }
    assert channel.template_form(template, "en", {"customer": "x"}) is None
    assert sent([channel.template_form(Template("sent", {"de": "sent_v2"}, ()), "de", {}) or {}])


def test_a_message_carries_our_id_and_gives_metas(meta: Graph) -> None:
    meta.answer(200, {"messaging_product": "whatsapp", "messages": [{"id": "wamid.9"}]})
    form = {"type": "text", "text": {"body": "Grüße", "preview_url": False}}
    assert sending(meta).send(delivery("whatsapp", form)) == "wamid.9"
    assert meta.asked[0].path == f"/v23.0/{NUMBER_ID}/messages"
    assert meta.asked[0].body == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": NUMBER,
        "type": "text",
        "text": {"body": "Grüße", "preview_url": False},
        "biz_opaque_callback_data": "d1",
    }


def test_a_customer_without_a_number_is_written_to_by_user_id(meta: Graph) -> None:
    meta.answer(200, {"messages": [{"id": "wamid.9"}]})
    form = {"type": "text", "text": {"body": "Grüße", "preview_url": False}}
    sending(meta).send(delivery("whatsapp", form, f"{NUMBER_ID}/{USER_ID}"))
    body = meta.asked[0].body
    assert body["recipient"] == USER_ID
    assert "to" not in body
    RULES.shown(body)


@pytest.mark.parametrize("answer", [{}, {"messages": []}, {"messages": [{}]}, [], b"OK"])
def test_an_answer_without_a_message_is_unclear(meta: Graph, answer: Any) -> None:
    meta.answer(200, answer)
    with pytest.raises(Unclear):
        sending(meta).send(delivery("whatsapp", {"type": "text", "text": {"body": "x"}}))


def test_reading_and_writing_are_shown_with_one_request(meta: Graph) -> None:
    meta.answer(200, {"success": True})
    sending(meta).show_typing(f"{NUMBER_ID}/{NUMBER}", "wamid.1")
    (asked,) = meta.asked
    assert asked.path == f"/v23.0/{NUMBER_ID}/messages"
    assert asked.body == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.1",
        "typing_indicator": {"type": "text"},
    }


def test_a_medium_is_located_with_our_token_on_metas_hosts_only(meta: Graph) -> None:
    url = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=81"
    meta.answer(200, {"id": "81", "url": url, "mime_type": "image/jpeg", "sha256": "ab" * 32, "file_size": 1024})
    located = sending(meta).locate(Attachment("image", "81"), f"{NUMBER_ID}/{NUMBER}")
    assert (located.url, located.sha256) == (url, "ab" * 32)
    assert located.headers == {"Authorization": f"Bearer {TOKEN}"}
    assert TOKEN not in repr(located)
    assert located.allowed_hosts == (
        "lookaside.fbsbx.com",
        "cdn.fbsbx.com",
        "graph.facebook.com",
        "*.fbcdn.net",
        meta.url.removesuffix("/v23.0"),
    )
    assert meta.asked[0].path == "/v23.0/81"


@pytest.mark.parametrize("source", ["", "../me", "81?fields=x", "81/x"])
def test_a_medium_without_a_plain_id_is_not_asked_for(meta: Graph, source: str) -> None:
    with pytest.raises(Refused):
        sending(meta).locate(Attachment("image", source), f"{NUMBER_ID}/{NUMBER}")
    assert meta.asked == []


def test_meta_cannot_be_asked_what_became_of_a_message(channel: WhatsApp) -> None:
    assert channel.find(delivery("whatsapp", {})) is None
