"""Nothing acts before Twilio's signature is verified (invariant 1): Twilio's own vectors, and forged requests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import func, select
from twilio.request_validator import HMAC_SHA1, HMAC_SHA256, RequestValidator
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from bot.app import Portal
from bot.channels.twilio_signature import Signature
from bot.database import transaction
from bot.tables import CallRow, ConversationRow, TurnRow
from tests.caller import ACCOUNT, NUMBER, PUBLIC, TOKEN, deliver, portal_with
from tests.fakes import FakeEngine
from voice.phone import Call, Line

PATHS = ("/webhooks/voice", "/webhooks/voice?step=1", "/webhooks/voice/status")
SID = "CA" + "a" * 32
FORM = {"CallSid": SID, "AccountSid": ACCOUNT, "From": "+491713920011", "To": NUMBER, "CallStatus": "ringing"}
VECTOR = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
JSON_BODY = b'{"property": "value", "boolean": true}'
JSON_HASH = hashlib.sha256(JSON_BODY).hexdigest()
KEY = "a-shared-key-of-the-tests"


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def portal(engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    ready = portal_with(engine, tmp_path_factory.mktemp("signature"))
    yield ready
    ready.stop()


@pytest.mark.parametrize(
    ("url", "form", "signature", "algorithm"),
    [
        (URL, VECTOR, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", HMAC_SHA1),
        (URL, VECTOR, "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=", HMAC_SHA256),
        (URL, VECTOR, "kvajT1Ptam85bY51eRf/AJRuM3w=", HMAC_SHA1),
        (URL.replace("https", "http"), VECTOR, "0ZXoZLH/DfblKGATFgpif+LLRf4=", HMAC_SHA1),
        (
            URL.replace("https://mycompany.com", "http://mycompany.com:1234"),
            VECTOR,
            "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
            HMAC_SHA1,
        ),
        (
            URL.replace("mycompany", "example"),
            {**VECTOR, "From": "+14158675310", "Caller": "+14158675310"},
            "L/OH5YylLD5NRKLltdqwSvS0BnU=",
            HMAC_SHA1,
        ),
        (f"{URL}&bodySHA256={JSON_HASH}", {}, "a9nBmqA0ju/hNViExpshrM61xv4=", HMAC_SHA1),
        ("wss://example.com/ws", {}, "HXrgvHt0qTHu33oSxSjpOvWtO60=", HMAC_SHA1),
    ],
)
def test_twilios_vectors_fit(url: str, form: dict[str, str], signature: str, algorithm: str) -> None:
    checked = Signature("12345", "https://mycompany.com", algorithm)
    assert checked.fits(url, MultiDict(form), signature)
    assert not checked.fits(url, MultiDict({**form, "Digits": "1235"}), signature)
    assert not checked.fits(url + "#x", MultiDict(form), signature)
    assert not Signature("12346", "https://mycompany.com", algorithm).fits(url, MultiDict(form), signature)


def test_repeated_parameters_are_signed_once_each_in_order() -> None:
    form = MultiDict(
        [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
    )
    assert Signature("12345", "").fits(URL, form, "IK+Dwps556ElfBT0I3Rgjkr1wJU=")


@pytest.mark.parametrize("signature", ["", "x", "ä", "\udcff", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "A" * 10_000])
def test_what_is_no_signature_fits_nothing(signature: str) -> None:
    assert not Signature("12345", "https://mycompany.com").fits(URL, MultiDict(VECTOR), signature)


def test_an_impossible_port_is_refused_not_raised() -> None:
    assert not Signature("12345", "").fits("https://example.com:70000/x", MultiDict(), "x")


def post(portal: Portal, path: str, body: bytes, headers: dict[str, str]) -> TestResponse:
    return portal.app.test_client().post(path, data=body, headers=headers)


def sign(path: str, form: dict[str, str] | None = None, base: str = PUBLIC) -> str:
    return str(RequestValidator(TOKEN).compute_signature(base + path, form or {}))


def rows(portal: Portal) -> int:
    with transaction(portal.conversations.store._url) as session:
        counts = (select(func.count()).select_from(table) for table in (CallRow, ConversationRow, TurnRow))
        return sum(session.scalar(count) or 0 for count in counts)


def forged(path: str) -> list[tuple[str, bytes, dict[str, str]]]:
    """Requests that Twilio has not sent: a name, a body and headers."""
    form, kind = urlencode(FORM).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    right, name = sign(path, FORM), "X-Twilio-Signature"
    json_body, settings = b'{"CallSid": "x"}', "X-Twilio-Webhooks-Signature-Settings"
    elsewhere = sign(path, FORM, "https://evil.example.com")
    sha256 = RequestValidator(TOKEN).compute_signature(PUBLIC + path, FORM, HMAC_SHA256)
    return [
        ("no signature", form, kind),
        ("empty signature", form, {**kind, name: ""}),
        ("wrong signature", form, {**kind, name: "RSOYDt4T1cUTdK1PDd93/VVr8B8="}),
        ("two signatures in one header", form, {**kind, name: f"{right}, {right}"}),
        ("not ASCII", form, {**kind, name: "\xe4\xff"}),
        ("other parameters", form + b"&Digits=1", {**kind, name: right}),
        (
            "JSON under the signature of the bare address",
            json_body,
            {"Content-Type": "application/json", name: sign(path)},
        ),
        ("multipart", form, {"Content-Type": "multipart/form-data; boundary=x", name: right}),
        ("plain text", form, {"Content-Type": "text/plain", name: right}),
        ("no content type", form, {"Content-Type": "", name: right}),
        ("another host", form, {**kind, name: elsewhere}),
        ("http for https", form, {**kind, name: sign(path, FORM, PUBLIC.replace("https", "http"))}),
        ("another path", form, {**kind, name: sign("/other", FORM)}),
        ("invalid UTF-8", form + b"&Digits=%ff%fe", {**kind, name: right}),
        ("raw bytes", form + b"&Digits=\xff", {**kind, name: right}),
        ("spoofed proxy", form, {**kind, name: elsewhere, "X-Forwarded-Host": "evil.example.com"}),
        ("algorithm of the sender", form, {**kind, name: sha256, settings: "key=x,algorithm=HMAC_SHA256"}),
    ]


@pytest.mark.parametrize("path", PATHS)
def test_forged_requests_are_refused_and_change_nothing(portal: Portal, engine: FakeEngine, path: str) -> None:
    before = rows(portal)
    for name, body, headers in forged(path):
        answer = post(portal, path, body, headers)
        assert (answer.status_code, answer.data) == (403, b""), name
    assert rows(portal) == before
    assert engine.turns == []


@pytest.mark.parametrize("path", PATHS)
def test_json_with_its_hash_is_verified_but_is_no_call(portal: Portal, path: str) -> None:
    full = f"{path}{'&' if '?' in path else '?'}bodySHA256={JSON_HASH}"
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": sign(full)}
    assert post(portal, full, JSON_BODY, headers).status_code == 415
    assert post(portal, full, JSON_BODY.replace(b"true", b"null"), headers).status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_bodies_over_the_limit_are_refused_unread(portal: Portal, path: str) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": "x"}
    assert post(portal, path, b"a=" + b"x" * 70_000, kind).status_code == 413
    assert post(portal, path, b"&".join(b"a%d=1" % n for n in range(5000)), kind).status_code == 413
    assert post(portal, path, b"a=1", {**kind, "Content-Encoding": "gzip"}).status_code == 415


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(portal: Portal, path: str, method: str) -> None:
    assert portal.app.test_client().open(path, method=method).status_code == 405


def test_signature_with_the_port_is_accepted(portal: Portal) -> None:
    form = {**FORM, "CallSid": "CA" + "b" * 32}
    signature = sign("/webhooks/voice", form, f"{PUBLIC}:443")
    assert deliver(portal, f"{PUBLIC}/webhooks/voice", form, signature).status_code == 200


def test_empty_parameters_are_signed_too(portal: Portal) -> None:
    form = {**FORM, "CallSid": "CA" + "c" * 32, "FromCity": "", "SomethingNew": "x"}
    assert deliver(portal, f"{PUBLIC}/webhooks/voice", form).status_code == 200


@pytest.fixture(scope="module")
def portal_with_key(engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal with a shared key."""
    ready = portal_with(engine, tmp_path_factory.mktemp("key"), key=KEY)
    yield ready
    ready.stop()


@pytest.mark.parametrize(
    ("secret", "algorithm", "status"),
    [(KEY, HMAC_SHA256, 200), (TOKEN, HMAC_SHA1, 403), (TOKEN, HMAC_SHA256, 403), (KEY, HMAC_SHA1, 403)],
)
@pytest.mark.parametrize("told", ["", "key=x,algorithm=HMAC_SHA1", "key=x,algorithm=HMAC_SHA256", "algorithm=none"])
def test_with_a_shared_key_only_its_sha256_counts_whatever_a_request_says_of_itself(
    portal_with_key: Portal, secret: str, algorithm: str, status: int, told: str
) -> None:
    path = "/webhooks/voice"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": RequestValidator(secret).compute_signature(PUBLIC + path, FORM, algorithm),
        "X-Twilio-Webhooks-Signature-Settings": told,
    }
    assert post(portal_with_key, path, urlencode(FORM).encode(), headers).status_code == status


def test_the_simulated_phone_signs_with_a_shared_key_too(portal_with_key: Portal) -> None:
    client = httpx.Client(transport=httpx.WSGITransport(app=portal_with_key.app))
    call = Call(Line(client, PUBLIC, ACCOUNT, KEY, NUMBER, algorithm=HMAC_SHA256))
    call.ring()
    assert "Nordwind" in " ".join(heard.text for heard in call.run())
