"""What customers do in Messenger, as Meta tells it, and what the portal makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.channels.events import Changed, Event, Noted, SeenUntil, Status
from bot.turns import Attachment, Incoming, Intent
from tests.meta_wire import PAGE, PERSON, Wire, happened, messenger

ADDRESS = f"{PAGE}/{PERSON}"
MOMENT = datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)
UNSUPPORTED = (Attachment("unsupported", ""),)
PHOTO = {"type": "image", "payload": {"url": "https://scontent.xx.fbcdn.net/v/1.jpg?x=1"}}


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


def told(wire: Wire, *events: Any, **entry: Any) -> list[Event]:
    return wire.told("messenger", messenger(*events, **entry))


def turn(wire: Wire, **part: Any) -> Incoming:
    (event,) = told(wire, happened(**part))
    assert isinstance(event, Incoming)
    return event


def test_a_text_becomes_a_turn_with_everything_known_of_it(wire: Wire) -> None:
    assert turn(wire, message={"mid": "m_AbC-_1", "text": "Grüß Gott 🙂"}) == Incoming(
        channel="messenger", address=ADDRESS, provider_id="m_AbC-_1", text="Grüß Gott 🙂", at=MOMENT
    )


@pytest.mark.parametrize(
    "part",
    [
        {"message": {"mid": "m_1", "text": "Ja", "quick_reply": {"payload": "t1.0.2"}}},
        {"postback": {"mid": "m_1", "title": "Ja", "payload": "t1.0.2", "referral": {"ref": "x"}}},
    ],
    ids=["quick reply", "button"],
)
def test_what_was_pressed_is_a_choice_with_its_label(wire: Wire, part: dict[str, Any]) -> None:
    pressed = turn(wire, **part)
    assert (pressed.provider_id, pressed.choice, pressed.text, pressed.attachments) == ("m_1", "t1.0.2", "Ja", ())


def test_a_postback_without_an_id_gets_the_same_one_each_time(wire: Wire) -> None:
    pressed = {"title": "Ja", "payload": "t1.0.2"}
    first, again = turn(wire, postback=pressed), turn(wire, postback=pressed)
    later = turn(wire, at=1_760_000_000_001, postback=pressed)
    assert first.provider_id == again.provider_id != later.provider_id


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        (PHOTO, Attachment("image", PHOTO["payload"]["url"])),  # type: ignore[index]
        ({"type": "audio", "payload": {"url": "https://cdn.fbsbx.com/a.mp4"}},
         Attachment("voice", "https://cdn.fbsbx.com/a.mp4")),
        ({"type": "video", "payload": {"url": "https://video.xx.fbcdn.net/v.mp4"}},
         Attachment("video", "https://video.xx.fbcdn.net/v.mp4")),
        ({"type": "file", "payload": {"url": "https://cdn.fbsbx.com/r.pdf"}},
         Attachment("document", "https://cdn.fbsbx.com/r.pdf")),
        ({"type": "image", "payload": {"url": "https://x.fbcdn.net/t.png", "sticker_id": 369239263222822}},
         Attachment("sticker", "https://x.fbcdn.net/t.png")),
        ({"type": "sticker", "payload": {"url": "https://x.fbcdn.net/t.png"}},
         Attachment("sticker", "https://x.fbcdn.net/t.png")),
        ({"type": "template", "payload": {}}, UNSUPPORTED[0]),
        ({"type": "image", "payload": {"url": 5}}, UNSUPPORTED[0]),
        ({"type": "image", "payload": {"url": "https://x.fbcdn.net/" + "x" * 4000}}, UNSUPPORTED[0]),
        ({"type": "image"}, UNSUPPORTED[0]),
        ({"type": "fallback", "payload": {"url": "https://example.com", "title": "x"}}, UNSUPPORTED[0]),
        (5, UNSUPPORTED[0]),
    ],
)  # fmt: skip
def test_media_are_attachments(wire: Wire, attachment: Any, expected: Attachment) -> None:
    sent = turn(wire, message={"mid": "m_1", "attachments": [attachment]})
    assert (sent.text, sent.intent, sent.attachments) == ("", None, (expected,))


def test_several_photos_with_words_are_one_turn(wire: Wire) -> None:
    sent = turn(wire, message={"mid": "m_1", "text": "So kam es an", "attachments": [PHOTO, PHOTO]})
    assert sent.text == "So kam es an"
    assert [attachment.kind for attachment in sent.attachments] == ["image", "image"]


def test_the_preview_of_a_link_is_no_attachment(wire: Wire) -> None:
    preview = {"type": "fallback", "payload": {"url": "https://example.com"}, "title": "Example"}
    sent = turn(wire, message={"mid": "m_1", "text": "https://example.com", "attachments": [preview]})
    assert (sent.text, sent.attachments) == ("https://example.com", ())


def test_a_shared_place_is_a_structured_turn(wire: Wire) -> None:
    place = {"type": "location", "title": "x", "payload": {"coordinates": {"lat": 53.55, "long": 9.99}}}
    shared = turn(wire, message={"mid": "m_1", "attachments": [place]})
    assert shared.intent == Intent("location_shared", {"latitude": "53.550000", "longitude": "9.990000"})
    assert shared.attachments == ()


@pytest.mark.parametrize("coordinates", [{"lat": 91, "long": 0}, {"lat": "2}}/restart", "long": 1}, {}, None])
def test_a_place_that_is_none_is_told_to_the_customer_as_unsupported(wire: Wire, coordinates: Any) -> None:
    place = {"type": "location", "payload": {"coordinates": coordinates}}
    shared = turn(wire, message={"mid": "m_1", "attachments": [place]})
    assert (shared.intent, shared.attachments) == (None, UNSUPPORTED)


@pytest.mark.parametrize("message", [{"mid": "m_1"}, {"mid": "m_1", "text": " ", "is_unsupported": True}])
def test_an_empty_message_is_told_to_the_customer_as_unsupported(wire: Wire, message: dict[str, Any]) -> None:
    assert turn(wire, message=message).attachments == UNSUPPORTED


def echo(**message: Any) -> dict[str, Any]:
    said = {"mid": "m_9", "text": "Guten Tag", "is_echo": True, "app_id": 1517776481860111, **message}
    return {"sender": {"id": PAGE}, "recipient": {"id": PERSON}, "timestamp": 1_760_000_000_000, "message": said}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (echo(metadata="d1"), Status("messenger", "sent", "m_9", "d1")),
        (echo(), Noted("messenger", "echo")),
        (echo(app_id=263902037430900, metadata="written by hand"), Noted("messenger", "echo")),
        (echo(metadata=5), Noted("messenger", "echo")),
        (happened(read={"watermark": 1_760_000_000_000}), SeenUntil("messenger", ADDRESS, "read", MOMENT)),
        (
            happened(delivery={"watermark": 1_760_000_000_000}),
            SeenUntil("messenger", ADDRESS, "delivered", MOMENT),
        ),
        (happened(delivery={"mids": ["m_9"], "watermark": 5}), Status("messenger", "delivered", "m_9")),
        (happened(delivery={"mids": [5]}), Noted("messenger", "unreadable")),
        (happened(read={"watermark": "never"}), Noted("messenger", "unreadable")),
        (happened(message_edit={"mid": "m_1", "text": "Nein", "num_edit": 1}), Changed("messenger", "m_1", "Nein")),
        (happened(message={"mid": "m_1", "is_deleted": True}), Changed("messenger", "m_1", None)),
        (happened(reaction={"mid": "m_9", "action": "react", "emoji": "👍"}), Noted("messenger", "reaction")),
        (happened(referral={"ref": "x", "source": "SHORTLINK"}), Noted("messenger", "referral")),
        (happened(optin={"type": "notification_messages"}), Noted("messenger", "optin")),
        (happened(pass_thread_control={"previous_owner_app_id": None}), Noted("messenger", "handover")),
        (happened(take_thread_control={}), Noted("messenger", "handover")),
        ({"recipient": {"id": PAGE}, "timestamp": 1, "app_roles": {"1": ["x"]}}, Noted("messenger", "handover")),
        (
            {"sender": {"user_ref": "x"}, "recipient": {"id": PAGE}, "message": {"mid": "m_1", "text": "Hallo"}},
            Noted("messenger", "no_sender"),
        ),
        (happened(account_linking={"status": "linked"}), Noted("messenger", "other")),
        (happened(message={"mid": "m 1", "text": "x"}), Noted("messenger", "unreadable")),
        (happened(message={"text": "x"}), Noted("messenger", "unreadable")),
        ({**happened(message={"mid": "m_1"}), "sender": {"id": "7/../8"}}, Noted("messenger", "unreadable")),
    ],
)
def test_what_is_no_turn(wire: Wire, event: dict[str, Any], expected: Event) -> None:
    assert told(wire, event) == [expected]


def test_while_somebody_else_has_the_thread_we_keep_silent(wire: Wire) -> None:
    words = happened(message={"mid": "m_1", "text": "Hallo"})
    standby = [words, happened(postback={"title": "Ja"}), echo(), echo(metadata="d1"), 5]
    silent = Noted("messenger", "standby")
    assert told(wire, standby=standby) == [
        silent,
        silent,
        silent,
        Status("messenger", "sent", "m_9", "d1"),
        Noted("messenger", "unreadable"),
    ]


def test_other_pages_and_instagram_are_counted_only(wire: Wire) -> None:
    words = happened(message={"mid": "m_1", "text": "Hallo"})
    assert wire.told("messenger", messenger(words, page="5")) == [Noted("messenger", "foreign")]
    assert wire.told("messenger", {**messenger(words), "object": "instagram"}) == [Noted("messenger", "other_object")]
    assert told(wire, changes=[{"field": "feed", "value": {}}]) == [Noted("messenger", "other")]
