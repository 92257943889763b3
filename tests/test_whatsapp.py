"""What customers do on WhatsApp, as Meta tells it, and what the portal makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.channels.events import Changed, Consent, Event, Noted, Status
from bot.turns import Attachment, Incoming, Intent
from tests.meta_wire import NUMBER, NUMBER_ID, USER_ID, Wire, whatsapp, wrote

ADDRESS = f"{NUMBER_ID}/{NUMBER}"
BY_USER_ID = f"{NUMBER_ID}/{USER_ID}"
UNSUPPORTED = (Attachment("unsupported", ""),)


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


def turn(wire: Wire, **content: Any) -> Incoming:
    """The turn that a message becomes."""
    (event,) = wire.told("whatsapp", whatsapp(wrote(**content)))
    assert isinstance(event, Incoming)
    return event


def told(wire: Wire, *messages: Any, **value: Any) -> list[Event]:
    return wire.told("whatsapp", whatsapp(*messages, **value))


def test_a_text_becomes_a_turn_with_everything_known_of_it(wire: Wire) -> None:
    assert turn(wire, id="wamid.HBgL+/==", type="text", text={"body": "Grüß Gott 🙂"}) == Incoming(
        channel="whatsapp",
        address=ADDRESS,
        provider_id="wamid.HBgL+/==",
        text="Grüß Gott 🙂",
        phone_hint=f"+{NUMBER}",
        at=datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "content",
    [
        {
            "type": "interactive",
            "interactive": {"type": "button_reply", "button_reply": {"id": "t1.0.2", "title": "Ja"}},
        },
        {
            "type": "interactive",
            "interactive": {"type": "list_reply", "list_reply": {"id": "t1.0.2", "title": "Ja", "description": "x"}},
        },
        {"type": "button", "button": {"payload": "t1.0.2", "text": "Ja"}},
    ],
    ids=["button", "list", "template"],
)
def test_what_was_pressed_is_a_choice_with_its_label(wire: Wire, content: dict[str, Any]) -> None:
    pressed = turn(wire, context={"from": "4940", "id": "wamid.0"}, **content)
    assert (pressed.choice, pressed.text, pressed.intent) == ("t1.0.2", "Ja", None)


@pytest.mark.parametrize("payload", ["", "x" * 201, "ä", "a b", "a\u0000", "\ud800"])
def test_an_id_that_cannot_be_ours_is_no_choice_and_the_label_counts(wire: Wire, payload: str) -> None:
    pressed = turn(wire, type="button", button={"payload": payload, "text": "Ja"})
    assert (pressed.choice, pressed.text) == (None, "Ja")


@pytest.mark.parametrize(
    ("place", "data"),
    [
        ({"latitude": 53.55, "longitude": 9.99}, {"latitude": "53.550000", "longitude": "9.990000"}),
        ({"latitude": -33, "longitude": 1e-9, "name": "x"}, {"latitude": "-33.000000", "longitude": "0.000000"}),
    ],
)
def test_a_shared_place_is_a_structured_turn(wire: Wire, place: dict[str, Any], data: dict[str, str]) -> None:
    shared = turn(wire, type="location", location=place)
    assert (shared.intent, shared.text, shared.attachments) == (Intent("location_shared", data), "", ())


@pytest.mark.parametrize(
    "place",
    [
        {"latitude": 90.1, "longitude": 0},
        {"latitude": 0, "longitude": -180.1},
        {"latitude": "2}}/restart", "longitude": 1},
        {"latitude": True, "longitude": 1},
        {"latitude": 1},
        {"latitude": 10**400, "longitude": 1},
        None,
    ],
)
def test_a_place_that_is_none_is_told_to_the_customer_as_unsupported(wire: Wire, place: Any) -> None:
    shared = turn(wire, type="location", location=place)
    assert (shared.intent, shared.attachments) == (None, UNSUPPORTED)


@pytest.mark.parametrize(
    ("content", "text", "expected"),
    [
        ({"type": "image", "image": {"id": "81", "mime_type": "image/jpeg", "sha256": "x", "caption": "Kaputt!"}},
         "Kaputt!", Attachment("image", "81", "image/jpeg")),
        ({"type": "document", "document": {"id": "82", "mime_type": "application/pdf", "filename": "Be\u202eleg.pdf"}},
         "", Attachment("document", "82", "application/pdf", "Beleg.pdf")),
        ({"type": "audio", "audio": {"id": "83", "mime_type": "audio/ogg; codecs=opus", "voice": True}},
         "", Attachment("voice", "83", "audio/ogg; codecs=opus")),
        ({"type": "audio", "audio": {"id": "84", "mime_type": "audio/mpeg", "voice": False}},
         "", Attachment("audio", "84", "audio/mpeg")),
        ({"type": "video", "video": {"id": "85", "mime_type": "video/mp4"}},
         "", Attachment("video", "85", "video/mp4")),
        ({"type": "sticker", "sticker": {"id": "86", "mime_type": "image/webp", "animated": True}},
         "", Attachment("sticker", "86", "image/webp")),
        ({"type": "contacts", "contacts": [{"name": {"formatted_name": "Jördis"}}]}, "", Attachment("contact", "")),
    ],
    ids=["image", "document", "voice", "audio", "video", "sticker", "contact"],
)  # fmt: skip
def test_media_are_attachments_and_a_caption_is_the_text(
    wire: Wire, content: dict[str, Any], text: str, expected: Attachment
) -> None:
    sent = turn(wire, **content)
    assert (sent.text, sent.attachments) == (text, (expected,))


@pytest.mark.parametrize(
    "content",
    [
        {"type": "unsupported", "errors": [{"code": 131051, "title": "Message type unknown"}]},
        {"type": "order", "order": {"catalog_id": "1", "product_items": []}},
        {"type": "hologram", "hologram": {}},
        {"type": "text", "text": {"body": " \n"}},
        {"type": "image", "image": {"id": "../../etc", "mime_type": "image/png"}},
        {"type": "image"},
        {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{}"}}},
    ],
    ids=["unsupported", "order", "unknown", "blank", "odd id", "no image", "flow"],
)
def test_what_cannot_be_taken_is_told_to_the_customer(wire: Wire, content: dict[str, Any]) -> None:
    sent = turn(wire, **content)
    assert (sent.text, sent.intent, sent.attachments) == ("", None, UNSUPPORTED)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"type": "reaction", "reaction": {"message_id": "wamid.0", "emoji": "👍"}}, "reaction"),
        ({"type": "reaction", "reaction": {"message_id": "wamid.0"}}, "reaction"),
        ({"type": "system", "system": {"type": "user_changed_number", "wa_id": "491715550102"}}, "system"),
        ({"type": "request_welcome"}, "welcome"),
        ({"type": "text", "text": {"body": "Hallo zusammen"}, "group_id": "Y2FwaV9n"}, "group"),
        ({"type": "text", "text": 5}, "unreadable"),
        ({"type": "text", "text": {"body": "x"}, "id": "wamid. 1"}, "unreadable"),
        ({"type": "text", "text": {"body": "x"}, "id": "x" * 201}, "unreadable"),
        ({"type": "text", "text": {"body": "x"}, "from": "4917/155"}, "unreadable"),
    ],
)
def test_what_needs_no_answer_is_counted(wire: Wire, content: dict[str, Any], word: str) -> None:
    assert told(wire, {**wrote(), **content}) == [Noted("whatsapp", word)]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"type": "text", "text": {"body": "Nein,\u202e doch"}}, "Nein, doch"),
        ({"type": "image", "image": {"id": "1", "caption": "Neu"}}, "Neu"),
        ({"type": "image", "image": {"id": "1"}}, ""),
    ],
)
def test_an_edit_changes_the_earlier_turn(wire: Wire, content: dict[str, Any], text: str) -> None:
    edit = {"original_message_id": "wamid.0", "message": content}
    assert told(wire, wrote(type="edit", edit=edit)) == [Changed("whatsapp", "wamid.0", text)]


def test_a_message_taken_back_is_told(wire: Wire) -> None:
    revoke = wrote(type="revoke", revoke={"original_message_id": "wamid.0"})
    assert told(wire, revoke) == [Changed("whatsapp", "wamid.0", None)]


@pytest.mark.parametrize(
    ("said", "beside", "address", "former", "hint"),
    [
        ({"from": NUMBER, "from_user_id": USER_ID}, {}, BY_USER_ID, ADDRESS, f"+{NUMBER}"),
        ({"from": NUMBER}, {"wa_id": NUMBER, "user_id": USER_ID}, BY_USER_ID, ADDRESS, f"+{NUMBER}"),
        ({"from": None, "from_user_id": USER_ID}, {}, BY_USER_ID, None, None),
        ({"from": None}, {"user_id": USER_ID}, BY_USER_ID, None, None),
        ({"from": NUMBER}, {"wa_id": "491715550199", "user_id": USER_ID}, ADDRESS, None, f"+{NUMBER}"),
        ({"from": NUMBER, "from_user_id": "../x"}, {}, ADDRESS, None, f"+{NUMBER}"),
        ({"from": "0123"}, {}, f"{NUMBER_ID}/0123", None, None),
    ],
    ids=["both", "beside", "only id", "only id beside", "somebody else's", "odd id", "odd number"],
)
def test_a_customer_is_known_by_user_id_or_number(
    wire: Wire, said: dict[str, Any], beside: dict[str, Any], address: str, former: str | None, hint: str | None
) -> None:
    message = {key: part for key, part in {**wrote(), **said}.items() if part is not None}
    (event,) = told(wire, message, contacts=[5, {"profile": {}, **beside}])
    assert isinstance(event, Incoming)
    assert (event.address, event.former_address, event.phone_hint) == (address, former, hint)


def test_a_message_from_nobody_is_counted(wire: Wire) -> None:
    nobody = {key: part for key, part in wrote().items() if key != "from"}
    assert told(wire, nobody, contacts=None) == [Noted("whatsapp", "unreadable")]


@pytest.mark.parametrize("at", [None, "", "soon", 1e300, "9" * 40, [1], "99999999999"])
def test_an_odd_time_does_not_lose_the_message_nor_lies_in_the_future(wire: Wire, at: Any) -> None:
    (event,) = told(wire, {**wrote(), "timestamp": at})
    assert isinstance(event, Incoming)
    assert event.at is None or event.at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"status": "sent", "biz_opaque_callback_data": "d1"}, Status("whatsapp", "sent", "wamid.9", "d1")),
        ({"status": "delivered"}, Status("whatsapp", "delivered", "wamid.9")),
        ({"status": "read", "biz_opaque_callback_data": "d 1"}, Status("whatsapp", "read", "wamid.9")),
        ({"status": "played"}, Status("whatsapp", "read", "wamid.9")),
        (
            {"status": "failed", "errors": [{"code": 131047, "title": "x"}], "biz_opaque_callback_data": "d1"},
            Status("whatsapp", "failed", "wamid.9", "d1", "131047"),
        ),
        (
            {"status": "failed", "errors": [5, {"code": "131026"}]},
            Status("whatsapp", "failed", "wamid.9", None, "131026"),
        ),
        ({"status": "failed", "errors": "x"}, Status("whatsapp", "failed", "wamid.9")),
        ({"status": "warning"}, Noted("whatsapp", "status")),
        ({"status": 5}, Noted("whatsapp", "unreadable")),
    ],
)
def test_statuses_say_what_became_of_a_message(wire: Wire, status: dict[str, Any], expected: Event) -> None:
    given = {"id": "wamid.9", "timestamp": "1760000000", **status}
    assert told(wire, statuses=[given], messages=None) == [expected]


@pytest.mark.parametrize(("value", "given"), [("stop", False), ("resume", True), ("signup", True)])
def test_a_customer_who_wants_no_marketing_any_more_is_heard(wire: Wire, value: str, given: bool) -> None:
    preference = {"wa_id": NUMBER, "category": "marketing_messages", "value": value, "timestamp": 1_760_000_000}
    first = told(wire, field="user_preferences", messages=None, user_preferences=[preference])
    again = told(wire, field="user_preferences", messages=None, user_preferences=[preference])
    later = told(wire, field="user_preferences", messages=None, user_preferences=[{**preference, "timestamp": 2}])
    (consent,) = first
    assert isinstance(consent, Consent)
    assert (consent.address, consent.given) == (ADDRESS, given)
    assert again == first
    assert later != first


def test_other_numbers_and_other_fields_are_counted_only(wire: Wire) -> None:
    assert told(wire, wrote(), number_id="104857600000009") == [Noted("whatsapp", "foreign")]
    assert told(wire, wrote(), field="message_template_status_update") == [Noted("whatsapp", "other")]
    assert told(wire, wrote(), field="smb_message_echoes") == [Noted("whatsapp", "echo")]
    assert told(wire, messages=None, errors=[{"code": 130429}]) == [Noted("whatsapp", "error")]
    assert wire.told("whatsapp", {**whatsapp(wrote()), "object": "page"}) == [Noted("whatsapp", "other_object")]
