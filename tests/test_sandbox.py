"""The stand-ins for Twilio and Meta: what they take and refuse, their faults, and what they tell the portal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from dotenv import dotenv_values
from flask import Flask, Response, request
from werkzeug.serving import make_server

from bot.channels.meta import is_signed
from bot.channels.twilio_signature import Signature
from bot.cli.sandbox import sandbox as sandbox_command
from bot.errors import Unauthorized
from bot.messaging_settings import TemplateSettings
from bot.sandbox import Accounts, Approved, Customer, FaultSettings, Message, Place, Sandbox
from bot.settings import load_settings

PUBLIC = "https://portal.example.com"
NUMBER = "+491713920011"
WA_ID = "491713920011"
PSID = "24681357902468"
TEMPLATE_SID = "HX" + "ab" * 16
APPROVED = Approved({TEMPLATE_SID: 2}, {("order_on_its_way", "de"): 2})
http = httpx.Client(trust_env=False)
QUICK = FaultSettings(status_seconds=(0.0, 0.01))


@dataclass
class Portal:
    """Keeps the webhooks whose signature the portal's own checks accept; others are `forged`. `status` answers all."""

    accounts: Accounts
    status: int = 200
    forms: list[dict[str, str]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    attempts: int = 0
    forged: int = 0

    def app(self) -> Flask:
        app = Flask(__name__, static_folder=None)
        app.post("/webhooks/twilio")(self.twilio)
        app.post("/webhooks/twilio/status", endpoint="status")(self.twilio)
        app.post("/webhooks/whatsapp")(self.meta)
        app.post("/webhooks/messenger", endpoint="messenger")(self.meta)
        app.get("/webhooks/whatsapp", endpoint="handshake")(self.handshake)
        return app

    def twilio(self) -> Response:
        self.attempts += 1
        try:
            form = Signature(self.accounts.twilio_token, PUBLIC).verified(request)
        except Unauthorized:
            self.forged += 1
            return Response(status=403)
        if self.status == 200:
            self.queries.append(request.query_string.decode())
            self.forms.append(form.to_dict())
        return Response("<Response/>", self.status, content_type="text/xml")

    def meta(self) -> Response:
        self.attempts += 1
        body = request.get_data()
        if not is_signed(body, request.headers.getlist("X-Hub-Signature-256"), self.accounts.meta_secret):
            self.forged += 1
            return Response(status=403)
        if self.status == 200:
            self.updates.append(json.loads(body))
        return Response(status=self.status)

    def handshake(self) -> Response:
        fits = request.args["hub.verify_token"] == self.accounts.meta_verify_token
        return Response(request.args["hub.challenge"] if fits else "", 200 if fits else 403)

    def values(self) -> list[dict[str, Any]]:
        """The values of WhatsApp's changes, in order."""
        return [change["value"] for each in self.updates for entry in each["entry"] for change in entry["changes"]]

    def turns(self) -> list[dict[str, str]]:
        """Twilio's incoming messages, in order."""
        return [form for form in self.forms if "MessageStatus" not in form]

    def whatsapp_turns(self) -> list[dict[str, Any]]:
        """WhatsApp's incoming messages, in order."""
        return [message for value in self.values() for message in value.get("messages", [])]

    def events(self) -> list[dict[str, Any]]:
        """Messenger's events, in order."""
        return [event for each in self.updates for entry in each["entry"] for event in entry["messaging"]]


@pytest.fixture
def portal() -> Portal:
    return Portal(Accounts.made_up())


@pytest.fixture
def sandbox(portal: Portal) -> Iterator[Sandbox]:
    transport = httpx.WSGITransport(app=portal.app())
    with Sandbox(portal.accounts, public_url=PUBLIC, approved=APPROVED, faults=QUICK, transport=transport) as played:
        yield played
    assert portal.forged == 0


def twilio(sandbox: Sandbox, *, to: str = NUMBER, **form: Any) -> httpx.Response:
    """Send as the portal would, with a status callback."""
    accounts = sandbox.accounts
    sender = accounts.twilio_number if to.startswith("+") else f"whatsapp:{accounts.twilio_whatsapp}"
    callback = f"{PUBLIC}/webhooks/twilio/status?delivery=D1#rc=5&rp=all"
    whole = {"To": to, "From": sender, "StatusCallback": callback, **form}
    url = f"{sandbox.url}/2010-04-01/Accounts/{accounts.twilio_account}/Messages.json"
    return http.post(url, data={k: v for k, v in whole.items() if v is not None}, auth=twilio_auth(sandbox))


def twilio_auth(sandbox: Sandbox) -> tuple[str, str]:
    return sandbox.accounts.twilio_account, sandbox.accounts.twilio_token


def content(sandbox: Sandbox, kind: str, parts: dict[str, Any], **more: Any) -> httpx.Response:
    body = {"language": "de", "types": {kind: parts}, **more}
    return http.post(f"{sandbox.url}/v1/Content", json=body, auth=twilio_auth(sandbox))


def whatsapp(sandbox: Sandbox, **body: Any) -> httpx.Response:
    whole = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": WA_ID, **body}
    url = f"{sandbox.url}/v23.0/{sandbox.accounts.whatsapp_number_id}/messages"
    kept = {name: value for name, value in whole.items() if value is not None}
    return http.post(url, json=kept, headers=bearer(sandbox.accounts.whatsapp_token))


def messenger(sandbox: Sandbox, message: dict[str, Any], **body: Any) -> httpx.Response:
    whole = {"recipient": {"id": PSID}, "messaging_type": "RESPONSE", "message": message, **body}
    return graph(sandbox, whole)


def graph(sandbox: Sandbox, body: Any) -> httpx.Response:
    return http.post(f"{sandbox.url}/v23.0/me/messages", json=body, headers=bearer(sandbox.accounts.messenger_token))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def interactive(kind: str, action: dict[str, Any], text: str = "Welche?") -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": text}, "action": action}}


def reply_buttons(*titles: str, ids: list[str] | None = None) -> dict[str, Any]:
    names = ids or [f"r.{number}" for number in range(len(titles))]
    replies = [
        {"type": "reply", "reply": {"id": id_, "title": title}} for id_, title in zip(names, titles, strict=True)
    ]
    return {"buttons": replies}


def rows(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": f"r.{number}", "title": f"Zeile {number}", **more} for number in range(count)]


def code_of(answer: httpx.Response) -> int:
    """The provider's code of a refusal."""
    assert answer.status_code >= 400, answer.text
    body = answer.json()
    return int(body["error"]["code"] if "error" in body else body["code"])


# Twilio: messages


def test_sms_is_accepted_and_shown_to_the_customer(sandbox: Sandbox) -> None:
    customer = sandbox.customer("sms", NUMBER)
    answer = twilio(sandbox, Body="Guten Tag")
    assert answer.status_code == 201
    assert answer.json()["sid"].startswith("SM")
    message = customer.wait_for("Guten Tag")
    assert (message.delivery, message.sid) == ("D1", answer.json()["sid"])
    assert not sandbox.violations


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 21619),
        ({"Body": "  "}, 21602),
        ({"Body": "a" * 1601}, 21617),
        ({"Body": "a", "Colour": "red"}, 20001),
        ({"Body": "a", "ValidityPeriod": "long"}, 20001),
        ({"Body": "a", "ValidityPeriod": "36001"}, 20001),
        ({"Body": ["a", "b"]}, 20001),
        ({"Body": "a", "ContentSid": TEMPLATE_SID}, 20001),
        ({"ContentSid": "HX" + "0" * 32}, 21655),
        ({"ContentSid": "nonsense"}, 20001),
        ({"ContentSid": TEMPLATE_SID, "ContentVariables": "{1: no}"}, 21656),
        ({"ContentSid": TEMPLATE_SID, "ContentVariables": '{"1": "a", "2": ""}'}, 21656),
        ({"ContentSid": TEMPLATE_SID, "ContentVariables": '{"1": "a"}'}, 63028),
        ({"ContentSid": TEMPLATE_SID, "ContentVariables": json.dumps({"1": "a" * 1024, "2": "b"})}, 63021),
        ({"Body": "a", "ContentVariables": "{}"}, 21656),
        ({"Body": "a", "From": None}, 21603),
        ({"Body": "a", "From": "+494012345678"}, 21606),
        ({"Body": "a", "From": "whatsapp:+494066969001"}, 21910),
        ({"Body": "a", "to": ""}, 21604),
        ({"Body": "a", "to": "01713920011", "From": "+494066969000"}, 21211),
        ({"Body": "a", "to": "+1"}, 21211),
        ({"Body": "a", "StatusCallback": "https://portal_1.example.com/status"}, 21609),
        ({"Body": "a", "StatusCallback": "status"}, 21609),
        ({"Body": "a", "StatusCallback": "https://elsewhere.example.com/status"}, 21609),
        ({"Body": "a", "StatusCallback": f"{PUBLIC}.evil.example.com/status"}, 21609),
        ({"Body": "a", "MediaUrl": "https://shop.example.com/a.jpg"}, 21612),
        ({"Body": "a", "MediaUrl": "file:///etc/passwd"}, 21620),
        ({"Body": "a", "MediaUrl": ["https://shop.example.com/a.jpg"] * 11}, 21623),
        ({"Body": "a", "PersistentAction": "geo:53.5,9.9|Hamburg"}, 20001),
        ({"Body": "a", "ScheduleType": "fixed"}, 35118),
    ],
)
def test_wrong_message_is_refused_with_twilios_code(sandbox: Sandbox, form: dict[str, Any], code: int) -> None:
    answer = twilio(sandbox, **form)
    assert code_of(answer) == code
    assert [each.code for each in sandbox.violations] == [code]
    assert sandbox.messages == []


def test_wrong_token_is_refused_by_twilio(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/2010-04-01/Accounts/{sandbox.accounts.twilio_account}/Messages.json"
    wrong = httpx.BasicAuth(sandbox.accounts.twilio_account, "wrong")
    for answer in (http.post(url, data={"To": NUMBER}), http.post(url, data={"To": NUMBER}, auth=wrong)):
        assert (answer.status_code, code_of(answer)) == (401, 20003)


def test_whatsapp_by_twilio_needs_an_open_window_or_a_template(sandbox: Sandbox) -> None:
    to = f"whatsapp:{NUMBER}"
    customer = sandbox.customer("twilio_whatsapp", NUMBER)
    assert code_of(twilio(sandbox, to=to, Body="a")) == 63016
    customer.says("Hallo")
    assert twilio(sandbox, to=to, Body="a").status_code == 201
    customer.stays_silent(hours=24)
    assert code_of(twilio(sandbox, to=to, Body="a")) == 63016
    variables = json.dumps({"1": "Annika", "2": "10482917"})
    assert twilio(sandbox, to=to, ContentSid=TEMPLATE_SID, ContentVariables=variables).status_code == 201
    assert customer.received()[-1].shown.template == TEMPLATE_SID


def test_stop_by_sms_is_told_as_opt_out_and_nothing_is_taken_until_start(sandbox: Sandbox, portal: Portal) -> None:
    customer = sandbox.customer("sms", NUMBER)
    customer.stops()
    assert portal.turns()[-1]["OptOutType"] == "STOP"
    assert code_of(twilio(sandbox, Body="a")) == 21610
    customer.says("START")
    assert portal.turns()[-1]["OptOutType"] == "START"
    assert twilio(sandbox, Body="a").status_code == 201


@pytest.mark.parametrize(
    ("text", "segments"),
    [("a" * 160, 1), ("a" * 161, 2), ("ä" * 160, 1), ("€" * 81, 2), ("„Guten Tag“", 1), ("„" * 71, 2), ("😀" * 36, 2)],
)
def test_sms_are_counted_in_their_alphabet(sandbox: Sandbox, text: str, segments: int) -> None:
    assert twilio(sandbox, Body=text).json()["num_segments"] == str(segments)


def test_messages_are_listed_by_addressee_and_time(sandbox: Sandbox) -> None:
    for text in ("eins", "zwei"):
        twilio(sandbox, Body=text)
    twilio(sandbox, to="+491713920022", Body="drei")
    url = f"{sandbox.url}/2010-04-01/Accounts/{sandbox.accounts.twilio_account}/Messages.json"

    def bodies(**asked: str) -> list[str]:
        found = http.get(url, params=asked, auth=twilio_auth(sandbox)).json()["messages"]
        return [message["body"] for message in found]

    moment = sandbox.messages[1].at
    today = moment.date().isoformat()
    after, before = moment.isoformat(), (moment - timedelta(days=1)).date().isoformat()
    assert bodies() == ["drei", "zwei", "eins"]
    assert bodies(To=NUMBER, From=sandbox.accounts.twilio_number) == ["zwei", "eins"]
    assert bodies(From="+490000000000") == []
    assert bodies(DateSent=today) == bodies(**{"DateSent>": today}) == bodies(**{"DateSent<": today}) == bodies()
    assert bodies(DateSent=before) == bodies(**{"DateSent<": before}) == []
    assert bodies(**{"DateSent>": after}) == ["drei", "zwei"]
    assert bodies(PageSize="1", Page="1") == ["zwei"]
    one = http.get(url.replace(".json", f"/{sandbox.messages[0].sid}.json"), auth=twilio_auth(sandbox)).json()
    assert (one["body"], one["to"]) == ("eins", NUMBER)


# Twilio: contents


def test_buttons_made_of_variables_come_to_the_customer_and_back(sandbox: Sandbox, portal: Portal) -> None:
    customer = sandbox.customer("twilio_whatsapp", NUMBER)
    customer.says("Hallo")
    actions = [{"type": "QUICK_REPLY", "title": "{{title1}}", "id": "{{id1}}"}]
    defaults = {"body": "x", "title1": "x", "id1": "x"}
    made = content(sandbox, "twilio/quick-reply", {"body": "{{body}}", "actions": actions}, variables=defaults)
    assert made.status_code == 201
    sid = made.json()["sid"]
    variables = json.dumps({"body": "Welche?", "title1": "Ja", "id1": "ref.0"})
    assert twilio(sandbox, to=f"whatsapp:{NUMBER}", ContentSid=sid, ContentVariables=variables).status_code == 201
    customer.wait_for("Welche?")
    customer.presses("Ja")
    pressed = portal.turns()[-1]
    assert (pressed["ButtonPayload"], pressed["ButtonText"], pressed["Body"]) == ("ref.0", "Ja", "Ja")
    listed = http.get(f"{sandbox.url}/v1/Content", auth=twilio_auth(sandbox)).json()["contents"]
    assert [each["sid"] for each in listed] == [sid]


def test_list_comes_back_with_its_row(sandbox: Sandbox, portal: Portal) -> None:
    customer = sandbox.customer("twilio_whatsapp", NUMBER)
    customer.says("Hallo")
    items = [{"item": "Leipzig", "id": "ref.0", "description": "heute bis 19 Uhr"}, {"item": "Kiel", "id": "ref.1"}]
    made = content(sandbox, "twilio/list-picker", {"body": "Welcher?", "button": "Auswählen", "items": items})
    twilio(sandbox, to=f"whatsapp:{NUMBER}", ContentSid=made.json()["sid"])
    customer.presses("Leipzig")
    assert (portal.turns()[-1]["ListId"], portal.turns()[-1]["ListTitle"]) == ("ref.0", "Leipzig")


def quick_reply(*titles: str, ids: list[str] | None = None, body: str = "Welche?") -> dict[str, Any]:
    names = ids or [f"r.{number}" for number in range(len(titles))]
    return {"body": body, "actions": [{"title": t, "id": i} for t, i in zip(titles, names, strict=True)]}


def picker(count: int = 1, body: str = "Welche?", button: str = "Auswählen", **more: str) -> dict[str, Any]:
    items = [{"item": f"Zeile {number}", "id": f"r.{number}", **more} for number in range(count)]
    return {"body": body, "button": button, "items": items}


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("twilio/quick-reply", quick_reply("a" * 21)),
        ("twilio/quick-reply", quick_reply("Ja", "Ja")),
        ("twilio/quick-reply", quick_reply("Ja", "Nein", ids=["1", "1"])),
        ("twilio/quick-reply", quick_reply("Ja", ids=["a" * 201])),
        ("twilio/quick-reply", quick_reply("Ja", ids=[" 1"])),
        ("twilio/quick-reply", quick_reply(*"abcdefghijk")),
        ("twilio/quick-reply", quick_reply()),
        ("twilio/quick-reply", quick_reply("Ja", body="a" * 1025)),
        ("twilio/quick-reply", {**quick_reply("Ja"), "header": "x"}),
        ("twilio/list-picker", picker(11)),
        ("twilio/list-picker", picker(0)),
        ("twilio/list-picker", picker(2, item="gleich")),
        ("twilio/list-picker", picker(1, item="a" * 25)),
        ("twilio/list-picker", picker(1, id="a" * 201)),
        ("twilio/list-picker", picker(1, description="a" * 73)),
        ("twilio/list-picker", picker(1, button="a" * 21)),
        ("twilio/list-picker", picker(1, body="a" * 1025)),
        ("twilio/text", {"body": "a" * 1601}),
        ("twilio/location", {"latitude": 91, "longitude": 9}),
        ("twilio/call-to-action", {"body": "a", "actions": [{"type": "URL", "title": "Seite"}]}),
        ("twilio/carousel", {"cards": []}),
    ],
)
def test_wrong_content_is_refused(sandbox: Sandbox, kind: str, parts: dict[str, Any]) -> None:
    answer = content(sandbox, kind, parts)
    assert (answer.status_code, code_of(answer)) == (400, 20001)
    assert len(sandbox.violations) == 1


def test_limits_hold_for_what_the_variables_say(sandbox: Sandbox) -> None:
    sandbox.customer("twilio_whatsapp", NUMBER).says("Hallo")
    actions = [{"title": "{{1}}", "id": "a"}, {"title": "{{2}}", "id": "b"}]
    sid = content(sandbox, "twilio/quick-reply", {"body": "Ja?", "actions": actions}).json()["sid"]

    def sent(**variables: str) -> httpx.Response:
        values = json.dumps({name.removeprefix("v"): value for name, value in variables.items()})
        return twilio(sandbox, to=f"whatsapp:{NUMBER}", ContentSid=sid, ContentVariables=values)

    assert code_of(sent(v1="a" * 21, v2="b")) == 63021
    assert code_of(sent(v1="a", v2="a")) == 63021
    assert code_of(sent(v1="a")) == 21656
    assert sent(v1="a", v2="b").status_code == 201


def test_more_than_three_buttons_in_session_are_refused_by_whatsapp(sandbox: Sandbox) -> None:
    sandbox.customer("twilio_whatsapp", NUMBER).says("Hallo")
    sid = content(sandbox, "twilio/quick-reply", quick_reply(*"abcd")).json()["sid"]
    assert code_of(twilio(sandbox, to=f"whatsapp:{NUMBER}", ContentSid=sid)) == 63013


def test_sms_shows_no_buttons(sandbox: Sandbox) -> None:
    sid = content(sandbox, "twilio/quick-reply", quick_reply("Ja")).json()["sid"]
    assert code_of(twilio(sandbox, ContentSid=sid)) == 63005


# WhatsApp


@pytest.fixture
def writer(sandbox: Sandbox) -> Customer:
    """A WhatsApp customer who has just written."""
    customer = sandbox.customer("whatsapp", WA_ID, name="Annika Brandt")
    customer.says("Hallo")
    return customer


def test_whatsapp_text_is_accepted_with_our_delivery_id(sandbox: Sandbox, writer: Customer) -> None:
    answer = whatsapp(sandbox, type="text", text={"body": "Guten Tag"}, biz_opaque_callback_data="D1")
    assert answer.status_code == 200
    message = writer.wait_for("Guten Tag")
    assert answer.json()["messages"] == [{"id": message.sid}]
    assert (message.delivery, message.recipient) == ("D1", WA_ID)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "text", "text": {"body": ""}}, 131009),
        ({"type": "text", "text": {"body": "a" * 4097}}, 131009),
        ({"type": "text", "text": {"words": "a"}}, 100),
        ({"type": "text"}, 100),
        ({"type": "poem", "text": {"body": "a"}}, 100),
        ({"type": "text", "text": {"body": "a"}, "colour": "red"}, 100),
        ({"type": "text", "text": {"body": "a"}, "messaging_product": None}, 100),
        ({"type": "text", "text": {"body": "a"}, "messaging_product": "sms"}, 100),
        ({"type": "text", "text": {"body": "a"}, "to": None}, 100),
        ({"type": "text", "text": {"body": "a"}, "recipient": "DE.1349"}, 100),
        ({"type": "text", "text": {"body": "a"}, "to": "annika"}, 131026),
        ({"type": "text", "text": {"body": "a"}, "biz_opaque_callback_data": "a" * 513}, 100),
        (interactive("button", reply_buttons(*"abcd")), 100),
        (interactive("button", reply_buttons("a" * 21)), 100),
        (interactive("button", reply_buttons("Ja", ids=["a" * 257])), 100),
        (interactive("button", reply_buttons("Ja", "Ja")), 131009),
        (interactive("button", reply_buttons("Ja", "Nein", ids=["1", "1"])), 131009),
        (interactive("button", reply_buttons("Ja", ids=["1 "])), 131009),
        (interactive("button", reply_buttons(" ")), 131009),
        (interactive("button", reply_buttons("Ja"), text="a" * 1025), 100),
        (interactive("button", reply_buttons("Ja"), text=""), 131009),
        (interactive("list", reply_buttons("Ja")), 131009),
        (interactive("button", {"button": "Auswählen", "sections": [{"rows": rows(1)}]}), 131009),
        (interactive("list", {"button": "a" * 21, "sections": [{"rows": rows(1)}]}), 100),
        (interactive("list", {"button": "Auswählen", "sections": [{"rows": rows(11)}]}), 100),
        (interactive("list", {"button": "Auswählen", "sections": [{"rows": []}]}), 131009),
        (interactive("list", {"button": "Auswählen", "sections": []}), 100),
        (interactive("list", {"button": "Auswählen", "sections": [{"rows": rows(2, title="gleich")}]}), 131009),
        (interactive("list", {"button": "Auswählen", "sections": [{"rows": rows(2, id="gleich")}]}), 131009),
        (interactive("list", {"button": "Auswählen", "sections": [{"rows": rows(1, title="a" * 25)}]}), 100),
        (interactive("list", {"button": "Auswählen", "sections": [{"rows": rows(1, id="a" * 201)}]}), 100),
        (interactive("list", {"button": "Auswählen", "sections": [{"rows": rows(1, description="a" * 73)}]}), 100),
        (
            interactive("list", {"button": "A", "sections": [{"rows": rows(6), "title": "Eins"}, {"rows": rows(1)}]}),
            131009,
        ),
        (
            interactive(
                "list",
                {"button": "A", "sections": [{"rows": rows(6), "title": "A"}, {"rows": rows(5), "title": "B"}]},
            ),
            131009,
        ),
        ({"type": "image", "image": {"link": "ftp://shop.example.com/a.jpg"}}, 131009),
        ({"type": "image", "image": {"link": "https://shop.example.com/a.jpg", "caption": "a" * 1025}}, 131009),
        ({"type": "image", "image": {"caption": "a"}}, 100),
        ({"type": "location", "location": {"latitude": "53.5"}}, 131009),
        ({"type": "location", "location": {"latitude": "north", "longitude": "9.9"}}, 131009),
        ({"type": "location", "location": {"latitude": 91, "longitude": 9.9}}, 131009),
        ({"type": "template", "template": {"name": "unknown", "language": {"code": "de"}}}, 132001),
        ({"type": "template", "template": {"name": "order_on_its_way", "language": {"code": "en"}}}, 132001),
        ({"type": "template", "template": {"name": "order_on_its_way", "language": {"code": "de"}}}, 132000),
        ({"status": "read", "message_id": "wamid.unknown", "recipient_type": None, "to": None}, 131009),
        ({"status": "read", "message_id": "1", "recipient_type": None, "to": None}, 100),
        ({"status": "sent", "message_id": "wamid.1", "recipient_type": None, "to": None}, 100),
    ],
)
def test_wrong_whatsapp_message_is_refused_with_metas_code(
    sandbox: Sandbox, writer: Customer, body: dict[str, Any], code: int
) -> None:
    answer = whatsapp(sandbox, **body)
    assert (answer.status_code, code_of(answer)) == (400, code)
    assert [each.code for each in sandbox.violations] == [code]
    assert writer.received() == []


@pytest.mark.parametrize(
    "body",
    [
        {"type": "text", "text": {"body": "a" * 4096, "preview_url": True}},
        {"type": "text", "text": {"body": "a"}, "recipient_type": None},
        interactive("button", reply_buttons("a" * 20, "Ja", "Nein"), text="a" * 1024),
        interactive("list", {"button": "Auswählen", "sections": [{"rows": rows(10, description="a" * 72)}]}),
        {"type": "image", "image": {"link": "https://shop.example.com/a.jpg", "caption": "Bild"}},
        {"type": "location", "location": {"latitude": "53.55", "longitude": "9.99", "name": "Laden"}},
    ],
)
def test_whatsapp_message_at_its_limits_is_accepted(sandbox: Sandbox, writer: Customer, body: dict[str, Any]) -> None:
    assert whatsapp(sandbox, **body).status_code == 200
    assert len(writer.received()) == 1


@pytest.mark.parametrize(("window_by_status", "codes"), [(False, [131047]), (True, [])])
def test_closed_window_is_told_at_once_or_by_a_status(
    sandbox: Sandbox, portal: Portal, writer: Customer, window_by_status: bool, codes: list[int]
) -> None:
    sandbox.faults.set(FaultSettings(window_by_status=window_by_status, status_seconds=(0, 0)))
    writer.stays_silent(hours=24)
    answer = whatsapp(sandbox, type="text", text={"body": "a"})
    assert [each.code for each in sandbox.violations] == codes
    if window_by_status:
        assert answer.status_code == 200
        assert sandbox.wait_until_told()
        assert portal.values()[-1]["statuses"][0]["errors"][0]["code"] == 131047
    else:
        assert code_of(answer) == 131047


def test_template_is_taken_whenever_and_shown_with_its_variables(sandbox: Sandbox) -> None:
    values = [{"type": "text", "text": text} for text in ("Annika", "10482917")]
    template = {
        "name": "order_on_its_way",
        "language": {"code": "de"},
        "components": [{"type": "body", "parameters": values}],
    }
    assert whatsapp(sandbox, type="template", template=template).status_code == 200
    assert sandbox.customer("whatsapp", WA_ID).wait_for("10482917").shown.template == "order_on_its_way"
    values[0]["text"] = "Annika\nBrandt"
    assert code_of(whatsapp(sandbox, type="template", template=template)) == 132018


def test_buttons_and_lists_come_back_in_whatsapps_words(sandbox: Sandbox, portal: Portal, writer: Customer) -> None:
    whatsapp(sandbox, **interactive("button", reply_buttons("Ja", "Nein")))
    whatsapp(sandbox, **interactive("list", {"button": "Auswählen", "sections": [{"rows": rows(4)}]}))
    writer.presses("Nein")
    writer.presses("Zeile 3")
    button, row = portal.whatsapp_turns()[-2:]
    assert button["interactive"] == {"type": "button_reply", "button_reply": {"id": "r.1", "title": "Nein"}}
    assert row["interactive"] == {"type": "list_reply", "list_reply": {"id": "r.3", "title": "Zeile 3"}}
    with pytest.raises(ValueError, match="nothing to press"):
        writer.presses("Vielleicht")


def test_business_scoped_id_takes_the_place_of_the_number(sandbox: Sandbox, portal: Portal) -> None:
    hidden = sandbox.customer("whatsapp", "DE.13491208655302741918")
    hidden.says("Hallo")
    value = portal.values()[-1]
    assert "from" not in value["messages"][0]
    assert "wa_id" not in value["contacts"][0]
    assert value["messages"][0]["from_user_id"] == value["contacts"][0]["user_id"] == hidden.person.address
    assert whatsapp(sandbox, to=None, recipient=hidden.person.address, type="text", text={"body": "a"}).is_success
    hidden.wait_for("a", state="read")
    sandbox.wait_until_told()
    assert portal.values()[-1]["statuses"][0]["recipient_user_id"] == hidden.person.address


def test_customer_with_number_and_id_is_one(sandbox: Sandbox, portal: Portal) -> None:
    customer = sandbox.customer("whatsapp", WA_ID, user_id="DE.4711")
    customer.says("Hallo")
    message = portal.whatsapp_turns()[-1]
    assert (message["from"], message["from_user_id"]) == (WA_ID, "DE.4711")
    assert whatsapp(sandbox, to=None, recipient="DE.4711", type="text", text={"body": "per Kennung"}).is_success
    assert whatsapp(sandbox, type="text", text={"body": "per Nummer"}).is_success
    assert [message.shown.text for message in customer.received()] == ["per Kennung", "per Nummer"]


def test_read_receipt_marks_the_turn_and_shows_typing(sandbox: Sandbox, writer: Customer) -> None:
    turn = writer.person.uttered[-1]
    read = {"status": "read", "message_id": turn.id, "recipient_type": None, "to": None}
    assert whatsapp(sandbox, **read, typing_indicator={"type": "text"}).json() == {"success": True}
    assert turn.read
    assert writer.person.typing_until > time.monotonic()
    whatsapp(sandbox, type="text", text={"body": "a"})
    assert writer.person.typing_until == 0


def test_token_must_be_right_and_in_the_header(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/v23.0/{sandbox.accounts.whatsapp_number_id}/messages"
    token = sandbox.accounts.whatsapp_token
    for answer in (
        http.post(url, json={}),
        http.post(url, json={}, headers=bearer("wrong")),
        http.post(url, json={}, headers=bearer(sandbox.accounts.messenger_token)),
        http.post(url, json={}, headers=bearer(token), params={"access_token": token}),
    ):
        assert (answer.status_code, code_of(answer)) == (401, 190)


def test_unknown_number_version_and_body_are_refused(sandbox: Sandbox) -> None:
    token = bearer(sandbox.accounts.whatsapp_token)
    assert code_of(http.post(f"{sandbox.url}/v23.0/1/messages", json={}, headers=token)) == 100
    number = sandbox.accounts.whatsapp_number_id
    assert code_of(http.post(f"{sandbox.url}/latest/{number}/messages", json={}, headers=token)) == 2500
    assert code_of(http.post(f"{sandbox.url}/v23.0/{number}/messages", content=b"{", headers=token)) == 100


# Messenger


@pytest.fixture
def friend(sandbox: Sandbox) -> Customer:
    """A Messenger customer who has just written."""
    customer = sandbox.customer("messenger", PSID)
    customer.says("Hallo")
    return customer


def replies(*titles: str, payload: str = "ref.0") -> list[dict[str, str]]:
    return [{"content_type": "text", "title": title, "payload": payload} for title in titles]


def button_template(text: str, *buttons: dict[str, str]) -> dict[str, Any]:
    payload = {"template_type": "button", "text": text, "buttons": list(buttons)}
    return {"attachment": {"type": "template", "payload": payload}}


LINK = {"type": "web_url", "url": "https://shop.example.com", "title": "Zum Laden"}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"text": ""},
        {"text": "   "},
        {"text": "a" * 2001},
        {"text": "a", "colour": "red"},
        {"text": "a", "attachment": {"type": "image", "payload": {"url": "https://shop.example.com/a.jpg"}}},
        {"text": "a", "metadata": "a" * 1001},
        {"text": "a", "quick_replies": replies(*"abcdefghijklmn")},
        {"text": "a", "quick_replies": replies("a" * 21)},
        {"text": "a", "quick_replies": replies("Ja", "Ja")},
        {"text": "a", "quick_replies": replies("Ja", payload="a" * 1001)},
        {"text": "a", "quick_replies": [{"content_type": "text", "title": "Ja"}]},
        button_template("a" * 641, LINK),
        button_template("a"),
        button_template("a", LINK, LINK, LINK, LINK),
        button_template("a", {**LINK, "title": "a" * 21}),
        button_template("a", {"type": "web_url", "title": "Seite"}),
        button_template("a", {"type": "postback", "title": "Ja"}),
        {"attachment": {"type": "template", "payload": {"template_type": "generic", "elements": []}}},
        {"attachment": {"type": "image", "payload": {"url": "a.jpg"}}},
    ],
)
def test_wrong_messenger_message_is_refused(sandbox: Sandbox, friend: Customer, message: dict[str, Any]) -> None:
    assert code_of(messenger(sandbox, message)) == 100
    assert friend.received() == []


def test_wrong_addressing_is_refused_by_messenger(sandbox: Sandbox, friend: Customer) -> None:
    assert code_of(graph(sandbox, {"recipient": {"id": PSID}, "message": {"text": "a"}})) == 100
    assert code_of(messenger(sandbox, {"text": "a"}, tag="HUMAN_AGENT")) == 100
    assert code_of(messenger(sandbox, {"text": "a"}, sender_action="typing_on")) == 100
    unknown = messenger(sandbox, {"text": "a"}, recipient={"id": "1"})
    assert unknown.json()["error"]["error_subcode"] == 2018001


def test_messenger_window_closes_after_a_day(sandbox: Sandbox, friend: Customer) -> None:
    assert messenger(sandbox, {"text": "a" * 2000}).is_success
    friend.stays_silent(hours=24)
    error = messenger(sandbox, {"text": "a"}).json()["error"]
    assert (error["code"], error["error_subcode"]) == (10, 2018278)


def test_quick_replies_and_postbacks_come_back(sandbox: Sandbox, portal: Portal, friend: Customer) -> None:
    messenger(sandbox, {"text": "Welche?", "quick_replies": replies("Ja")})
    messenger(sandbox, button_template("Oder?", {"type": "postback", "title": "Nein", "payload": "ref.1"}, LINK))
    friend.presses("Ja")
    friend.presses("Nein")
    pressed = [event for event in portal.events() if "quick_reply" in event.get("message", {}) or "postback" in event]
    assert pressed[0]["message"]["quick_reply"] == {"payload": "ref.0"}
    assert pressed[0]["message"]["text"] == "Ja"
    assert pressed[1]["postback"]["payload"] == "ref.1"
    with pytest.raises(ValueError, match="nothing to press"):
        friend.presses("Zum Laden")


def test_sender_actions_mark_and_show(sandbox: Sandbox, friend: Customer) -> None:
    for action in ("mark_seen", "typing_on"):
        assert graph(sandbox, {"recipient": {"id": PSID}, "sender_action": action}).json() == {"recipient_id": PSID}
    assert friend.person.uttered[-1].read
    assert friend.person.typing_until > time.monotonic()


def test_agents_words_come_as_an_echo_of_another_app(sandbox: Sandbox, portal: Portal, friend: Customer) -> None:
    friend.is_answered_by_agent("Hier ist Mara")
    echo = portal.events()[-1]
    assert (echo["sender"]["id"], echo["recipient"]["id"]) == (sandbox.accounts.messenger_page, PSID)
    assert echo["message"]["is_echo"]
    assert "metadata" not in echo["message"]


# Statuses


def test_twilio_tells_sent_delivered_read_with_our_id(sandbox: Sandbox, portal: Portal) -> None:
    customer = sandbox.customer("twilio_whatsapp", NUMBER)
    customer.says("Hallo")
    sid = twilio(sandbox, to=f"whatsapp:{NUMBER}", Body="a").json()["sid"]
    customer.wait_for("a", state="read")
    assert sandbox.wait_until_told()
    told = [form for form in portal.forms if form.get("MessageSid") == sid]
    assert [form["MessageStatus"] for form in told] == ["sent", "delivered", "read"]
    assert portal.queries[-3:] == ["delivery=D1"] * 3


def test_sms_is_never_read(sandbox: Sandbox, portal: Portal) -> None:
    twilio(sandbox, Body="a")
    assert sandbox.wait_until_told()
    assert [form["MessageStatus"] for form in portal.forms] == ["sent", "delivered"]


def test_whatsapp_tells_states_with_our_id(sandbox: Sandbox, portal: Portal, writer: Customer) -> None:
    whatsapp(sandbox, type="text", text={"body": "a"}, biz_opaque_callback_data="D1")
    writer.wait_for("a", state="read")
    assert sandbox.wait_until_told()
    statuses = [value["statuses"][0] for value in portal.values() if "statuses" in value]
    assert [status["status"] for status in statuses] == ["sent", "delivered", "read"]
    assert {status["biz_opaque_callback_data"] for status in statuses} == {"D1"}


def test_messenger_echoes_with_our_id_then_tells_delivery_and_read(
    sandbox: Sandbox, portal: Portal, friend: Customer
) -> None:
    sid = messenger(sandbox, {"text": "a", "metadata": "D1"}).json()["message_id"]
    friend.wait_for("a", state="read")
    assert sandbox.wait_until_told()
    echo, delivery, read = portal.events()[1:]
    assert (echo["message"]["mid"], echo["message"]["metadata"]) == (sid, "D1")
    assert delivery["delivery"]["mids"] == [sid]
    assert read["read"]["watermark"] >= int(sandbox.messages[0].at.timestamp() * 1000)


def test_statuses_are_duplicated_and_reordered(sandbox: Sandbox, portal: Portal, writer: Customer) -> None:
    settings = FaultSettings(duplicate_statuses=1, reorder_statuses=1, status_seconds=(0.02, 0.03))
    sandbox.faults.set(settings)
    whatsapp(sandbox, type="text", text={"body": "a"})
    assert sandbox.wait_until_told()
    told = [value["statuses"][0]["status"] for value in portal.values() if "statuses" in value]
    assert sorted(told) == ["delivered", "delivered", "read", "read", "sent", "sent"]
    assert list(dict.fromkeys(told)) != ["sent", "delivered", "read"]


@pytest.mark.parametrize(("channel", "code"), [("sms", "30003"), ("whatsapp", "131026")])
def test_undelivered_messages_fail_with_the_providers_code(
    sandbox: Sandbox, portal: Portal, writer: Customer, channel: str, code: str
) -> None:
    sandbox.faults.set(FaultSettings(undelivered=1, status_seconds=(0, 0)))
    if channel == "sms":
        twilio(sandbox, Body="a")
        assert sandbox.wait_until_told()
        assert (portal.forms[-1]["MessageStatus"], portal.forms[-1]["ErrorCode"]) == ("failed", code)
    else:
        whatsapp(sandbox, type="text", text={"body": "a"})
        assert sandbox.wait_until_told()
        status = portal.values()[-1]["statuses"][0]
        assert (status["status"], str(status["errors"][0]["code"])) == ("failed", code)


# Faults


def test_faults_come_in_the_given_sequence(sandbox: Sandbox) -> None:
    kinds = ["busy", "error_before", "error_after", "none"]
    sandbox.faults.set(FaultSettings(sequence=tuple(kinds), retry_after=7))  # type: ignore[arg-type]
    busy, before, after, fine = (twilio(sandbox, Body=kind) for kind in kinds)
    assert (busy.status_code, busy.headers["Retry-After"], code_of(busy)) == (429, "7", 20429)
    assert (before.status_code, after.status_code, fine.status_code) == (500, 500, 201)
    assert [message.shown.text for message in sandbox.messages] == ["error_after", "none"]


@pytest.mark.parametrize(("kind", "accepted"), [("cut_before", 0), ("cut_after", 1)])
def test_connection_is_cut_before_or_after_accepting(
    sandbox: Sandbox, writer: Customer, kind: str, accepted: int
) -> None:
    sandbox.faults.set(FaultSettings(sequence=(kind,)))  # type: ignore[arg-type]
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        whatsapp(sandbox, type="text", text={"body": "a"})
    assert len(sandbox.messages) == accepted
    assert whatsapp(sandbox, type="text", text={"body": "b"}).is_success


def test_slow_answer_comes_late_and_the_message_is_taken(sandbox: Sandbox, writer: Customer) -> None:
    sandbox.faults.set(FaultSettings(sequence=("slow",), slow_seconds=0.3))
    began = time.monotonic()
    assert whatsapp(sandbox, type="text", text={"body": "a"}).is_success
    assert time.monotonic() - began >= 0.3


def test_faults_concern_only_what_is_named(sandbox: Sandbox, writer: Customer) -> None:
    sandbox.faults.set(FaultSettings(shares={"busy": 1}, channels=("whatsapp",)))
    assert twilio(sandbox, Body="a").status_code == 201
    busy = whatsapp(sandbox, type="text", text={"body": "a"})
    assert (busy.status_code, code_of(busy)) == (429, 130429)
    sandbox.faults.set(FaultSettings(shares={"error_before": 1}, on=("content",)))
    assert content(sandbox, "twilio/text", {"body": "a"}).status_code == 500
    assert whatsapp(sandbox, type="text", text={"body": "a"}).is_success


def test_same_seed_gives_the_same_faults(sandbox: Sandbox) -> None:
    def drawn(seed: int) -> list[str]:
        sandbox.faults.set(FaultSettings(shares={"busy": 0.3, "cut_after": 0.3}, seed=seed))
        return [sandbox.faults.draw("message", "sms") for _ in range(200)]

    first = drawn(7)
    assert first == drawn(7) != drawn(8)
    assert {kind: 40 < first.count(kind) < 80 for kind in ("busy", "cut_after")} == {"busy": True, "cut_after": True}


def test_faults_are_set_and_counted_over_http(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/sandbox/faults"
    assert http.post(url, json={"sequence": ["busy"], "retry_after": 3}).status_code == 200
    assert twilio(sandbox, Body="a").status_code == 429
    assert http.get(url).json()["counts"] == {"busy": 1}
    for wrong in ({"shares": {"busy": 1.5}}, {"shares": {"busy": 0.6, "slow": 0.6}}, {"sequence": ["fire"]}, {"x": 1}):
        assert http.post(url, json=wrong).status_code == 400


# On the way to the portal


def test_every_kind_of_turn_is_signed_on_every_channel(sandbox: Sandbox, portal: Portal) -> None:
    for channel, address in (
        ("sms", NUMBER),
        ("twilio_whatsapp", NUMBER),
        ("twilio_messenger", PSID),
        ("whatsapp", WA_ID),
        ("messenger", PSID),
    ):
        customer = sandbox.customer(channel, address, name="Käthe Müller / Größe")
        customer.says("Schöne Grüße & 100 % „so“ 😀 /restart")
        customer.sends_photo("Kaputt")
        customer.sends_voice_note()
        customer.shares_place(Place(53.55, 9.99, "Jungfernstieg"))
        assert [uttered.status for uttered in customer.person.uttered] == [200] * 4
    assert len(portal.forms) == 12
    assert len(portal.updates) == 8


def test_photo_is_fetched_from_twilio_with_the_token_alone(sandbox: Sandbox, portal: Portal) -> None:
    sandbox.customer("sms", NUMBER).sends_photo()
    url = portal.turns()[-1]["MediaUrl0"]
    assert http.get(url).status_code == 401
    redirect = http.get(url, auth=twilio_auth(sandbox))
    assert redirect.status_code == 307
    photo = http.get(redirect.headers["Location"])
    assert (photo.headers["Content-Type"], photo.content[:2]) == ("image/jpeg", b"\xff\xd8")


def test_voice_note_is_fetched_from_whatsapp_by_its_id(sandbox: Sandbox, portal: Portal, writer: Customer) -> None:
    writer.sends_voice_note()
    audio = portal.whatsapp_turns()[-1]["audio"]
    token = bearer(sandbox.accounts.whatsapp_token)
    about = http.get(f"{sandbox.url}/v23.0/{audio['id']}", headers=token).json()
    assert (about["sha256"], about["mime_type"]) == (audio["sha256"], audio["mime_type"])
    assert http.get(about["url"]).status_code == 401
    data = http.get(about["url"], headers=token).content
    assert (data[:4], len(data)) == (b"OggS", int(about["file_size"]))


def test_events_can_be_sent_twice_and_in_one_batch(sandbox: Sandbox, portal: Portal, writer: Customer) -> None:
    first, second = writer.event_of_text("eins"), writer.event_of_text("zwei")
    assert sandbox.send(second, first) == 200
    assert sandbox.send(first) == 200
    assert len(portal.updates[-2]["entry"]) == 2
    said = [message["text"]["body"] for message in portal.whatsapp_turns()]
    assert said == ["Hallo", "zwei", "eins", "eins"]


def test_meta_tries_again_until_the_portal_takes_it(sandbox: Sandbox, portal: Portal) -> None:
    portal.status = 503
    customer = sandbox.customer("messenger", PSID)
    customer.says("Hallo")
    assert customer.person.uttered[-1].status == 503
    portal.status = 200
    assert sandbox.wait_until_told()
    assert portal.attempts >= 2
    assert [event["message"]["text"] for event in portal.events()] == ["Hallo"]
    assert customer.person.uttered[-1].status == 200


def test_twilio_tries_again_as_the_address_says(portal: Portal, sandbox: Sandbox) -> None:
    portal.status = 500
    url = f"{PUBLIC}/webhooks/twilio/status?delivery=D1"
    for overrides, attempts in (("", 1), ("#rc=2&rp=5xx", 3), ("#rc=2&rp=ct", 1), ("#rc=9&rp=all", 6)):
        portal.attempts = 0
        sandbox.faults.set(FaultSettings(undelivered=1, status_seconds=(0, 0)))
        twilio(sandbox, Body="a", StatusCallback=url + overrides)
        assert sandbox.wait_until_told()
        assert portal.attempts == attempts, overrides


def test_webhooks_arrive_once_the_portal_is_up(portal: Portal) -> None:
    with Sandbox(portal.accounts, public_url=PUBLIC, send_to="http://127.0.0.1:9", faults=QUICK) as sandbox:
        customer = sandbox.customer("whatsapp", WA_ID)
        customer.says("Hallo")
        assert customer.person.uttered[-1].status == 0
        server = make_server("127.0.0.1", 0, portal.app(), threaded=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        sandbox.send_to = f"http://127.0.0.1:{server.server_port}"
        assert sandbox.wait_until_told()
        server.shutdown()
        serving.join()
        server.server_close()
    assert len(portal.updates) == 1


def test_handshake_asks_with_our_token(sandbox: Sandbox) -> None:
    assert sandbox.handshake("whatsapp").text == "1158201444"
    assert sandbox.handshake("whatsapp", "wrong").status_code == 403


# Lists, page and command


def test_what_was_accepted_and_broken_is_listed(sandbox: Sandbox) -> None:
    twilio(sandbox, Body="a")
    twilio(sandbox, Body="")
    (message,) = http.get(f"{sandbox.url}/sandbox/messages").json()
    known = {name: message[name] for name in ("provider", "channel", "recipient", "delivery")}
    assert known == {"provider": "twilio", "channel": "sms", "recipient": NUMBER, "delivery": "D1"}
    assert message["form"]["Body"] == "a"
    (violation,) = http.get(f"{sandbox.url}/sandbox/violations").json()
    assert (violation["provider"], violation["code"], violation["status"]) == ("twilio", 21602, 400)


def test_page_lets_a_person_play_a_customer(sandbox: Sandbox, portal: Portal) -> None:
    page = http.get(f"{sandbox.url}/")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    who = {"channel": "whatsapp", "address": "+49 171 3920011"}
    assert http.post(f"{sandbox.url}/sandbox/customers", json=who).status_code == 201

    def does(**deed: Any) -> int:
        return http.post(f"{sandbox.url}/sandbox/deeds", json={**who, **deed}).status_code

    assert [does(kind=kind) for kind in ("photo", "voice", "place", "stop")] == [200] * 4
    assert does(text="Hallo") == 200
    sid = whatsapp(sandbox, **interactive("button", reply_buttons("Ja"))).json()["messages"][0]["id"]
    assert does(kind="press", message=sid, option=0) == 200
    assert portal.whatsapp_turns()[-1]["interactive"]["button_reply"]["id"] == "r.0"
    assert [does(kind="press", message=sid, option=1), does(kind="dance"), does(text=" ")] == [400] * 3
    (person,) = http.get(f"{sandbox.url}/sandbox/state").json()["customers"]
    assert person["window"]
    assert [entry["who"] for entry in person["line"]].count("portal") == 1
    assert does(kind="day") == 200
    assert code_of(whatsapp(sandbox, type="text", text={"body": "a"})) == 131047
    assert http.post(f"{sandbox.url}/sandbox/forget", json={}).status_code == 200
    assert http.get(f"{sandbox.url}/sandbox/state").json()["customers"] == []


@pytest.mark.parametrize(
    ("channel", "address"), [("sms", "0171"), ("whatsapp", "x"), ("messenger", "+49"), ("fax", "1")]
)
def test_customers_address_must_fit_the_channel(sandbox: Sandbox, channel: str, address: str) -> None:
    answer = http.post(f"{sandbox.url}/sandbox/customers", json={"channel": channel, "address": address})
    assert answer.status_code == 400


def test_environment_switches_all_channels_on(sandbox: Sandbox) -> None:
    settings = load_settings({**sandbox.environment(), "SPRACHPORTAL_SECRET_KEY": "0" * 32})
    assert settings.providers.whatsapp_is_on
    assert settings.providers.messenger_is_on
    assert (settings.twilio_token, settings.providers.twilio_api) == (sandbox.accounts.twilio_token, sandbox.url)
    assert settings.providers.meta_api == f"{sandbox.url}/v23.0"
    assert Accounts.from_environment(sandbox.environment()) == sandbox.accounts


def test_templates_of_the_settings_count_as_approved() -> None:
    template = TemplateSettings(
        text="utter_notice", variables={"name": "text"}, whatsapp={"de": "hello"}, twilio={"de": TEMPLATE_SID}
    )
    assert Approved.of({"hello": template}) == Approved({TEMPLATE_SID: 1}, {("hello", "de"): 1})


def test_wait_for_names_what_came_instead(sandbox: Sandbox) -> None:
    customer = sandbox.customer("sms", NUMBER)
    twilio(sandbox, Body="Guten Tag")
    with pytest.raises(AssertionError, match="Guten Tag"):
        customer.wait_for("Auf Wiedersehen", seconds=0.05)
    received: list[Message] = customer.received()
    assert len(received) == 1


@pytest.mark.parametrize(
    "arguments",
    [["--fault", "fire=0.1"], ["--fault", "busy"], ["--fault", "busy=2"], ["--portal", "x", "--port", "-1"]],
)
def test_command_refuses_wrong_use(arguments: list[str]) -> None:
    result = CliRunner().invoke(sandbox_command, arguments)
    assert result.exit_code != 0


def test_command_writes_the_portals_settings_and_keeps_the_secrets(tmp_path: Path) -> None:
    file = tmp_path / ".env.sandbox"
    first = played_by_command(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert dotenv_values(file).keys() == Accounts.made_up().environment("", "").keys()
    token = dotenv_values(file)["TWILIO_AUTH_TOKEN"]
    assert f"TWILIO_AUTH_TOKEN={token}" in first
    assert f"TWILIO_AUTH_TOKEN={token}" in played_by_command(file)
    file.write_text("TWILIO_AUTH_TOKEN=1\n")
    assert CliRunner().invoke(sandbox_command, ["--write-env", str(file)]).exit_code != 0


def played_by_command(file: Path) -> str:
    """What the command says until it is stopped by Ctrl+C; its server answers."""
    arguments = [sys.executable, "-m", "bot.cli", "sandbox", "--port", "0", "--write-env", str(file)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout
        said = ""
        while "Ctrl+C" not in said and command.poll() is None:
            said += command.stdout.readline()
        try:
            url = str(dotenv_values(file)["TWILIO_API_URL"])
            assert http.get(f"{url}/sandbox/messages").json() == []
            command.send_signal(signal.SIGINT)
            assert command.wait(10) == 0
        finally:
            command.kill()
    return said
