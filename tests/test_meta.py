"""Meta's webhooks at the wire: handshake, signature over raw bytes (invariant 1), limits, batches, rubbish."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how_often
from hypothesis import strategies as st

from bot.channels.events import Noted
from bot.messaging_settings import ProviderSettings
from bot.turns import Incoming
from tests.meta_wire import SECRET, VERIFY, Wire, happened, messenger, signed, whatsapp, wrote

NAMES = ("whatsapp", "messenger")
HELLO = {"whatsapp": whatsapp(wrote()), "messenger": messenger(happened(message={"mid": "m_1", "text": "Grüß Gott"}))}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=12), part, max_size=4),
    max_leaves=20,
)
OFTEN = how_often(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def wire() -> Wire:
    return Wire()


def handshake(wire: Wire, name: str, query: str) -> tuple[int, bytes]:
    answer = wire.client.get(f"/webhooks/{name}?{query}")
    return answer.status_code, answer.data


@pytest.mark.parametrize("name", NAMES)
def test_the_handshake_gives_the_challenge_back(wire: Wire, name: str) -> None:
    answer = wire.client.get(f"/webhooks/{name}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={VERIFY}")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"1158201444", "text/plain")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "query",
    [
        "",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=%C3%A4%FF",
        "hub.mode=subscribe&hub.challenge=1",
        f"hub.mode=subscribe&hub.challenge=1&hub.verify_token={VERIFY}&hub.verify_token=x",
        f"hub.mode=unsubscribe&hub.challenge=1&hub.verify_token={VERIFY}",
        f"hub.challenge=1&hub.verify_token={VERIFY}",
        f"hub.mode=subscribe&hub.verify_token={VERIFY}",
        f"hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token={VERIFY}",
        f"hub.mode=subscribe&hub.challenge=1%0A&hub.verify_token={VERIFY}",
        f"hub.mode=subscribe&hub.challenge={'1' * 129}&hub.verify_token={VERIFY}",
    ],
)
def test_a_wrong_handshake_is_refused_without_a_word(wire: Wire, name: str, query: str) -> None:
    assert handshake(wire, name, query) == (403, b"")


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_without_secrets_lets_nobody_in(name: str) -> None:
    wire = Wire(ProviderSettings())
    assert handshake(wire, name, "hub.mode=subscribe&hub.challenge=1&hub.verify_token=") == (403, b"")
    assert wire.post(name, b"{}", **{"X-Hub-Signature-256": signed(b"{}", "")}).status_code == 403


@pytest.mark.parametrize("name", NAMES)
def test_a_signed_delivery_with_escaped_umlauts_is_taken(wire: Wire, name: str) -> None:
    body = json.dumps(HELLO[name]).encode()
    assert b"\\u00fc" in body
    answer = wire.deliver(name, body)
    assert (answer.status_code, answer.data) == (200, b"")
    (turn,) = wire.intake.events
    assert isinstance(turn, Incoming)
    assert turn.text == "Grüß Gott"


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_of_the_bytes_not_of_what_they_mean(wire: Wire, name: str) -> None:
    body = json.dumps(HELLO[name]).encode()
    same = json.dumps(HELLO[name], ensure_ascii=False).encode()
    assert wire.post(name, same, **{"X-Hub-Signature-256": signed(body)}).status_code == 403
    assert wire.intake.events == []


FORGED = {
    "none": {},
    "old header": {"X-Hub-Signature": "sha1=" + hmac.new(SECRET.encode(), b"{}", hashlib.sha1).hexdigest()},
    "md5 in the new header": {"X-Hub-Signature-256": "md5=" + hmac.new(SECRET.encode(), b"{}", "md5").hexdigest()},
    "sha1 in the new header": {"X-Hub-Signature-256": "sha1=" + hmac.new(SECRET.encode(), b"{}", "sha1").hexdigest()},
    "upper case": {"X-Hub-Signature-256": "sha256=" + signed(b"{}")[7:].upper()},
    "short": {"X-Hub-Signature-256": signed(b"{}")[:-2]},
    "long": {"X-Hub-Signature-256": signed(b"{}") + "00"},
    "no name": {"X-Hub-Signature-256": signed(b"{}")[7:]},
    "other digits": {"X-Hub-Signature-256": "sha256=" + "٣" * 64},
    "other secret": {"X-Hub-Signature-256": signed(b"{}", "another-secret")},
    "twice": {"X-Hub-Signature-256": f"{signed(b'{}')},{signed(b'{}')}"},
    "empty": {"X-Hub-Signature-256": ""},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED.keys())
def test_a_delivery_that_is_not_signed_is_refused_without_a_word(
    wire: Wire, name: str, headers: dict[str, str]
) -> None:
    given = {key: value.encode().decode("latin-1") for key, value in headers.items()}
    answer = wire.post(name, b"{}", **given)
    assert (answer.status_code, answer.data) == (403, b"")
    assert wire.intake.events == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_plain_json_is_refused(wire: Wire, name: str) -> None:
    body = json.dumps(HELLO[name]).encode()
    packed = gzip.compress(body)
    assert wire.deliver(name, packed, **{"Content-Encoding": "gzip"}).status_code == 415
    assert wire.deliver(name, body, **{"Content-Type": "text/plain"}).status_code == 415
    assert wire.intake.events == []


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_three_megabytes_is_taken_and_nothing_above(wire: Wire, name: str) -> None:
    body = json.dumps(HELLO[name]).encode()
    assert wire.deliver(name, body.ljust(3 * 1024 * 1024)).status_code == 200
    assert len(wire.intake.events) == 1
    assert wire.deliver(name, body.ljust(3 * 1024 * 1024 + 1)).status_code == 413
    assert len(wire.intake.events) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "body",
    [b"", b"[", b"\xff\xfe", b"null", b'"text"', b"[" * 100_000, b'{"a":' * 100_000, b'{"object": 5}', b'{"entry": 1}'],
    ids=["empty", "half", "no utf-8", "null", "text", "deep list", "deep object", "wrong object", "wrong entry"],
)
def test_a_signed_body_that_cannot_be_read_is_acknowledged_and_counted(wire: Wire, name: str, body: bytes) -> None:
    assert wire.deliver(name, body).status_code == 200
    assert all(isinstance(event, Noted) for event in wire.intake.events)


@pytest.mark.parametrize("name", NAMES)
def test_when_the_store_fails_meta_shall_try_again(wire: Wire, name: str) -> None:
    wire.intake.broken = True
    assert wire.deliver(name, HELLO[name]).status_code == 503
    wire.intake.broken = False
    assert wire.deliver(name, HELLO[name]).status_code == 200
    assert len(wire.intake.events) == 1


def test_all_of_a_batch_is_taken_in_the_order_it_was_written() -> None:
    wire = Wire()
    changes = [whatsapp(wrote(f"wamid.{n}", at=1_760_000_000 + n))["entry"][0]["changes"][0] for n in (5, 3, 4)]
    entries = [
        {"id": "3", "changes": changes},
        whatsapp(wrote("wamid.2", at=1_760_000_002), wrote("wamid.1", at=1_760_000_001))["entry"][0],
    ]
    told = wire.told("whatsapp", {"object": "whatsapp_business_account", "entry": entries})
    assert [turn.provider_id for turn in told if isinstance(turn, Incoming)] == [f"wamid.{n}" for n in range(1, 6)]


def test_half_a_surrogate_in_one_text_spoils_nothing() -> None:
    wire = Wire()
    body = json.dumps(whatsapp(wrote("wamid.1", type="text", text={"body": "X"}), wrote("wamid.2"))).encode()
    told = wire.told("whatsapp", body.replace(b'"X"', b'"\\ud83d!"'))
    assert [event.text for event in told if isinstance(event, Incoming)] == ["\ud83d!", "Grüß Gott"]


@pytest.mark.parametrize("name", NAMES)
@OFTEN
@given(anything=ANY_JSON)
def test_any_json_is_acknowledged_if_signed_and_refused_if_not(wire: Wire, name: str, anything: Any) -> None:
    body = json.dumps(anything).encode()
    assert wire.deliver(name, body).status_code == 200
    before = len(wire.intake.events)
    assert wire.post(name, body, **{"X-Hub-Signature-256": signed(body, "guessed")}).status_code == 403
    assert len(wire.intake.events) == before


def broken_in_one_place(update: Any, path: list[int], rubbish: Any) -> Any:
    """The update with something else in one place."""
    if not path or not isinstance(update, dict | list) or not update:
        return rubbish
    keys = list(update) if isinstance(update, dict) else list(range(len(update)))
    key = keys[path[0] % len(keys)]
    copy: Any = dict(update) if isinstance(update, dict) else list(update)
    copy[key] = broken_in_one_place(update[key], path[1:], rubbish)
    return copy


MANY = {
    "whatsapp": whatsapp(
        wrote(type="interactive", interactive={"type": "list_reply", "list_reply": {"id": "t.0.1", "title": "Ja"}}),
        wrote(type="audio", audio={"id": "81", "mime_type": "audio/ogg; codecs=opus", "voice": True}),
        wrote(type="location", location={"latitude": 53.55, "longitude": 9.99}),
        wrote(type="edit", edit={"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "x"}}}),
        statuses=[{"id": "wamid.9", "status": "failed", "errors": [{"code": 131047}], "biz_opaque_callback_data": "d"}],
    ),
    "messenger": messenger(
        happened(message={"mid": "m_1", "text": "Ja", "quick_reply": {"payload": "t.0.1"}}),
        happened(
            message={"mid": "m_2", "attachments": [{"type": "image", "payload": {"url": "https://x.fbcdn.net/1"}}]}
        ),
        happened(postback={"mid": "m_3", "title": "Ja", "payload": "t.0.1"}),
        happened(read={"watermark": 1_760_000_000_000}),
        happened(delivery={"mids": ["m_9"], "watermark": 1_760_000_000_000}),
    ),
}


@pytest.mark.parametrize("name", NAMES)
@OFTEN
@given(path=st.lists(st.integers(0, 9), min_size=1, max_size=9), rubbish=ANY_JSON)
def test_a_delivery_with_rubbish_in_one_place_is_acknowledged(
    wire: Wire, name: str, path: list[int], rubbish: Any
) -> None:
    assert wire.deliver(name, broken_in_one_place(MANY[name], path, rubbish)).status_code == 200


@pytest.mark.parametrize("name", NAMES)
@OFTEN
@given(rubbish=ANY_JSON)
def test_rubbish_beside_a_message_does_not_lose_it(wire: Wire, name: str, rubbish: Any) -> None:
    good = wrote("wamid.7") if name == "whatsapp" else happened(message={"mid": "m_7", "text": "Hallo"})
    update = whatsapp(rubbish, good, rubbish) if name == "whatsapp" else messenger(rubbish, good, rubbish)
    turns = [event for event in wire.told(name, update) if isinstance(event, Incoming)]
    assert [turn.provider_id for turn in turns] == ["wamid.7" if name == "whatsapp" else "m_7"]
