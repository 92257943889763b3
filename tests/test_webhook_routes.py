"""Every route of the whole application, walked by a stranger; and signed requests that were captured or bent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from bot import database
from bot.app import Portal, create_app
from bot.bell import Bell
from bot.conversation import Conversations
from bot.locks import ProcessLocks
from bot.settings import load_settings
from bot.store import Store
from bot.tables import Base
from bot.texts import Texts
from tests.fakes import FakeEngine
from tests.meta_wire import NUMBER_ID, PAGE, VERIFY, happened, messenger, signed, whatsapp, wrote
from tests.meta_wire import SECRET as META_SECRET
from tests.twilio_wire import ACCOUNT, OURS, PUBLIC, THEIRS, TOKEN, message

ALL_SECRETS = {
    "SPRACHPORTAL_SECRET_KEY": "a-secret-for-the-tests",
    "SPRACHPORTAL_REST_TOKEN": "a-token-for-the-tests",
    "SPRACHPORTAL_PUBLIC_URL": PUBLIC,
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_PHONE_NUMBER": OURS,
    "META_APP_SECRET": META_SECRET,
    "META_VERIFY_TOKEN": VERIFY,
    "WHATSAPP_PHONE_NUMBER_ID": NUMBER_ID,
    "WHATSAPP_ACCESS_TOKEN": "w",
    "MESSENGER_PAGE_ID": PAGE,
    "MESSENGER_ACCESS_TOKEN": "m",
}
# What anybody may ask for: pages and their parts, visits of the web chat, and whether the portal is well.
OPEN = {"/chat", "/chat/widget.js", "/chat/static/<path:name>", "/chat/api/visits", "/healthz", "/readyz", "/metrics"}
SIGNED = {
    *("/webhooks/twilio", "/webhooks/twilio/status", "/webhooks/voice", "/webhooks/voice/status"),
    *("/webhooks/whatsapp", "/webhooks/messenger"),
}
MESSAGE = json.dumps(whatsapp(wrote())).encode()
BODIES: tuple[tuple[str, bytes], ...] = (
    ("application/x-www-form-urlencoded", b"Body=Hallo&From=%2B491713920011"),
    ("application/json", MESSAGE),
    ("application/json", b"{}"),
    ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--"),
    ("text/plain", b"Hallo"),
    ("", b""),
)
SIGNATURES: tuple[Mapping[str, str], ...] = (
    {},
    {"X-Twilio-Signature": "", "X-Hub-Signature-256": ""},
    {"X-Twilio-Signature": "AAAA", "X-Hub-Signature-256": "sha256=" + "0" * 64, "Authorization": "Bearer x"},
    {"X-Hub-Signature": signed(MESSAGE).replace("sha256", "sha1"), "X-Twilio-Signature": "ä"},
    {"X-Hub-Signature-256": signed(MESSAGE).upper()},
    {"X-Hub-Signature-256": signed(MESSAGE, "another secret of somebody")},
)


@pytest.fixture
def portal(database_url: str) -> Portal:
    settings = load_settings({**ALL_SECRETS, "DATABASE_URL": database_url})
    store, texts = Store(database_url), Texts.load()
    return create_app(settings, Conversations(store, FakeEngine(), texts, Bell(), ProcessLocks(), lambda _text: None))


@pytest.fixture
def client(portal: Portal) -> FlaskClient:
    return portal.app.test_client()


def rows(url: str) -> dict[str, int]:
    """How many rows each of the portal's tables has."""
    with database.transaction(url) as session:
        tables = [table for table in Base.metadata.sorted_tables if table.name not in ("models", "mistakes")]
        return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def routes(portal: Portal) -> Iterator[tuple[str, str]]:
    """All routes with all their methods."""
    for rule in portal.app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule.rule


def twilio(client: FlaskClient, form: dict[str, Any], path: str = "/webhooks/twilio") -> TestResponse:
    sign = RequestValidator(TOKEN).compute_signature(PUBLIC + path, form)
    return client.post(path, data=form, headers={"X-Twilio-Signature": sign})


def meta(client: FlaskClient, name: str, update: Any) -> TestResponse:
    body = json.dumps(update).encode()
    headers = {"X-Hub-Signature-256": signed(body), "Content-Type": "application/json"}
    return client.post(f"/webhooks/{name}", data=body, headers=headers)


def test_every_webhook_is_walked(portal: Portal) -> None:
    found = {rule for _method, rule in routes(portal) if rule.startswith("/webhooks/")}
    assert found == {*SIGNED, "/webhooks/<name>/webhook"}


def test_a_stranger_gets_nowhere_and_leaves_nothing(portal: Portal, client: FlaskClient, database_url: str) -> None:
    before = rows(database_url)
    for method, rule in routes(portal):
        if rule in OPEN:
            continue
        path = rule.replace("<name>", "rest").replace("<path:name>", "x")
        for content_type, body in BODIES:
            for headers in SIGNATURES:
                answer = client.open(path, method=method, data=body, content_type=content_type, headers=dict(headers))
                assert answer.status_code in (401, 403, 415), (method, path, content_type, headers, answer.status_code)
                if rule in SIGNED:
                    assert answer.data == b"", (method, path)
    assert rows(database_url) == before


def test_other_methods_are_refused(client: FlaskClient) -> None:
    for path in SIGNED:
        for method in ("PUT", "DELETE", "PATCH"):
            assert client.open(path, method=method).status_code == 405


def test_a_captured_message_played_again_is_one_turn(client: FlaskClient, database_url: str) -> None:
    form = message(Body="Hallo")
    assert [twilio(client, form).status_code for _ in range(3)] == [200] * 3
    update = whatsapp(wrote("wamid.again"))
    assert [meta(client, "whatsapp", update).status_code for _ in range(3)] == [200] * 3
    update = messenger(happened(message={"mid": "m_again", "text": "Hallo"}))
    assert [meta(client, "messenger", update).status_code for _ in range(3)] == [200] * 3
    assert rows(database_url)["turns"] == 3


def test_a_status_of_another_account_or_for_an_unknown_delivery_changes_nothing(
    client: FlaskClient, database_url: str
) -> None:
    before, sid = rows(database_url), "SM" + "a" * 32
    told = {"MessageSid": sid, "MessageStatus": "failed", "From": OURS, "To": THEIRS, "ErrorCode": "21610"}
    path = "/webhooks/twilio/status?delivery=0123456789abcdef0123456789abcdef"
    assert twilio(client, {**told, "AccountSid": "AC" + "9" * 32}, path).status_code == 403
    assert twilio(client, {**told, "AccountSid": ACCOUNT}, path).status_code == 204
    foreign = whatsapp(number_id="999", statuses=[{"id": "wamid.x", "status": "failed", "timestamp": "1760000000"}])
    assert meta(client, "whatsapp", foreign).status_code == 200
    assert rows(database_url) == before


def test_a_signature_counts_for_its_own_path_and_query_only(client: FlaskClient, database_url: str) -> None:
    form = {**message(Body="Hallo"), "MessageStatus": "read"}
    sign = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}/webhooks/twilio/status?delivery=abc", form)
    for path in ("/webhooks/twilio", "/webhooks/twilio/status", "/webhooks/twilio/status?delivery=abd"):
        assert client.post(path, data=form, headers={"X-Twilio-Signature": sign}).status_code == 403
    assert rows(database_url)["turns"] == 0


def test_a_channel_without_its_secrets_has_no_webhook(database_url: str, tmp_path: Path) -> None:
    settings = load_settings({"SPRACHPORTAL_SECRET_KEY": "a-secret-for-the-tests", "DATABASE_URL": database_url})
    conversations = Conversations(
        Store(database_url), FakeEngine(), Texts.load(), Bell(), ProcessLocks(), lambda _text: None
    )
    client = create_app(settings, conversations).app.test_client()
    for path in SIGNED:
        assert client.post(path, data=MESSAGE).status_code == 404


def test_no_words_numbers_or_names_are_logged_whatever_comes(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    secret_words = ("Geheimwort", "4917139200", "491715550101", "Jördis", TOKEN, META_SECRET)
    with caplog.at_level("DEBUG", logger="bot"):
        twilio(client, message(Body="Geheimwort", ProfileName="Jördis"))
        twilio(client, {**message(Body="Geheimwort"), "AccountSid": "AC" + "9" * 32})
        meta(client, "whatsapp", whatsapp(wrote("wamid.g", type="text", text={"body": "Geheimwort"})))
        meta(client, "whatsapp", whatsapp({"type": "Geheimwort", "id": 7, "from": "491715550101"}))
        meta(client, "messenger", messenger(happened(message={"mid": "m_g", "text": "STOP Geheimwort"})))
    logged = "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    assert not [word for word in secret_words if word in logged]
