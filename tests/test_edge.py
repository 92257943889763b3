"""The portal's web edge under attack: slow clients, a hanging engine, floods, ids that look alike."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from bot.app import Portal
from bot.channels import web
from bot.channels.limits import Allowance, Places, client_of
from bot.settings import ServerSettings, WebChatSettings
from tests.conftest import REST_TOKEN, ROOT, SECRET_KEY, Running, free_port, wait_until_ready
from tests.edge_portal import CLIENT_SECONDS, REST_AT_MOST, THREADS, MoodyEngine, edge_app, edge_settings

REST = "/webhooks/rest/webhook"
HEADERS = {"Authorization": f"Bearer {REST_TOKEN}"}


@pytest.fixture(scope="module")
def edge(demo_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, port = tmp_path_factory.mktemp("edge"), free_port()
    shutil.copy(demo_database, folder / "portal.db")
    database_url, log = f"sqlite:///{folder / 'portal.db'}", folder / "log.txt"
    with log.open("ab") as out:
        command = [sys.executable, "-m", "tests.edge_portal", str(port), database_url]
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    running = Running(f"http://127.0.0.1:{port}", database_url, process, log)
    wait_until_ready(running)
    yield running
    running.stop()


def connect(edge: Running, sent: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", httpx.URL(edge.url).port or 0))
    client.sendall(sent)
    return client


def is_alive(edge: Running, seconds: float) -> bool:
    try:
        return httpx.get(f"{edge.url}/healthz", timeout=seconds).status_code == 200
    except httpx.TransportError:
        return False


HALF_SENT = {
    "head": b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    "body": b"POST /chat/api/visits HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
    "second request": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\n",
}


@pytest.mark.parametrize("sent", HALF_SENT.values(), ids=HALF_SENT)
def test_half_sent_requests_let_the_threads_go(edge: Running, sent: bytes) -> None:
    clients = [connect(edge, sent) for _ in range(THREADS)]
    assert is_alive(edge, CLIENT_SECONDS + 4)
    assert "Traceback" not in edge.log.read_text()
    for client in clients:
        client.close()


def test_a_request_that_trickles_in_lets_its_thread_go(edge: Running) -> None:
    client = connect(edge, HALF_SENT["head"])
    client.settimeout(0.2)
    end = time.monotonic() + CLIENT_SECONDS + 3
    while time.monotonic() < end:
        try:
            client.sendall(b"x")
            if client.recv(100) == b"":
                return
        except TimeoutError:
            continue
        except ConnectionError:
            return
    pytest.fail("the connection is still open")


def test_requests_sent_by_a_client_that_does_not_read_let_their_threads_go(edge: Running) -> None:
    request = b"GET /chat/static/chat.js HTTP/1.1\r\nHost: x\r\n\r\n"
    clients = []
    for _ in range(THREADS):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", httpx.URL(edge.url).port or 0))
        client.settimeout(0.5)
        clients.append(client)
        try:
            client.sendall(request * 2000)
        except TimeoutError:
            continue
    assert is_alive(edge, CLIENT_SECONDS + 4)
    for client in clients:
        client.close()


def test_a_hanging_engine_leaves_threads_for_the_others(edge: Running) -> None:
    answers: list[httpx.Response] = []

    def ask(number: int) -> None:
        answers.append(edge.post({"sender": "s", "message": "hang", "message_id": f"{number % 2}"}))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS + 4)]
    for thread in threads:
        thread.start()
    while len(answers) < THREADS + 4 - REST_AT_MOST:
        time.sleep(0.05)
    refused = list(answers)
    assert is_alive(edge, 1)
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in refused] == [503] * len(refused)
    assert all(answer.json()["error"]["code"] == "not_ready" and answer.headers["Retry-After"] for answer in refused)
    assert sum(answer.status_code == 200 for answer in answers) == REST_AT_MOST


def test_refused_requests_leave_neither_address_nor_words_in_the_log(edge: Running) -> None:
    for sent in (b"GET /geheim HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nGeheim wort\r\n\r\n"):
        client = connect(edge, sent)
        assert client.recv(100).startswith(b"HTTP/1.1 400 Bad Request")
        client.close()
    client = connect(edge, b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n")
    assert client.recv(100).startswith(b"HTTP/1.1 414 ")
    client.close()
    log = edge.log.read_text()
    assert "geheim" not in log.lower()
    assert "127.0.0.1:" not in log.replace(edge.url, "")
    assert "ip=" not in log


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script-Name", "PATH_INFO"])
def test_a_header_does_not_move_the_path(edge: Running, name: str) -> None:
    assert httpx.get(f"{edge.url}/healthz", headers={name: "/healthz"}).status_code == 200


@pytest.fixture
def engine() -> MoodyEngine:
    return MoodyEngine()


@pytest.fixture
def portal_here(database_url: str, engine: MoodyEngine) -> Iterator[Portal]:
    chat = WebChatSettings(visits_at_once=3, visits_per_minute=1, turns_at_once=2, turns_per_minute=1)
    portal = edge_app(edge_settings(database_url, languages=["de"], web_chat=chat), engine)
    yield portal
    portal.messengers.jobs.stop()


@pytest.fixture
def client(portal_here: Portal) -> FlaskClient:
    return portal_here.app.test_client()


def ask(client: FlaskClient, **asked: object) -> Any:
    return client.post(REST, json={"message": "Hallo", **asked}, headers=HEADERS)


def visit(client: FlaskClient, **headers: str) -> Any:
    return client.post("/chat/api/visits", json={"language": "de"}, headers=headers)


def with_token(client: FlaskClient) -> dict[str, str]:
    return {"Authorization": f"Bearer {visit(client).json['token']}"}


def test_senders_with_colons_do_not_get_each_others_answers(client: FlaskClient) -> None:
    first = ask(client, sender="a:b", message_id="c", message="geheim")
    other = ask(client, sender="a", message_id="b:c", message="Hallo")
    assert "geheim" in first.text
    assert other.json == [{"recipient_id": "a", "text": "Verstanden: Hallo."}]


@pytest.mark.parametrize("name", ["a\0b", "x" * 201, "a\u202eb", "\ud800", ""])
def test_ids_that_a_database_cannot_keep_are_refused(client: FlaskClient, name: str) -> None:
    assert ask(client, sender=name).status_code == 400
    assert ask(client, sender="a", message_id=name).status_code == 400
    turn = client.post("/chat/api/turns", json={"id": name, "text": "x"}, headers=with_token(client))
    assert turn.status_code == 400


def test_long_ids_that_are_allowed_are_kept(client: FlaskClient) -> None:
    asked = {"sender": "s" * 200, "message_id": "m" * 180}
    assert ask(client, **asked).json == ask(client, **asked).json != []


def test_an_engine_that_goes_away_in_mid_turn_is_told(client: FlaskClient, engine: MoodyEngine) -> None:
    gone = ask(client, sender="a", message_id="1", message="die")
    assert (gone.status_code, gone.json["error"]["code"]) == (503, "not_ready")
    assert gone.headers["Retry-After"]
    engine.is_ready = True
    assert ask(client, sender="b", message="Hallo").status_code == 200


def test_a_language_that_the_portal_does_not_speak_is_not_begun(client: FlaskClient, engine: MoodyEngine) -> None:
    ask(client, sender="a", metadata={"language": "en"})
    assert engine.turns[-1].language == "de"
    begun = client.post("/chat/api/visits", json={"language": "en"}).json
    assert begun
    assert begun["language"] == "de"


def test_a_turn_called_started_is_a_turn(client: FlaskClient) -> None:
    headers = with_token(client)
    sent = client.post("/chat/api/turns", json={"id": "started", "text": "Hallo"}, headers=headers)
    assert sent.status_code == 202
    entries = client.get("/chat/api/entries", headers=headers).json
    assert entries
    assert ("started", "Hallo") in [(entry["id"], entry["text"]) for entry in entries["entries"]]


def test_a_signed_visit_without_its_conversation_is_over(client: FlaskClient) -> None:
    token = URLSafeTimedSerializer(SECRET_KEY, salt="web-chat-visit").dumps(["visitor", "gone"])
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/chat/api/entries", headers=headers).status_code == 401
    assert client.post("/chat/api/turns", json={"id": "1", "text": "x"}, headers=headers).status_code == 401
    assert client.get("/chat/api/events", headers=headers).status_code == 401
    assert client.post("/chat/api/visits", json={}, headers=headers).status_code == 201


def test_a_flood_of_visits_is_refused_in_words_and_known_visitors_go_on(client: FlaskClient) -> None:
    headers = with_token(client)
    answers = [visit(client, **{"X-Forwarded-For": f"10.0.0.{number}"}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].headers["Retry-After"]
    assert answers[-1].json["error"]["code"] == "too_many"
    assert answers[-1].json["error"]["message"].startswith("Einen Moment bitte")
    assert client.post("/chat/api/visits", json={}, headers=headers).status_code == 200


def test_behind_a_trusted_proxy_clients_count_by_their_own_addresses(database_url: str, engine: MoodyEngine) -> None:
    settings = edge_settings(
        database_url,
        server=ServerSettings(trusted_proxies=1),
        web_chat=WebChatSettings(visits_at_once=1, visits_per_minute=1),
    )
    portal = edge_app(settings, engine)
    client = portal.app.test_client()
    told = ("forged, 10.0.0.1", "10.0.0.2", "other, 10.0.0.1")
    assert [visit(client, **{"X-Forwarded-For": by}).status_code for by in told] == [201, 201, 429]
    portal.messengers.jobs.stop()


def test_a_flood_of_turns_is_refused_in_words(client: FlaskClient) -> None:
    headers = with_token(client)
    answers = [
        client.post("/chat/api/turns", json={"id": f"{number}", "text": "x"}, headers=headers) for number in range(3)
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[-1].headers["Retry-After"]
    assert (answers[-1].json or {})["error"]["message"].startswith("Einen Moment bitte")


def test_a_visitor_has_at_most_four_streams(client: FlaskClient) -> None:
    headers = with_token(client)
    streams = [client.get("/chat/api/events", headers=headers, buffered=False) for _ in range(4)]
    assert client.get("/chat/api/events", headers=headers).status_code == 503
    other = client.get("/chat/api/events", headers=with_token(client), buffered=False)
    assert other.status_code == 200
    other.close()
    streams[0].close()
    assert client.get("/chat/api/events", headers=headers, buffered=False).status_code == 200


def test_a_stream_ends_after_its_time(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "STREAM_SECONDS", 0.4)
    monkeypatch.setattr(web, "HEARTBEAT_SECONDS", 0.1)
    began = time.monotonic()
    assert ": still here" in client.get("/chat/api/events", headers=with_token(client)).text
    assert 0.3 < time.monotonic() - began < 5


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nowhere", "/chat/api/entries"])
def test_what_changes_is_not_kept_by_caches(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    allowance = Allowance(at_once=2, per_minute=60, clock=lambda: now[0])
    assert [allowance.take("a") for _ in range(3)] == [True, True, False]
    assert allowance.take("b")
    now[0] = 1.0
    assert [allowance.take("a") for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [allowance.take("a") for _ in range(3)] == [True, True, False]


def test_places_are_held_until_they_are_given_back() -> None:
    places = Places(at_most=3, for_each=2)
    assert [places.take(key) for key in "aaabb"] == [True, True, False, True, False]
    places.give_back("a")
    assert [places.take(key) for key in "ab"] == [True, False]


def test_an_ipv6_client_is_its_network() -> None:
    assert client_of("2001:db8:1:2::5") == client_of("2001:db8:1:2:ffff::1") != client_of("2001:db8:1:3::5")
    assert client_of("10.0.0.1") != client_of("10.0.0.2")
    assert client_of(None) == ""
