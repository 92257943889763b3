"""Messages from Twilio at the wire: what is signed is read, what is not changes nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.request_validator import HMAC_SHA256, RequestValidator
from werkzeug.datastructures import MultiDict

from bot.channels.events import Consent, Noted, Status
from bot.channels.twilio_codes import STATES
from bot.channels.twilio_events import SINGLETONS
from bot.turns import Attachment, Incoming, Intent
from tests.twilio_wire import ACCOUNT, ADDRESS, OURS, PUBLIC, THEIRS, TOKEN, Wire, message, settings_for

PATHS = ("/webhooks/twilio", "/webhooks/twilio/status", "/webhooks/twilio/status?delivery=d1")
MEDIA = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME"
WHATSAPP = {"From": f"whatsapp:{THEIRS}", "To": f"whatsapp:{OURS}", "ProfileName": "Erika", "WaId": THEIRS[1:]}


@pytest.fixture
def wire() -> Wire:
    return Wire()


def turn(wire: Wire, **form: str) -> Incoming:
    """The one turn that this message gives."""
    answer = wire.post(message(**form))
    assert answer.status_code == 200
    event = wire.intake.only()
    assert isinstance(event, Incoming)
    return event


def test_a_text_message_is_taken_and_answered_with_nothing_to_say(wire: Wire) -> None:
    form = message(Body="Wo ist meine Bestellung?")
    answer = wire.post(form)
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    assert answer.data.endswith(b"<Response/>")
    expected = Incoming("sms", ADDRESS, form["MessageSid"], "Wo ist meine Bestellung?", phone_hint=THEIRS)
    assert wire.intake.only() == expected


def test_whatsapp_is_told_by_the_prefix_and_the_profile_name_is_ignored(wire: Wire) -> None:
    found = turn(wire, **WHATSAPP, Body="Hallo")
    assert (found.channel, found.address, found.phone_hint) == ("twilio_whatsapp", ADDRESS, THEIRS)
    assert "Erika" not in repr(found)


def test_messenger_gives_no_number(wire: Wire) -> None:
    found = turn(wire, From="messenger:4711", To="messenger:12345", Body="Hallo")
    assert (found.channel, found.address, found.phone_hint) == ("twilio_messenger", "12345/4711", None)


def test_a_whatsapp_id_that_is_no_number_is_an_address_but_no_hint(wire: Wire) -> None:
    found = turn(wire, From="whatsapp:DE.13491208655302741918", To=f"whatsapp:{OURS}", Body="Hallo")
    assert (found.address, found.phone_hint) == (f"{OURS}/DE.13491208655302741918", None)


def test_a_pressed_button_gives_its_id_and_label(wire: Wire) -> None:
    found = turn(wire, **WHATSAPP, Body="Ja", ButtonPayload="r17.0", ButtonText="Ja")
    assert (found.choice, found.text, found.intent) == ("r17.0", "Ja", None)


def test_a_row_of_a_list_gives_its_id_and_label(wire: Wire) -> None:
    found = turn(wire, **WHATSAPP, ListId="r17.4", ListTitle="Etwas zurücksenden")
    assert (found.choice, found.text) == ("r17.4", "Etwas zurücksenden")


@pytest.mark.parametrize("payload", ["/restart", "x" * 300, "r1\x00.0", "\u202er1.0", '/intent{"a": "b"}'])
def test_a_payload_that_cannot_be_ours_is_only_its_label(wire: Wire, payload: str) -> None:
    found = turn(wire, **WHATSAPP, ButtonPayload=payload, ButtonText="Ja")
    assert (found.choice, found.text, found.intent) == (None, "Ja", None)


def test_a_photo_without_words_is_an_attachment(wire: Wire) -> None:
    found = turn(wire, **WHATSAPP, NumMedia="1", MediaUrl0=MEDIA, MediaContentType0="image/jpeg")
    assert found.attachments == (Attachment("image", MEDIA, "image/jpeg"),)
    assert found.text == ""


def test_each_of_several_media_has_its_kind_and_the_caption_is_text(wire: Wire) -> None:
    types = ("image/png", "audio/ogg; codecs=opus", "audio/mpeg", "video/mp4", "application/pdf", "text/vcard", "")
    media = {f"MediaUrl{at}": f"{MEDIA}{at}" for at in range(7)}
    announced = {f"MediaContentType{at}": kind for at, kind in enumerate(types)}
    found = turn(wire, **WHATSAPP, Body="Beleg", NumMedia="7", **media, **announced)
    kinds = [attachment.kind for attachment in found.attachments]
    assert kinds == ["image", "voice", "audio", "video", "document", "contact", "document"]
    assert found.text == "Beleg"


def test_a_sticker_is_one(wire: Wire) -> None:
    more = {"MessageType": "sticker", "NumMedia": "1", "MediaUrl0": MEDIA, "MediaContentType0": "image/webp"}
    assert turn(wire, **WHATSAPP, **more).attachments[0].kind == "sticker"


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "file:///etc/passwd", f"{MEDIA}\x00", MEDIA + "x" * 3000])
def test_media_without_a_usable_address_is_unsupported(wire: Wire, url: str) -> None:
    found = turn(wire, Body="Hier", NumMedia="1", MediaUrl0=url, MediaContentType0="image/png")
    assert found.attachments == (Attachment("unsupported", ""),)


@pytest.mark.parametrize("count", ["-1", "abc", "9999", "1.5", "١"])
def test_a_number_of_media_that_is_none_is_no_error(wire: Wire, count: str) -> None:
    assert turn(wire, Body="Hallo", NumMedia=count).attachments == ()


def test_surplus_media_are_left_out(wire: Wire) -> None:
    media = {f"MediaUrl{at}": f"{MEDIA}{at}" for at in range(40)}
    assert len(turn(wire, NumMedia="40", **media).attachments) == 10


@pytest.mark.parametrize("body", ["", "  \n", "\x00", None])
def test_a_message_without_content_is_unsupported(wire: Wire, body: str | None) -> None:
    found = turn(wire, **({} if body is None else {"Body": body}))
    assert found.attachments == (Attachment("unsupported", ""),)


def test_a_shared_place_is_a_structured_turn(wire: Wire) -> None:
    found = turn(wire, **WHATSAPP, Latitude="53.5503000", Longitude="9.99", Address="x", Label="y")
    assert found.intent == Intent("location_shared", {"latitude": "53.5503", "longitude": "9.99"})
    assert found.attachments == ()


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ("91", "9"),
        ("53", "181"),
        ("nan", "9"),
        ("inf", "9"),
        ("1e3", "9"),
        ("1_0", "9"),
        ("2}}/restart", "9"),
        ("", "9"),
    ],
)
def test_what_is_no_place_is_unsupported(wire: Wire, latitude: str, longitude: str) -> None:
    found = turn(wire, **WHATSAPP, Latitude=latitude, Longitude=longitude)
    assert (found.intent, found.attachments) == (None, (Attachment("unsupported", ""),))


@pytest.mark.parametrize(("kind", "given"), [("STOP", False), ("START", True), ("stop", False)])
def test_an_opt_out_that_twilio_answered_is_consent_and_no_turn(wire: Wire, kind: str, given: bool) -> None:
    form = message(Body="STOP", OptOutType=kind)
    assert wire.post(form).status_code == 200
    assert wire.intake.only() == Consent("sms", ADDRESS, form["MessageSid"], given)


def test_a_cry_for_help_that_twilio_answered_is_only_counted(wire: Wire) -> None:
    wire.post(message(Body="HELP", OptOutType="HELP"))
    assert wire.intake.only() == Noted("sms", "help")


def test_a_reaction_is_only_counted(wire: Wire) -> None:
    wire.post(message(**WHATSAPP, Body="👍", MessageType="reaction"))
    assert wire.intake.only() == Noted("twilio_whatsapp", "reaction")


@pytest.mark.parametrize(
    "sender", ["", "anonymous caller", "client:erika", "rcs:+4917", "+49/17", "whatsapp:", "x" * 65]
)
def test_a_sender_who_cannot_be_answered_is_only_counted(wire: Wire, sender: str) -> None:
    assert wire.post(message(From=sender, Body="Hallo")).status_code == 200
    assert wire.intake.only() == Noted("sms", "unknown_sender")


def test_a_slash_and_a_number_stay_words(wire: Wire) -> None:
    found = turn(wire, Body='/restart{"x": 1}')
    assert (found.text, found.choice, found.intent) == ('/restart{"x": 1}', None, None)


@pytest.mark.parametrize("name", SINGLETONS)
def test_what_is_there_twice_is_refused(wire: Wire, name: str) -> None:
    form = MultiDict({**message(Body="Hallo", MessageStatus="sent")})
    form.setlist(name, ["a", "b"])
    for path in PATHS:
        assert wire.post(form, path).status_code == 400
    assert wire.intake.events == []


@pytest.mark.parametrize("path", PATHS)
def test_another_account_and_a_message_without_id_are_refused(wire: Wire, path: str) -> None:
    assert wire.post(message(AccountSid="AC" + "2" * 32, Body="x", MessageStatus="sent"), path).status_code == 403
    for sid in ("", "SM1", "CA" + "a" * 32, "SM" + "a" * 33):
        assert wire.post(message(MessageSid=sid, SmsSid=sid, MessageStatus="sent"), path).status_code == 400
    assert wire.intake.events == []


def forged(path: str) -> list[tuple[str, bytes, dict[str, str]]]:
    """Requests that Twilio has not sent: a name, a body and headers."""
    fields = message(Body="Hallo", MessageStatus="delivered")
    form, kind, name = (
        urlencode(fields).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
        "X-Twilio-Signature",
    )
    sign = RequestValidator(TOKEN).compute_signature
    right = sign(PUBLIC + path, fields)
    return [
        ("no signature", form, kind),
        ("empty signature", form, {**kind, name: ""}),
        ("other parameters", form + b"&OptOutType=STOP", {**kind, name: right}),
        ("another path", form, {**kind, name: sign(PUBLIC + "/webhooks/voice", fields)}),
        ("another query", form, {**kind, name: sign(PUBLIC + path + "?delivery=d2", fields)}),
        (
            "JSON under the bare address",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json", name: sign(PUBLIC + path, {})},
        ),
        ("multipart", form, {"Content-Type": "multipart/form-data; boundary=x", name: right}),
        ("no content type", form, {"Content-Type": "", name: right}),
        ("invalid UTF-8", form + b"&Body=%ff%fe", {**kind, name: right}),
        ("algorithm of the sender", form, {**kind, name: sign(PUBLIC + path, fields, HMAC_SHA256)}),
    ]


@pytest.mark.parametrize("path", PATHS)
def test_forged_requests_are_refused_and_change_nothing(wire: Wire, path: str) -> None:
    for name, body, headers in forged(path):
        answer = wire.app.test_client().post(path, data=body, headers=headers)
        assert (answer.status_code, answer.data) == (403, b""), name
    assert wire.intake.events == []


def test_bodies_over_the_limit_are_refused_unread(wire: Wire) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": "x"}
    for path in PATHS:
        post = wire.app.test_client().post
        assert post(path, data=b"a=" + b"x" * 70_000, headers=kind).status_code == 413
        assert post(path, data=b"&".join(b"a%d=1" % n for n in range(5000)), headers=kind).status_code == 413
        assert post(path, data=b"a=1", headers={**kind, "Content-Encoding": "gzip"}).status_code == 415


def test_with_a_shared_key_only_its_signature_counts() -> None:
    key = "another-key-for-the-tests"
    wire, form = Wire(settings_for(TWILIO_WEBHOOK_KEY=key)), message(Body="Hallo")
    right = RequestValidator(key).compute_signature(f"{PUBLIC}/webhooks/twilio", form, HMAC_SHA256)
    assert wire.post(form).status_code == 403
    assert wire.post(form, signature=right).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_what_cannot_be_kept_is_asked_for_again(wire: Wire, path: str) -> None:
    wire.intake.is_broken = True
    assert wire.post(message(Body="Hallo", MessageStatus="sent"), path).status_code == 503


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("queued", "sent"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("undelivered", "failed"),
        ("failed", "failed"),
    ],
)
def test_a_status_names_our_delivery(wire: Wire, said: str, state: str) -> None:
    form = message(From=f"whatsapp:{OURS}", To=f"whatsapp:{THEIRS}", MessageStatus=said, SmsStatus=said)
    answer = wire.post(form, "/webhooks/twilio/status?delivery=0a1b2c")
    assert (answer.status_code, answer.data) == (204, b"")
    assert wire.intake.only() == Status("twilio_whatsapp", state, form["MessageSid"], "0a1b2c")  # type: ignore[arg-type]


def test_a_failed_message_tells_its_code(wire: Wire) -> None:
    form = message(From=OURS, To=THEIRS, MessageStatus="undelivered", ErrorCode="30003")
    wire.post(form, "/webhooks/twilio/status?delivery=d1")
    assert wire.intake.only() == Status("sms", "failed", form["MessageSid"], "d1", "30003")


@pytest.mark.parametrize(
    "query", ["", "?delivery=", "?delivery=a&delivery=b", "?delivery=%3Cb%3E", "?delivery=" + "x" * 99]
)
def test_a_status_without_a_delivery_of_ours_has_the_messages_id(wire: Wire, query: str) -> None:
    wire.post(message(From=OURS, MessageStatus="sent"), f"/webhooks/twilio/status{query}")
    event = wire.intake.only()
    assert isinstance(event, Status)
    assert event.delivery is None


def test_an_unknown_status_is_only_counted(wire: Wire) -> None:
    assert wire.post(message(From=OURS, MessageStatus="teleported"), "/webhooks/twilio/status").status_code == 204
    assert wire.intake.only() == Noted("sms", "unknown_status")


NAMES = st.sampled_from(
    [*SINGLETONS, "MediaUrl0", "MediaContentType0", "MediaUrl1", "ProfileName", "ChannelMetadata", "Anything"]
)
WORDS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["1", "3", "STOP", "HELP", THEIRS, f"whatsapp:{THEIRS}", "messenger:1", "53.5", MEDIA, "image/png"]
    ),
    st.sampled_from([*STATES, ACCOUNT, "SM" + "a" * 32]),
)
FORMS = st.dictionaries(NAMES, WORDS, max_size=12)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(form=FORMS, path=st.sampled_from(PATHS), usual=st.booleans(), signed=st.booleans())
def test_no_form_breaks_the_webhook_and_none_counts_unsigned(
    wire: Wire, form: dict[str, Any], path: str, usual: bool, signed: bool
) -> None:
    sendable = {name: value.encode("utf-8", "replace").decode() for name, value in form.items()}
    before = len(wire.intake.events)
    answer = wire.post({**message(), **sendable} if usual else sendable, path, None if signed else "x")
    assert answer.status_code in ((200, 204, 400, 403) if signed else (403,))
    assert len(wire.intake.events) - before == int(answer.status_code in (200, 204))
