"""Twilio's REST API, played: messages, contents and media, with its rules, error codes and faults."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, request

from bot.sandbox.accounts import Accounts
from bot.sandbox.content import check_content
from bot.sandbox.faults import Call, FailedAnswers, Faults
from bot.sandbox.inbound import PREFIXES, medium_sid, twilio_sender
from bot.sandbox.statuses import WINDOW_CLOSED, Statuses, tells_statuses
from bot.sandbox.twilio_rules import TwilioRules, require_window, segments, status_callback
from bot.sandbox.violations import Broken, require
from bot.sandbox.world import Message, Violation, World

BASE = "/2010-04-01/Accounts/<account>/Messages"
MORE_INFO = "https://www.twilio.com/docs/errors/"
PAGE_SIZE = 50
MOST_PAGE_SIZE = 1000
FORM = "application/x-www-form-urlencoded"


class TwilioApi:
    """The routes of Twilio's API."""

    def __init__(
        self, world: World, accounts: Accounts, rules: TwilioRules, statuses: Statuses, faults: Faults
    ) -> None:
        self._world = world
        self._accounts = accounts
        self._rules = rules
        self._statuses = statuses
        self._faults = faults

    def blueprint(self) -> Blueprint:
        """The routes below `/2010-04-01` and `/v1`."""
        routes = Blueprint("twilio", __name__)
        routes.post(f"{BASE}.json")(self.create_message)
        routes.get(f"{BASE}.json")(self.list_messages)
        routes.get(f"{BASE}/<sid>.json")(self.fetch_message)
        routes.get(f"{BASE}/<sid>/Media/<medium>")(self.fetch_media)
        routes.post("/v1/Content")(self.create_content)
        routes.get("/v1/Content")(self.list_contents)
        routes.get("/v1/Content/<sid>")(self.fetch_content)
        routes.register_error_handler(Broken, self._refuse)
        return routes

    def create_message(self, account: str) -> Response:
        """Send a message."""
        form = request.form.to_dict(flat=False)
        return self._around("message", self._rules.channel(form), lambda: self._create_message(account, form))

    def list_messages(self, account: str) -> Response:
        """Messages sent, the latest first, by addressee, sender and time."""
        return self._around("list", "", lambda: self._list_messages(account))

    def fetch_message(self, account: str, sid: str) -> Response:
        """One message."""
        self._authenticate(account)
        message = self._world.messages.get(sid)
        if message is None or message.provider != "twilio":
            raise _not_found()
        return _json(self._resource(message))

    def fetch_media(self, account: str, sid: str, medium: str) -> Response:
        """A customer's file: a redirect to where it lies, as Twilio gives."""
        return self._around("media", "", lambda: self._fetch_media(account, medium))

    def create_content(self) -> Response:
        """A Content, for buttons and lists."""
        return self._around("content", "", self._create_content)

    def list_contents(self) -> Response:
        """The account's Contents."""
        self._authenticate(self._accounts.twilio_account)
        contents = list(self._world.contents.values())[: _page_size()]
        return _json({"contents": contents, "meta": {"key": "contents", "page": 0, "page_size": _page_size()}})

    def fetch_content(self, sid: str) -> Response:
        """One Content."""
        self._authenticate(self._accounts.twilio_account)
        if sid not in self._world.contents:
            raise _not_found()
        return _json(self._world.contents[sid])

    def _around(self, call: Call, channel: str, accept: Callable[[], Response]) -> Response:
        return self._faults.around(call, channel, accept, FAILED)

    def _create_message(self, account: str, form: dict[str, list[str]]) -> Response:
        self._authenticate(account)
        require(request.mimetype == FORM, 20001, f"the parameters come as {FORM}")
        shown = self._rules.shown(form)
        channel = self._rules.channel(form)
        recipient = form["To"][0].removeprefix(PREFIXES[channel])
        error = None
        if self._rules.needs_window(form, channel):
            error = self._window_error(channel, recipient)
        callback = status_callback(form)
        message = Message(
            channel=channel,
            sid=("MM" if "MediaUrl" in form else "SM") + uuid.uuid4().hex,
            sender=twilio_sender(self._accounts, channel),
            recipient=recipient,
            delivery=parse_qs(urlsplit(callback).query).get("delivery", [""])[0],
            form={name: values if len(values) > 1 else values[0] for name, values in form.items()},
            shown=shown,
            at=self._world.clock(),
            status_callback=callback,
        )
        self._world.accept(message)
        if tells_statuses(message):
            self._statuses.plan(message, error)
        return _json(self._resource(message), 201)

    def _window_error(self, channel: str, recipient: str) -> int | None:
        """The error that a status will tell, when closed windows are told so; otherwise they are refused at once."""
        person = self._world.find(channel, recipient)
        if self._faults.settings.window_by_status and not self._world.window_is_open(person):
            return WINDOW_CLOSED["twilio"]
        require_window(self._world, person)
        return None

    def _list_messages(self, account: str) -> Response:
        self._authenticate(account)
        size, page = _page_size(), _number("Page", 0)
        found = [message for message in self._sent() if self._is_asked_for(message)]
        part = found[page * size : (page + 1) * size]
        more = f"{request.path}?Page={page + 1}&PageSize={size}" if len(found) > (page + 1) * size else None
        resources = [self._resource(message) for message in part]
        return _json({"messages": resources, "page": page, "page_size": size, "next_page_uri": more})

    def _sent(self) -> list[Message]:
        with self._world.changed:
            return [each for each in reversed(self._world.messages.values()) if each.provider == "twilio"]

    def _is_asked_for(self, message: Message) -> bool:
        """Whether a message fits the filters; a day in `DateSent` is a whole day, with a time it is a moment."""
        prefix = PREFIXES[message.channel]
        asked = request.args
        if asked.get("To", prefix + message.recipient) != prefix + message.recipient:
            return False
        if asked.get("From", prefix + message.sender) != prefix + message.sender:
            return False
        day = message.at.date().isoformat()
        return (
            asked.get("DateSent", day) == day
            and not ("DateSent>" in asked and message.at < _moment(asked["DateSent>"]))
            and not ("DateSent<" in asked and message.at > _moment(asked["DateSent<"]) and day != asked["DateSent<"])
        )

    def _fetch_media(self, account: str, name: str) -> Response:
        self._authenticate(account)
        for medium in self._world.media.values():
            if medium_sid(medium) == name:
                headers = {"Location": f"{request.host_url}sandbox/files/{medium.id}"}
                return Response(status=307, headers=headers)
        raise _not_found()

    def _create_content(self) -> Response:
        self._authenticate(self._accounts.twilio_account)
        body: Any = request.get_json(silent=True)
        require(body is not None, 20001, "the body is no JSON (content type application/json)")
        check_content(body)
        sid = "HX" + uuid.uuid4().hex
        now = self._world.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        content = {
            "sid": sid,
            "account_sid": self._accounts.twilio_account,
            "friendly_name": body.get("friendly_name", ""),
            "language": body["language"],
            "variables": body.get("variables", {}),
            "types": body["types"],
            "date_created": now,
            "date_updated": now,
            "url": f"https://content.twilio.com/v1/Content/{sid}",
        }
        self._world.contents[sid] = content
        return _json(content, 201)

    def _authenticate(self, account: str) -> None:
        """Basic auth with account and token; raises `Broken`."""
        kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
        expected = f"{self._accounts.twilio_account}:{self._accounts.twilio_token}".encode()
        try:
            given = base64.b64decode(credentials, validate=True)
        except binascii.Error:
            given = b""
        if kind.lower() != "basic" or not hmac.compare_digest(given, expected):
            raise Broken(20003, "Authenticate", status=401)
        if account != self._accounts.twilio_account:
            raise _not_found()

    def _refuse(self, broken: Broken) -> Response:
        now = self._world.clock()
        self._world.add_violation(Violation("twilio", request.path, broken.status, broken.code, broken.what, now))
        return _error(broken.status, broken.code, broken.what)

    def _resource(self, message: Message) -> dict[str, Any]:
        prefix = PREFIXES[message.channel]
        at = format_datetime(message.at.astimezone(UTC))
        return {
            "sid": message.sid,
            "account_sid": self._accounts.twilio_account,
            "api_version": "2010-04-01",
            "body": message.shown.text,
            "from": prefix + message.sender,
            "to": prefix + message.recipient,
            "status": message.states[-1] if message.states else "queued",
            "direction": "outbound-api",
            "num_media": "1" if message.shown.image else "0",
            "num_segments": str(segments(message.shown.text)) if message.channel == "sms" else "1",
            "error_code": message.error,
            "error_message": None,
            "messaging_service_sid": None,
            "price": None,
            "price_unit": None,
            "date_created": at,
            "date_sent": at,
            "date_updated": at,
            "uri": f"/2010-04-01/Accounts/{self._accounts.twilio_account}/Messages/{message.sid}.json",
            "subresource_uris": {},
        }


def _page_size() -> int:
    return min(_number("PageSize", PAGE_SIZE), MOST_PAGE_SIZE)


def _number(name: str, default: int) -> int:
    given = request.args.get(name, str(default))
    if not (given.isascii() and given.isdecimal()):
        raise Broken(20001, f"{name} is no number")
    return int(given)


def _moment(given: str) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise Broken(20001, "DateSent is YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _not_found() -> Broken:
    return Broken(20404, "The requested resource was not found", status=404)


def _json(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data), status, content_type="application/json")


def _error(status: int, code: int, what: str) -> Response:
    return _json({"code": code, "message": what, "more_info": f"{MORE_INFO}{code}", "status": status}, status)


def _busy(retry_after: int) -> Response:
    answer = _error(429, 20429, "Too Many Requests")
    answer.headers["Retry-After"] = str(retry_after)
    return answer


FAILED = FailedAnswers(busy=_busy, error=lambda: _error(500, 20500, "Internal Server Error"))
