"""The REST webhook at the wire: real model, real server; bad input gets a clear answer and loses nothing."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

import httpx
import pytest

from tests.conftest import REST_TOKEN, Running

PATH = "/webhooks/rest/webhook"


def sender() -> str:
    return uuid.uuid4().hex


def texts(answer: list[dict[str, Any]]) -> str:
    return "\n".join(str(part.get("text", "")) for part in answer)


def raw(portal: Running, body: bytes, **headers: str) -> httpx.Response:
    given = {"Authorization": f"Bearer {REST_TOKEN}", "Content-Type": "application/json", **headers}
    return httpx.post(portal.url + PATH, content=body, headers=given, timeout=60)


def test_a_customer_is_told_where_the_order_is(portal: Running) -> None:
    name = sender()
    assert "Postleitzahl" in texts(portal.say(name, "Wo ist meine Bestellung 10482917?"))
    answer = portal.say(name, "22765")
    assert "morgen" in texts(answer)
    assert {"recipient_id": name, "custom": {"link": {"customer": "27004118", "level": "proven"}}} in answer


def test_the_notice_comes_once_per_conversation(portal: Running) -> None:
    name = sender()
    said = [texts(portal.say(name, "Hallo")) for _ in range(3)]
    assert [text.count("eine KI und kein Mensch") for text in said] == [1, 0, 0]


def test_buttons_have_titles_and_payloads_and_a_payload_that_was_offered_counts(portal: Running) -> None:
    name = sender()
    answer = portal.say(name, "Was kannst du?")
    buttons = [button for part in answer for button in part.get("buttons", [])]
    assert {"title": "Etwas zurücksenden", "payload": "/start_return"} in buttons
    assert "Bestellnummer" in texts(portal.say(name, "/start_return"))


def test_the_label_of_a_button_counts_as_the_button(portal: Running) -> None:
    name = sender()
    portal.say(name, "Was kannst du?")
    assert "Bestellnummer" in texts(portal.say(name, "etwas ZURÜCKSENDEN"))


@pytest.mark.parametrize(
    "typed", ["/restart", "/start_over", '/ask_order_status{"order_number":"10482917"}', "/session_start", "/back"]
)
def test_a_typed_command_is_only_words(portal: Running, typed: str) -> None:
    name = sender()
    portal.say(name, "Wo ist meine Bestellung 10482917?")
    portal.say(name, "22765")
    portal.say(name, typed)
    assert "Postleitzahl" not in texts(portal.say(name, "Wann kommt sie an?")), "the customer was forgotten"


def test_a_message_delivered_twice_is_answered_once(portal: Running) -> None:
    name = sender()
    portal.say(name, "Wo ist meine Bestellung 10484665?", message_id="1")
    first = portal.say(name, "10999", message_id="2")
    assert portal.say(name, "10999", message_id="2") == first


def test_delivered_in_parallel_it_is_answered_once(portal: Running) -> None:
    name = sender()
    portal.say(name, "Hallo")
    answers: list[Any] = []
    send = lambda: answers.append(portal.say(name, "Was kostet der Versand?", message_id="same"))  # noqa: E731
    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert all(answer == answers[0] for answer in answers)


def test_two_messages_at_once_are_both_answered_in_order(portal: Running) -> None:
    name = sender()
    portal.say(name, "Hallo")
    answers: dict[str, str] = {}
    messages = ["Was kostet der Versand?", "Wie kann ich bezahlen?"]
    threads = [
        threading.Thread(target=lambda m=message: answers.update({m: texts(portal.say(name, m))}))
        for message in messages
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "4,95" in answers[messages[0]]
    assert "PayPal" in answers[messages[1]]


@pytest.mark.parametrize("token", ["-", "wrong", REST_TOKEN + "x", "ä" * 20])
def test_without_the_token_nothing_happens(portal: Running, token: str) -> None:
    headers = {b"Authorization": f"Bearer {token}".encode(), b"Content-Type": b"application/json"}
    answer = httpx.post(portal.url + PATH, content=b'{"sender":"a","message":"b"}', headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b'{"sender": "\xff\xfe", "message": "x"}', 400, "not_json"),
        (b'"just a string"', 400, "wrong_form"),
        (b'{"sender": "a"}', 400, "wrong_form"),
        (b'{"sender": 1, "message": "x"}', 400, "wrong_form"),
        (b'{"sender": "", "message": "x"}', 400, "wrong_sender"),
        (b'{"sender": "a\\u0000b", "message": "x"}', 400, "wrong_sender"),
        (b'{"sender": "a", "message": ""}', 400, "empty_message"),
        (b'{"sender": "a", "message": "  \\u202e / "}', 400, "empty_message"),
        (b'{"sender": "a", "message": "x", "metadata": []}', 400, "wrong_form"),
        (b'{"sender": ' + b"[" * 50_000, 400, "wrong_form"),
        (b'{"sender": "a", "message": "b", "metadata": {"x": ' + b"[" * 50_000, 400, "not_json"),
        (b'{"sender": "a", "message": "' + b"x" * 70_000 + b'"}', 413, "too_large"),
    ],
)
def test_bad_input_gets_a_clear_answer(portal: Running, body: bytes, status: int, code: str) -> None:
    answer = raw(portal, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_other_content_types_and_packed_bodies_are_refused(portal: Running) -> None:
    body = json.dumps({"sender": "a", "message": "b"}).encode()
    assert raw(portal, body, **{"Content-Type": "text/plain"}).status_code == 415
    assert raw(portal, body, **{"Content-Encoding": "gzip"}).status_code == 415


def test_wrong_method_and_unknown_paths_are_told_in_json(portal: Running) -> None:
    answer = httpx.get(portal.url + PATH)
    assert answer.status_code == 405
    assert answer.headers["Allow"]
    assert httpx.post(f"{portal.url}/webhooks/nothing/webhook", json={}).status_code == 404
    assert httpx.get(f"{portal.url}/nowhere").json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    "said",
    [
        "👍🎉",
        "<script>alert(1)</script>",
        "{{7*7}} ${7*7} {language} {0[x]}",
        "\u202eabc",
        "'; DROP TABLE turns; --",
        "x" * 30_000,
        "wort " * 6000,
        "\u0301" * 3000,
        "０１２３４５６７",
        "10482917 " * 200,
    ],
)
def test_strange_words_are_answered(portal: Running, said: str) -> None:
    answer = portal.say(sender(), said)
    assert texts(answer)
    assert "49" not in texts(answer).replace("10482917", "")


def test_a_broken_emoji_is_bad_json_or_answered(portal: Running) -> None:
    answer = raw(portal, b'{"sender": "a", "message": "\\ud83d"}')
    assert answer.status_code in (200, 400)


def test_health_and_figures_say_nothing_of_customers(portal: Running) -> None:
    name = f"name-{sender()}"
    portal.say(name, "Mein Name ist Annika Brandt")
    assert httpx.get(f"{portal.url}/healthz").json() == {"alive": True}
    figures = httpx.get(f"{portal.url}/metrics").text
    assert "sprachportal_requests_total" in figures
    assert name not in figures
    assert "Brandt" not in figures


def test_the_log_has_no_words_of_customers(portal: Running) -> None:
    name = f"name-{sender()}"
    secret = f"geheimwort{uuid.uuid4().hex[:8]}"
    for said in (secret, f"{secret} 10482917", f"<b>{secret}</b>"):
        portal.say(name, said)
    log = portal.log.read_text()
    assert secret not in log
    assert name not in log
    assert "10482917" not in log
