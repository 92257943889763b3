"""The web chat's API at the wire: visits, turns, choices, streams, forged tokens."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Running


class Visitor:
    """A visitor of the web chat."""

    def __init__(self, portal: Running, language: str = "de") -> None:
        self.client = httpx.Client(base_url=portal.url, timeout=60)
        answer = self.client.post("/chat/api/visits", json={"language": language})
        assert answer.status_code == 201
        self.visit = answer.json()
        self.client.headers["Authorization"] = f"Bearer {self.visit['token']}"

    def send(self, text: str | None = None, **more: Any) -> httpx.Response:
        data = {"id": uuid.uuid4().hex, **({"text": text} if text is not None else {}), **more}
        return self.client.post("/chat/api/turns", json=data)

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        return list(self.client.get("/chat/api/entries", params={"after": after}).json()["entries"])

    def said(self, wanted: str, seconds: float = 20) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for entry in self.entries():
                if entry["who"] == "bot" and wanted in entry["text"]:
                    return entry
            time.sleep(0.05)
        raise AssertionError(f"{wanted!r} was not said: {[e['text'] for e in self.entries()]}")

    def stream(self, last: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
        with self.client.stream("GET", "/chat/api/events", headers={"Last-Event-ID": str(last)}) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            name = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    yield name, json.loads(line[6:])


def test_a_visit_begins_with_the_notice(portal: Running) -> None:
    visitor = Visitor(portal)
    assert "eine KI und kein Mensch" in visitor.said("digitale Assistent")["text"]
    assert visitor.visit["company"] == "Nordwind Versand"


def test_an_english_visit_begins_in_english(portal: Running) -> None:
    assert Visitor(portal, "en").said("digital assistant")["language"] == "en"


def test_answers_come_by_events_also_after_the_connection_was_lost(portal: Running) -> None:
    visitor = Visitor(portal)
    visitor.said("Wobei")
    last = visitor.entries()[-1]["seq"]
    assert visitor.send("Wo ist meine Bestellung 10482917?").status_code == 202
    for name, data in visitor.stream(last):
        if name == "entry" and data["who"] == "bot":
            assert "Postleitzahl" in data["text"]
            last = data["seq"]
            break
    visitor.send("22765")
    visitor.said("morgen")
    missed = next(data for name, data in visitor.stream(last) if name == "entry" and data["who"] == "bot")
    assert "morgen" in missed["text"]


def test_a_turn_sent_again_counts_once(portal: Running) -> None:
    visitor = Visitor(portal)
    first = visitor.send("Was kostet der Versand?", id="mine")
    again = visitor.send("Was kostet der Versand?", id="mine")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    visitor.said("4,95")
    assert sum("4,95" in entry["text"] for entry in visitor.entries()) == 1


def test_a_choice_is_pressed(portal: Running) -> None:
    visitor = Visitor(portal)
    entry = visitor.said("Wobei")
    assert visitor.send(choice={"entry": entry["id"], "index": 1}).status_code == 202
    visitor.said("Bestellnummer")
    assert any(e["text"] == "Etwas zurücksenden" and e["who"] == "customer" for e in visitor.entries())


@pytest.mark.parametrize("index", [-1, 99])
def test_a_choice_that_was_not_offered_is_refused_in_words(portal: Running, index: int) -> None:
    visitor = Visitor(portal)
    entry = visitor.said("Wobei")
    answer = visitor.send(choice={"entry": entry["id"], "index": index})
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "not_offered",
        "message": "Diese Auswahl gibt es nicht mehr. Bitte schreiben Sie, was Sie möchten.",
    }


def test_a_choice_of_another_visitor_is_refused(portal: Running) -> None:
    entry = Visitor(portal).said("Wobei")
    assert Visitor(portal).send(choice={"entry": entry["id"], "index": 0}).status_code == 400


def test_the_button_of_an_earlier_question_does_not_answer_a_newer_one(portal: Running) -> None:
    visitor = Visitor(portal)
    visitor.send("Ich möchte die Bestellung 10484665 stornieren")
    visitor.said("Postleitzahl")
    visitor.send("10999")
    earlier = visitor.said("wirklich stornieren")
    assert earlier["choices"][0]["title"].startswith("Ja")
    visitor.send("Nein")
    visitor.send("Meine Lieferung 10482917 ist beschädigt angekommen, 22765")
    visitor.said("Um welchen Artikel")
    assert visitor.send(choice={"entry": earlier["id"], "index": 0}).status_code == 202
    visitor.said("Diese Auswahl gibt es nicht mehr")
    assert visitor.entries()[-2]["text"] == "Ja"


def test_visitors_do_not_see_each_other(portal: Running) -> None:
    one, other = Visitor(portal), Visitor(portal)
    one.send("Wo ist meine Bestellung 10482917?")
    one.said("Postleitzahl")
    other.said("Wobei")
    assert all("10482917" not in entry["text"] for entry in other.entries())


@pytest.mark.parametrize("token", ["x", "WyJhIiwiYiJd.aaaa.bbbb", "ä"])
def test_a_forged_token_is_refused(portal: Running, token: str) -> None:
    headers = {b"Authorization": f"Bearer {token}".encode()}
    for path in ("/chat/api/entries", "/chat/api/events"):
        assert httpx.get(portal.url + path, headers=headers).status_code == 401
    body = {"id": "1", "text": "Hallo"}
    assert httpx.post(f"{portal.url}/chat/api/turns", json=body, headers=headers).status_code == 401


def test_a_changed_token_is_refused(portal: Running) -> None:
    visitor, other = Visitor(portal), Visitor(portal)
    payload = other.visit["token"].rsplit(".", 2)[0]
    mixed = ".".join([payload, *visitor.visit["token"].rsplit(".", 2)[1:]])
    assert mixed != visitor.visit["token"]
    assert httpx.get(f"{portal.url}/chat/api/entries", headers={"Authorization": f"Bearer {mixed}"}).status_code == 401


def test_an_unusable_token_begins_a_new_visit(portal: Running) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    assert httpx.post(f"{portal.url}/chat/api/visits", json={"language": "de"}, headers=headers).status_code == 201


def test_the_visit_goes_on_with_its_token(portal: Running) -> None:
    visitor = Visitor(portal)
    visitor.said("Wobei")
    again = visitor.client.post("/chat/api/visits", json={"language": "de"})
    assert again.status_code == 200
    assert again.json()["conversation"] == visitor.visit["conversation"]
    assert again.json()["entries"]


def test_a_new_conversation_can_be_begun(portal: Running) -> None:
    visitor = Visitor(portal)
    fresh = visitor.client.post("/chat/api/visits", json={"language": "de", "new": True}).json()
    assert fresh["conversation"] != visitor.visit["conversation"]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"id": "1"}, 400, "empty_message"),
        ({"id": "1", "text": " / "}, 400, "empty_message"),
        ({"id": "", "text": "x"}, 400, "wrong_id"),
        ({"id": "a:b", "text": "x"}, 400, "wrong_id"),
        ({"id": "x" * 65, "text": "x"}, 400, "wrong_id"),
        ({"text": "x"}, 400, "wrong_form"),
        ({"id": "1", "text": 5}, 400, "wrong_form"),
        ({"id": "1", "text": "x" * 70_000}, 413, "too_large"),
    ],
)
def test_bad_turns_are_refused(portal: Running, data: dict[str, Any], status: int, code: str) -> None:
    answer = Visitor(portal).client.post("/chat/api/turns", json=data)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_html_comes_back_as_the_text_it_was(portal: Running) -> None:
    visitor = Visitor(portal)
    visitor.send("<img src=x onerror=alert(1)>")
    time.sleep(0.2)
    assert any(entry["text"] == "<img src=x onerror=alert(1)>" for entry in visitor.entries())


def test_the_page_runs_no_foreign_code(portal: Running) -> None:
    page = httpx.get(f"{portal.url}/chat")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "<script>" not in page.text
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_files_outside_the_chat_are_not_served(portal: Running) -> None:
    for path in ("../base.py", "..%2f..%2fsettings.py", "%2e%2e/web.py"):
        assert httpx.get(f"{portal.url}/chat/static/{path}").status_code == 404
