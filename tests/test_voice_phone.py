"""The simulated phone against a small TwiML server that checks every signature itself."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from flask import Flask, Response, request
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Gather, VoiceResponse

from voice.phone import Call, Heard, Line, NotListening

PUBLIC = "https://portal.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + "0" * 32
NUMBER = "+494066969000"
XML = "text/xml"

Script = dict[str, str | Response]


class Portal:
    """Answers paths with prepared TwiML; what was asked is kept as `asked`."""

    def __init__(self, script: Script) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.script = script
        self.app = Flask(__name__)
        self.app.add_url_rule("/<path:path>", view_func=self.answer, methods=["POST"])

    def answer(self, path: str) -> Response | str:
        form = request.form.to_dict()
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        url = f"{PUBLIC}/{path}{query}"
        assert RequestValidator(TOKEN).validate(url, form, request.headers["X-Twilio-Signature"])
        self.asked.append((f"/{path}{query}", form))
        if path.endswith("/status"):
            return Response(status=204)
        answer = self.script[path.removeprefix("webhooks/")]
        return answer if isinstance(answer, Response) else Response(answer, content_type=XML)

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def last(self, name: str) -> str | None:
        """A parameter of the request before the call's end was told."""
        return [form for path, form in self.asked if not path.endswith("/status")][-1].get(name)


def no_wait(_seconds: float) -> None:
    """Pauses take no time in tests."""


def call_to(portal: Portal, **options: Any) -> Call:
    client = httpx.Client(transport=httpx.WSGITransport(app=portal.app))
    line = Line(client, PUBLIC, ACCOUNT, TOKEN, NUMBER)
    return Call(line, **{"wait": no_wait, **options})


def rung(script: Script, **options: Any) -> tuple[Portal, Call]:
    """A call that has heard the first answer."""
    portal = Portal(script)
    call = call_to(portal, **options)
    call.ring()
    call.run()
    return portal, call


def asking(text: str = "Wobei kann ich helfen?", **attributes: Any) -> str:
    """A question for speech and keys."""
    response = VoiceResponse()
    gather = Gather(**{"input": "dtmf speech", "action": "voice/turn?step=1", "language": "de-DE", **attributes})
    gather.say(text, language="de-DE", voice="Polly.Vicki-Neural")
    response.append(gather)
    return str(response)


def saying(text: str) -> str:
    """Words, and the end."""
    response = VoiceResponse()
    response.say(text, language="de-DE")
    return str(response)


def said(call: Call) -> list[str]:
    return [heard.text for heard in call.heard if heard.kind == "say"]


def problems(call: Call) -> list[str]:
    return [heard.text for heard in call.heard if heard.kind == "problem"]


def test_first_request_carries_what_twilio_sends() -> None:
    portal, call = rung({"voice": asking()}, caller="+491713920011")
    path, form = portal.asked[0]
    assert path == "/webhooks/voice"
    assert form["CallStatus"] == "ringing"
    assert form["AccountSid"] == ACCOUNT
    assert form["From"] == form["Caller"] == "+491713920011"
    assert form["To"] == NUMBER
    assert form["FromCity"] == ""
    assert form["CallSid"] == call.sid
    assert len(call.sid) == 34
    assert said(call) == ["Wobei kann ich helfen?"]


def test_speech_goes_to_the_relative_action_with_its_confidence() -> None:
    portal, call = rung({"voice": asking(), "voice/turn": saying("Danke.")})
    call.speak("wo ist mein paket", 0.5)
    call.run()
    assert portal.asked[1][0] == "/webhooks/voice/turn?step=1"
    assert portal.asked[1][1]["SpeechResult"] == "wo ist mein paket"
    assert portal.asked[1][1]["Confidence"] == "0.5000"
    assert portal.asked[1][1]["CallStatus"] == "in-progress"


def test_speech_may_come_without_confidence() -> None:
    portal, call = rung({"voice": asking(), "voice/turn": saying("Danke.")})
    call.speak("ja", None)
    call.run()
    assert "Confidence" not in portal.asked[1][1]


@pytest.mark.parametrize(
    ("attributes", "keys", "digits"),
    [
        ({}, "1048#", "1048"),
        ({}, "1048#99", "1048"),
        ({}, "1048", "1048"),
        ({}, "*", "*"),
        ({"numDigits": 1}, "12", "1"),
        ({"finishOnKey": "*"}, "12#*", "12#"),
        ({"finishOnKey": ""}, "12#*", "12#*"),
        ({"input": "dtmf"}, "0", "0"),
    ],
)
def test_keys_end_as_the_gather_says(attributes: dict[str, Any], keys: str, digits: str) -> None:
    portal, call = rung({"voice": asking(**attributes), "voice/turn": saying("Danke.")})
    call.press(keys)
    call.run()
    assert portal.last("Digits") == digits
    assert portal.last("SpeechResult") is None


def test_only_keys_that_end_the_gather_save_its_timeout() -> None:
    _, quick = rung({"voice": asking(timeout=4), "voice/turn": asking()})
    _, slow = rung({"voice": asking(timeout=4), "voice/turn": asking()})
    quick.press("12#")
    slow.press("12")
    assert slow.seconds - quick.seconds == pytest.approx(4)


def test_silence_without_action_goes_on_with_the_next_verb() -> None:
    response = VoiceResponse()
    response.gather(input="speech", action="voice/turn")
    response.say("Ich habe nichts gehört.")
    portal, call = rung({"voice": str(response)})
    call.stay_silent()
    call.run()
    assert said(call) == ["Ich habe nichts gehört."]
    assert call.ended
    assert portal.paths() == ["/webhooks/voice", "/webhooks/voice/status"]


def test_silence_asks_when_the_gather_wants_it() -> None:
    portal, call = rung({"voice": asking(actionOnEmptyResult=True), "voice/turn": asking("Sind Sie noch da?")})
    call.stay_silent()
    call.run()
    assert portal.last("SpeechResult") is None
    assert portal.last("Digits") is None
    assert said(call)[-1] == "Sind Sie noch da?"


def test_redirects_and_pauses_are_followed() -> None:
    filler = VoiceResponse()
    filler.say("Einen Moment.")
    filler.pause(length=2)
    filler.redirect("voice/turn?step=2#rt=6000")
    waited: list[float] = []
    portal, call = rung({"voice": str(filler), "voice/turn": saying("Fertig.")}, wait=waited.append)
    assert [heard.kind for heard in call.heard] == ["say", "pause", "say", "hangup"]
    assert waited == [2]
    assert portal.paths()[1] == "/webhooks/voice/turn?step=2"


def test_each_document_can_be_heard_as_it_comes() -> None:
    filler = VoiceResponse()
    filler.say("Einen Moment.")
    filler.redirect("/webhooks/voice/turn")
    call = call_to(Portal({"voice": str(filler), "voice/turn": asking("Da bin ich.")}))
    call.ring()
    assert [heard.text for heard in call.advance()] == ["Einen Moment."]
    assert call.due
    assert [heard.text for heard in call.advance()] == ["Da bin ich."]
    assert not call.due


def test_endless_redirects_end_the_call() -> None:
    response = VoiceResponse()
    response.redirect("/webhooks/voice")
    _, call = rung({"voice": str(response)})
    assert call.ended
    assert "11215" in problems(call)[0]


@pytest.mark.parametrize("dial_status", ["no-answer", "completed"])
def test_dial_reports_what_came_of_it(dial_status: str) -> None:
    response = VoiceResponse()
    response.dial("+494066969111", action="voice/dialled", timeout=20)
    portal, call = rung({"voice": str(response), "voice/dialled": saying("Danke.")}, dial_status=dial_status)
    assert Heard("dial", "+494066969111") in call.heard
    assert portal.last("DialCallStatus") == dial_status


def test_dial_without_action_goes_on() -> None:
    response = VoiceResponse()
    response.dial("+494066969111")
    response.say("Leider nicht erreichbar.")
    _, call = rung({"voice": str(response)})
    assert said(call) == ["Leider nicht erreichbar."]


def test_hanging_up_is_told_once() -> None:
    portal, call = rung({"voice": asking()})
    call.hang_up()
    call.hang_up()
    assert call.ended
    assert portal.paths() == ["/webhooks/voice", "/webhooks/voice/status"]
    assert portal.asked[1][1]["CallStatus"] == "completed"
    assert portal.asked[1][1]["CallSid"] == call.sid


def test_call_that_is_over_takes_nothing() -> None:
    _, call = rung({"voice": saying("Auf Wiederhören.")})
    assert call.heard[-1].kind == "hangup"
    with pytest.raises(NotListening):
        call.speak("hallo")
    with pytest.raises(NotListening):
        call.stay_silent()


def test_keys_do_nothing_where_only_speech_is_taken() -> None:
    _, call = rung({"voice": asking(input="speech")})
    with pytest.raises(NotListening):
        call.press("1")
    call.speak("noch da")


def test_a_telephone_has_twelve_keys() -> None:
    _, call = rung({"voice": asking()})
    with pytest.raises(NotListening):
        call.press("A")


def test_repeated_delivery_is_the_same_request() -> None:
    portal, call = rung({"voice": asking(), "voice/turn": asking()})
    call.speak("hallo")
    call.run()
    call.repeat()
    assert portal.asked[1] == portal.asked[2]


def test_requests_go_where_the_portal_listens_and_are_signed_for_its_public_address() -> None:
    portal = Portal({"voice": asking()})
    hosts: list[str] = []
    client = httpx.Client(
        transport=httpx.WSGITransport(app=portal.app),
        event_hooks={"request": [lambda sent: hosts.append(sent.url.host)]},
    )
    call = Call(Line(client, PUBLIC, ACCOUNT, TOKEN, NUMBER, send_to="http://127.0.0.1:8080"))
    call.ring()
    call.run()
    assert hosts == ["127.0.0.1"]
    assert said(call) == ["Wobei kann ich helfen?"]


def test_nothing_is_sent_to_a_foreign_address() -> None:
    response = VoiceResponse()
    response.redirect("https://elsewhere.example.net/webhooks/voice")
    _, call = rung({"voice": str(response)})
    assert "11210" in problems(call)[0]


def test_portal_that_does_not_answer_is_a_problem_not_an_exception() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    call = Call(Line(httpx.Client(transport=httpx.MockTransport(refuse)), PUBLIC, ACCOUNT, TOKEN, NUMBER))
    call.ring()
    call.run()
    assert call.ended
    assert "11205" in problems(call)[0]


@pytest.mark.parametrize("status", [302, 403, 500])
def test_error_page_ends_the_call(status: int) -> None:
    _, call = rung({"voice": Response("<Response/>", status, content_type=XML)})
    assert call.ended
    assert "11200" in problems(call)[0]


def test_spelled_out_ssml_is_heard_sign_by_sign() -> None:
    response = VoiceResponse()
    say = response.say("Bestellung ")
    say.say_as("1048", interpret_as="digits")
    say.break_(time="300ms")
    say.say_as("2917", interpret_as="digits")
    say.s(" ")
    say.sub("z. B.", alias="zum Beispiel")
    _, call = rung({"voice": str(response)})
    assert said(call) == ["Bestellung 1 0 4 8, 2 9 1 7 zum Beispiel"]
