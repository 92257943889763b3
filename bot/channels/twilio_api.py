"""Twilio's REST API, as far as messages need it: send, list, and make a content with buttons or a list.

Sent with httpx and not with Twilio's own client: that one gives up on a connection that breaks while it is made and on
one that breaks after the request was sent with the same error, and only the first may be tried again at once; it also
leaves out `Retry-After`. Sources: https://www.twilio.com/docs/messaging/api/message-resource and
https://www.twilio.com/docs/content/content-api-resources.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from bot.channels.outlet import DeliveryError, NotTaken, Unclear
from bot.channels.twilio_codes import error_of

log = logging.getLogger(__name__)
SECONDS = 10.0
CONNECT_SECONDS = 3.0
LEAST_SECONDS = 0.5
LONGEST_PAUSE = 3600.0
MOST_BYTES = 4 * 1024 * 1024
PAGE = "100"
MOST_CONTENTS = "1000"
NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
BUSY = (429, 503)
NOT_LET_IN = (401, 403)

Parameters = Mapping[str, str | Sequence[str]]
T = TypeVar("T")


@dataclass(frozen=True)
class _Answer:
    """What Twilio answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Sent(msgspec.Struct):
    """A message as Twilio lists it; `date_created` is an RFC 2822 date."""

    sid: str
    body: str | None = None
    direction: str | None = None
    date_created: str | None = None

    @property
    def age(self) -> float:
        """Seconds since Twilio took it; infinite when it does not say."""
        try:
            return time.time() - parsedate_to_datetime(self.date_created or "").timestamp()
        except ValueError:
            return float("inf")


class _Page(msgspec.Struct):
    messages: list[Sent]


class _Made(msgspec.Struct):
    sid: str


class Content(msgspec.Struct):
    """A content as Twilio lists it."""

    sid: str
    friendly_name: str | None = None


class _Contents(msgspec.Struct):
    contents: list[Content]


class _Problem(msgspec.Struct):
    code: int | str | None = None


class TwilioApi:
    """The API of one account at `base`; contents have a host of their own at Twilio, and none at a stand-in.

    `transport` replaces the network.
    """

    def __init__(self, account: str, token: str, base: str, transport: httpx.BaseTransport | None = None) -> None:
        self._messages = f"{base}/2010-04-01/Accounts/{account}/Messages.json"
        self._contents = f"{content_base(base)}/v1/Content"
        self._client = httpx.Client(auth=(account, token), transport=transport)
        self._said_not_let_in = False

    def send(self, parameters: Parameters, until: float) -> str:
        """Hand over a message; its sid. Raises `DeliveryError`; `until` is a moment of `time.monotonic()`."""
        answer = self._ask("POST", self._messages, until, data=dict(parameters))
        return _read(answer, _Made).sid

    def make_content(self, content: Mapping[str, Any], until: float) -> str:
        """Make a content; its ContentSid. Nobody is written to by that: what is unclear is not taken."""
        try:
            return _read(self._ask("POST", self._contents, until, json=content), _Made).sid
        except Unclear as error:
            raise NotTaken("the content may not have been made", error.code) from error

    def list_contents(self, until: float) -> list[Content]:
        """The account's contents, the first thousand. Raises `DeliveryError`."""
        answer = self._ask("GET", self._contents, until, params={"PageSize": MOST_CONTENTS})
        return _read(answer, _Contents).contents

    def list_sent(self, sender: str, recipient: str) -> list[Sent]:
        """The newest messages from one to the other. Raises `DeliveryError`."""
        asked = {"From": sender, "To": recipient, "PageSize": PAGE}
        answer = self._ask("GET", self._messages, time.monotonic() + SECONDS, params=asked)
        found = _read(answer, _Page).messages
        return [message for message in found if (message.direction or "").startswith("outbound")]

    def _ask(self, method: str, url: str, until: float, **what: Any) -> _Answer:
        try:
            answer = self._exchange(method, url, until, what)
        except NOT_REACHED as error:
            raise NotTaken("Twilio cannot be reached", "connect", for_all=True) from error
        except httpx.HTTPError as error:
            raise Unclear("Twilio's answer was lost") from error
        if answer.status // 100 == 2:
            return answer
        self._tell_not_let_in(answer)
        raise _error(answer)

    def _exchange(self, method: str, url: str, until: float, what: Mapping[str, Any]) -> _Answer:
        """The whole answer; a server that drips it costs no more than the time there is."""
        end, body = max(until, time.monotonic() + 2 * LEAST_SECONDS), b""
        with self._client.stream(method, url, timeout=_timeout(until), **what) as answer:
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES or time.monotonic() > end:
                    raise httpx.ReadTimeout("the answer is too long or too slow")
            return _Answer(answer.status_code, answer.headers, body)

    def _tell_not_let_in(self, answer: _Answer) -> None:
        """Log once that the account's token does not fit: nothing goes out until somebody acts."""
        if answer.status in NOT_LET_IN and not self._said_not_let_in:
            log.error("Twilio refuses us (%d): check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN", answer.status)
        self._said_not_let_in = answer.status in NOT_LET_IN


def content_base(base: str) -> str:
    """Where contents are made: Twilio's host for that, or the same as for messages elsewhere."""
    host = urlsplit(base).netloc
    is_twilio = host.startswith("api.") and host.endswith(".twilio.com")
    return f"https://content.{host.removeprefix('api.')}" if is_twilio else base


def _timeout(until: float) -> httpx.Timeout:
    left = max(until - time.monotonic(), 2 * LEAST_SECONDS)
    connect = min(CONNECT_SECONDS, left / 2)
    return httpx.Timeout(left - connect, connect=connect)


def _read(answer: _Answer, form: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unclear("Twilio's answer says nothing") from error


def _error(answer: _Answer) -> DeliveryError:
    """What an answer other than success means for what we sent."""
    code = _code(answer)
    if answer.status in BUSY:
        return NotTaken("Twilio is busy", code, _retry_after(answer))
    if answer.status in NOT_LET_IN and code in ("", "20003"):
        return NotTaken("Twilio does not let us in", code, for_all=True)
    if answer.status // 100 == 4:
        return error_of(code, _retry_after(answer))
    return Unclear(f"Twilio answered with {answer.status}", code)


def _code(answer: _Answer) -> str:
    try:
        code = msgspec.json.decode(answer.body, type=_Problem).code
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(code)[:20] if code is not None else ""


def _retry_after(answer: _Answer) -> float | None:
    """Seconds; None when the header is missing or no number, as a date is not."""
    try:
        seconds = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(seconds, LONGEST_PAUSE) if seconds >= 0 else None
