"""Meta's Graph, played: WhatsApp's and Messenger's messages, read receipts, typing and media."""

from __future__ import annotations

import hmac
import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from bot.sandbox.accounts import Accounts
from bot.sandbox.faults import Call, FailedAnswers, Faults
from bot.sandbox.messenger_rules import MessengerRules
from bot.sandbox.statuses import WINDOW_CLOSED, Statuses
from bot.sandbox.violations import Broken, require
from bot.sandbox.whatsapp_rules import WhatsAppRules
from bot.sandbox.world import Medium, Message, Person, Provider, Violation, World

VERSION = re.compile(r"v[0-9]{1,2}\.[0-9]")
TYPING_SECONDS = 25.0
UNKNOWN_OBJECT = 33
BAD_TOKEN = 190


class GraphApi:
    """The routes of the Graph API."""

    def __init__(
        self,
        world: World,
        accounts: Accounts,
        rules: tuple[WhatsAppRules, MessengerRules],
        statuses: Statuses,
        faults: Faults,
    ) -> None:
        self._world = world
        self._accounts = accounts
        self._whatsapp, self._messenger = rules
        self._statuses = statuses
        self._faults = faults

    def blueprint(self) -> Blueprint:
        """The routes below `/v*`."""
        routes = Blueprint("graph", __name__)
        routes.post("/<version>/<name>/messages")(self.send)
        routes.get("/<version>/<name>")(self.fetch_media)
        routes.get("/sandbox/whatsapp-files/<name>")(self.download)
        routes.register_error_handler(Broken, self._refuse)
        return routes

    def send(self, version: str, name: str) -> Response:
        """A message, a read receipt or an action, by the number's or the page's id."""
        body = request.get_json(silent=True)
        if name == self._accounts.whatsapp_number_id:
            call: Call = "typing" if isinstance(body, dict) and "status" in body else "message"
            return self._around(call, "whatsapp", lambda: self._send_whatsapp(version, body))
        if name in ("me", self._accounts.messenger_page):
            call = "typing" if isinstance(body, dict) and "sender_action" in body else "message"
            return self._around(call, "messenger", lambda: self._send_messenger(version, body))
        raise Broken(100, f"Object with ID '{name}' does not exist", subcode=UNKNOWN_OBJECT)

    def fetch_media(self, version: str, name: str) -> Response:
        """Where a customer's file lies, and what it is."""
        return self._around("media", "whatsapp", lambda: self._fetch_media(version, name))

    def download(self, name: str) -> Response:
        """The file itself; it needs the token again."""
        self._authenticate(self._accounts.whatsapp_token)
        medium = self._medium(name)
        return Response(medium.data, content_type=medium.media_type)

    def _around(self, call: Call, channel: str, accept: Callable[[], Response]) -> Response:
        return self._faults.around(call, channel, accept, FAILED)

    def _send_whatsapp(self, version: str, body: Any) -> Response:
        self._check_request(version, self._accounts.whatsapp_token, body)
        self._whatsapp.check(body)
        if "status" in body:
            return self._mark_read(body)
        shown = self._whatsapp.shown(body)
        recipient = self._whatsapp.recipient(body)
        error = self._window_error(body, self._world.find("whatsapp", recipient))
        message = self._message("whatsapp", recipient, body, f"wamid.{uuid.uuid4().hex}", shown)
        message.delivery = body.get("biz_opaque_callback_data", "")
        self._take(message, error)
        contact = {"input": body.get("to") or body.get("recipient"), "wa_id": recipient}
        return _json({"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message.sid}]})

    def _send_messenger(self, version: str, body: Any) -> Response:
        self._check_request(version, self._accounts.messenger_token, body)
        person = self._messenger.check(body)
        answer = {"recipient_id": person.address}
        if "sender_action" in body:
            self._act(person, body["sender_action"])
            return _json(answer)
        shown = self._messenger.shown(body["message"])
        self._messenger.require_window(body, person)
        message = self._message("messenger", person.address, body, f"m_{uuid.uuid4().hex}", shown)
        message.delivery = body["message"].get("metadata", "")
        self._take(message, None)
        return _json({**answer, "message_id": message.sid})

    def _message(self, channel: str, recipient: str, body: dict[str, Any], sid: str, shown: Any) -> Message:
        sender = self._accounts.whatsapp_number_id if channel == "whatsapp" else self._accounts.messenger_page
        return Message(channel, sid, sender, recipient, "", body, shown, self._world.clock())

    def _take(self, message: Message, error: int | None) -> None:
        self._world.accept(message)
        self._statuses.plan(message, error)

    def _window_error(self, body: dict[str, Any], person: Person | None) -> int | None:
        """The error that a status will tell, when closed windows are told so; otherwise they are refused at once."""
        if not self._faults.settings.window_by_status:
            self._whatsapp.require_window(body, person)
        elif body["type"] != "template" and not self._world.window_is_open(person):
            return WINDOW_CLOSED["whatsapp"]
        return None

    def _mark_read(self, body: dict[str, Any]) -> Response:
        """Marks a customer's message and those before it as read; it must exist."""
        person = self._world.speakers.get(body["message_id"])
        if person is None:
            raise Broken(131009, "message_id is no message of a customer")
        self._see(person, body["message_id"], typing="typing_indicator" in body)
        return _json({"success": True})

    def _act(self, person: Person, action: str) -> None:
        last = person.uttered[-1].id if person.uttered else ""
        if action == "mark_seen":
            self._see(person, last, typing=False)
        else:
            person.typing_until = time.monotonic() + TYPING_SECONDS if action == "typing_on" else 0.0
            self._world.touch()

    def _see(self, person: Person, last: str, *, typing: bool) -> None:
        for uttered in person.uttered:
            uttered.read = True
            if uttered.id == last:
                break
        if typing:
            person.typing_until = time.monotonic() + TYPING_SECONDS
        self._world.touch()

    def _fetch_media(self, version: str, name: str) -> Response:
        self._check_version(version)
        self._authenticate(self._accounts.whatsapp_token)
        medium = self._medium(name)
        return _json(
            {
                "messaging_product": "whatsapp",
                "id": medium.id,
                "url": f"{request.host_url}sandbox/whatsapp-files/{medium.id}",
                "mime_type": medium.media_type,
                "sha256": medium.sha256,
                "file_size": str(len(medium.data)),
            }
        )

    def _medium(self, name: str) -> Medium:
        medium = self._world.media.get(name)
        if medium is None:
            raise Broken(100, f"Object with ID '{name}' does not exist", subcode=UNKNOWN_OBJECT)
        return medium

    def _check_request(self, version: str, token: str, body: Any) -> None:
        self._check_version(version)
        self._authenticate(token)
        require(body is not None, 100, "the body is no JSON (content type application/json)")

    def _check_version(self, version: str) -> None:
        if not VERSION.fullmatch(version):
            raise Broken(2500, "Unknown path components: the path begins with a version such as v23.0", status=404)

    def _authenticate(self, token: str) -> None:
        """The bearer token in the header, and not in the address; raises `Broken`."""
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if "access_token" in request.args:
            raise Broken(BAD_TOKEN, "the token does not belong into the address, which is logged", status=401)
        if kind.lower() != "bearer" or not hmac.compare_digest(given.encode(), token.encode()):
            raise Broken(BAD_TOKEN, "Invalid OAuth access token.", status=401)

    def _refuse(self, broken: Broken) -> Response:
        parts = request.path.split("/")
        is_page = len(parts) > 2 and parts[2] in ("me", self._accounts.messenger_page)
        provider: Provider = "messenger" if is_page else "whatsapp"
        now = self._world.clock()
        self._world.add_violation(Violation(provider, request.path, broken.status, broken.code, broken.what, now))
        return _error(broken.status, broken.code, broken.what, broken.subcode)


def _json(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data), status, content_type="application/json")


def _error(status: int, code: int, what: str, subcode: int = 0) -> Response:
    error: dict[str, Any] = {
        "message": f"(#{code}) {what}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"details": what},
        "fbtrace_id": uuid.uuid4().hex[:11],
    }
    if subcode:
        error["error_subcode"] = subcode
    return _json({"error": error}, status)


def _busy(retry_after: int) -> Response:
    answer = _error(429, 130429, "Rate limit hit")
    answer.headers["Retry-After"] = str(retry_after)
    return answer


FAILED = FailedAnswers(busy=_busy, error=lambda: _error(500, 2, "An unexpected error has occurred. Please retry."))
