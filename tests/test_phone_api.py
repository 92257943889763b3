"""The phone page's API over a small TwiML server: the page plays whole calls and never sees a secret."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse

from bot.channels.base import error_answer
from bot.channels.phone_page import MOST_CALLS, PhonePage, inner_line
from bot.errors import BadRequest

PUBLIC = "https://portal.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + "0" * 32


class Page:
    """A browser's view of the API, and the calls that were told to be over."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        app = Flask(__name__, static_folder=None)
        app.errorhandler(BadRequest)(error_answer)
        app.post("/webhooks/voice")(self.greet)
        app.post("/webhooks/voice/turn")(self.answer)
        app.post("/webhooks/voice/status")(self.note_end)
        line = inner_line(app, public_url=PUBLIC, account=ACCOUNT, token=TOKEN, number="+494066969000")
        app.register_blueprint(PhonePage(line, "Nordwind Versand").blueprint())
        self.client: FlaskClient = app.test_client()

    def greet(self) -> Response:
        return ask("Guten Tag.")

    def answer(self) -> Response:
        url = f"{PUBLIC}/webhooks/voice/turn"
        assert RequestValidator(TOKEN).validate(url, request.form, request.headers["X-Twilio-Signature"])
        said = request.form.get("SpeechResult", request.form.get("Digits", "nichts"))
        if said != "moment":
            return ask(f"Sie sagten {said}.")
        response = VoiceResponse()
        response.say("Einen Moment.", language="de-DE")
        response.redirect("/webhooks/voice")
        return Response(str(response), content_type="text/xml")

    def note_end(self) -> Response:
        self.ended.append(request.form["CallSid"])
        return Response(status=204)

    def begin(self, caller: str = "") -> dict[str, Any]:
        return self.post("calls", {"caller": caller}, 201)

    def post(self, path: str, data: object, status: int = 200) -> dict[str, Any]:
        answer = self.client.post(f"/phone/api/{path}", json=data)
        assert answer.status_code == status, answer.text
        assert TOKEN not in answer.text
        return dict(answer.json or {})

    def input(self, name: str, status: int = 200, **what: object) -> dict[str, Any]:
        return self.post(f"calls/{name}/input", what, status)


def ask(text: str) -> Response:
    response = VoiceResponse()
    gather = response.gather(
        input="dtmf speech", action="/webhooks/voice/turn", action_on_empty_result=True, language="de-DE", timeout=4
    )
    gather.say(text, language="de-DE")
    return Response(str(response), content_type="text/xml")


def said(state: dict[str, Any]) -> list[str]:
    return [heard["text"] for heard in state["heard"] if heard["kind"] == "say"]


@pytest.fixture
def page() -> Page:
    return Page()


def test_line_tells_company_and_readable_number(page: Page) -> None:
    answer = page.client.get("/phone/api/line")
    assert answer.json == {"company": "Nordwind Versand", "number": "+49 40 66969000"}


def test_call_goes_from_greeting_to_the_end(page: Page) -> None:
    state = page.begin("+491713920011")
    assert said(state) == ["Guten Tag."]
    listening = {"speech": True, "keys": True, "digits": None, "finish_key": "#", "timeout": 4.0, "language": "de-DE"}
    assert state["listening"] == listening
    name = state["id"]
    assert said(page.input(name, kind="speech", text="hallo")) == ["Sie sagten hallo."]
    assert said(page.input(name, kind="keys", text="12#")) == ["Sie sagten 12."]
    assert said(page.input(name, kind="silence")) == ["Sie sagten nichts."]
    over = page.input(name, kind="hangup")
    assert over["ended"]
    assert not over["listening"]
    assert len(page.ended) == 1


def test_part_after_a_redirect_is_fetched_by_the_page(page: Page) -> None:
    name = page.begin()["id"]
    first = page.input(name, kind="speech", text="moment")
    assert (said(first), first["due"]) == (["Einen Moment."], True)
    second = page.post(f"calls/{name}/next", {})
    assert (said(second), second["due"]) == (["Guten Tag."], False)
    assert said(page.post(f"calls/{name}/next", {})) == []


@pytest.mark.parametrize("caller", ["0171 3920011", "+49", "anonymous", "+49<script>", "client:bob"])
def test_caller_must_be_a_number_or_withheld(page: Page, caller: str) -> None:
    page.post("calls", {"caller": caller}, 400)


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ({"kind": "sing"}, 400),
        ({"kind": "speech"}, 400),
        ({"kind": "speech", "text": " "}, 400),
        ({"kind": "speech", "text": "a" * 501}, 400),
        ({"kind": "keys", "text": "1" * 33}, 400),
        ({"kind": "keys", "text": "A"}, 409),
        ({"kind": "speech", "text": "hallo", "token": "x"}, 400),
    ],
)
def test_wrong_input_is_refused_and_the_call_goes_on(page: Page, what: dict[str, Any], status: int) -> None:
    name = page.begin()["id"]
    page.input(name, status, **what)
    assert said(page.input(name, kind="speech", text="hallo")) == ["Sie sagten hallo."]


def test_call_that_is_over_takes_nothing(page: Page) -> None:
    name = page.begin()["id"]
    page.input(name, kind="hangup")
    page.input(name, 409, kind="speech", text="hallo")


def test_unknown_call_is_not_found(page: Page) -> None:
    page.input("guessed", 404, kind="silence")


def test_form_posts_of_other_sites_are_refused(page: Page) -> None:
    answer = page.client.post("/phone/api/calls", data='{"caller": ""}', content_type="text/plain")
    assert answer.status_code == 415


def test_too_many_calls_end_the_one_unused_longest(page: Page) -> None:
    names = [page.begin()["id"] for _ in range(MOST_CALLS + 1)]
    assert len(page.ended) == 1
    page.input(names[0], 404, kind="silence")
    page.input(names[1], kind="silence")


def test_page_takes_scripts_from_itself_only(page: Page) -> None:
    answer = page.client.get("/phone")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "style=" not in answer.text
    assert "onclick" not in answer.text
