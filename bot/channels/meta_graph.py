"""The client of Meta's Graph API, and what its errors mean for a delivery.

A request has 3 s to connect and 10 s in all. The token goes in a header, never in the address. Meta's error texts are
not kept: they may quote what was sent.

Codes: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes and
https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from bot.channels.outlet import DeliveryError, NotTaken, OptedOut, Refused, Unclear, WindowClosed

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(connect=3, write=1, read=5, pool=1)
LONGEST_SECONDS = 10.0
MOST_BYTES = 256 * 1024
LONGEST_PAUSE = 3600.0
TRY_LATER = (429, 503)


@dataclass(frozen=True)
class Meaning:
    """What a code means. `is_ours`: it concerns all sending until somebody corrects a setting or an account."""

    error: type[DeliveryError]
    what: str
    is_ours: bool = False


# By code and subcode; subcode 0 stands for any.
MEANINGS: dict[tuple[int, int], Meaning] = {
    # the customer
    (131047, 0): Meaning(WindowClosed, "the customer last wrote more than 24 hours ago"),
    (10, 2018278): Meaning(WindowClosed, "the customer last wrote more than 24 hours ago"),
    (10, 2018065): Meaning(WindowClosed, "the customer last wrote more than 24 hours ago"),
    (131050, 0): Meaning(OptedOut, "the customer does not want marketing messages from us"),
    (131026, 0): Meaning(Refused, "WhatsApp cannot deliver to this customer"),
    (131049, 0): Meaning(Refused, "Meta limits marketing messages to this customer for now"),
    (130472, 0): Meaning(Refused, "Meta's experiment leaves this customer out"),
    (131021, 0): Meaning(Refused, "sender and addressee are the same number"),
    (131030, 0): Meaning(Refused, "a test number writes only to numbers on its list"),
    (131062, 0): Meaning(Refused, "this kind of message needs a phone number, not a user id"),
    (551, 0): Meaning(Refused, "this person cannot be written to"),
    (200, 1545041): Meaning(Refused, "this person does not take messages from us"),
    (100, 2018001): Meaning(Refused, "there is no such person"),
    # the form
    (100, 0): Meaning(Refused, "a parameter is wrong"),
    (131008, 0): Meaning(Refused, "a parameter is missing"),
    (131009, 0): Meaning(Refused, "a parameter is wrong"),
    (131051, 0): Meaning(Refused, "this kind of message is not supported"),
    (131053, 0): Meaning(Refused, "the image cannot be fetched or is of a wrong kind"),
    (132000, 0): Meaning(Refused, "the template has another number of variables"),
    (132001, 0): Meaning(Refused, "there is no such template in this language, or it is not approved"),
    (132007, 0): Meaning(Refused, "the template breaks WhatsApp's policy"),
    (132012, 0): Meaning(Refused, "a variable of the template has a wrong form"),
    (132015, 0): Meaning(Refused, "the template is paused for low quality"),
    (132016, 0): Meaning(Refused, "the template is disabled for low quality"),
    # too much at once, or Meta has trouble
    (4, 0): Meaning(NotTaken, "the app calls too often"),
    (32, 0): Meaning(NotTaken, "the page calls too often"),
    (613, 0): Meaning(NotTaken, "too many calls in a short time"),
    (80006, 0): Meaning(NotTaken, "the page calls too often"),
    (80007, 0): Meaning(NotTaken, "the WhatsApp account calls too often"),
    (130429, 0): Meaning(NotTaken, "too many messages a second"),
    (131048, 0): Meaning(NotTaken, "too many messages were blocked or marked as spam"),
    (131056, 0): Meaning(NotTaken, "too many messages to this customer in a short time"),
    (131016, 0): Meaning(NotTaken, "a service of Meta's is not there for the moment"),
    (131057, 0): Meaning(NotTaken, "the account is in maintenance"),
    (1200, 0): Meaning(NotTaken, "sending failed for the moment"),
    (1, 0): Meaning(Unclear, "an unknown error; the message may have been taken"),
    (2, 0): Meaning(Unclear, "an unexpected error; the message may have been taken"),
    (131000, 0): Meaning(Unclear, "an unknown error; the message may have been taken"),
    # our access
    (0, 0): Meaning(NotTaken, "the access token is not accepted; make a new one", is_ours=True),
    (190, 0): Meaning(NotTaken, "the access token is wrong or has expired; make a new one", is_ours=True),
    (3, 0): Meaning(NotTaken, "the app lacks a permission", is_ours=True),
    (10, 0): Meaning(NotTaken, "the app lacks a permission", is_ours=True),
    (200, 0): Meaning(NotTaken, "the app lacks a permission", is_ours=True),
    (131005, 0): Meaning(NotTaken, "the app lacks a permission", is_ours=True),
    (368, 0): Meaning(NotTaken, "the account is blocked for breaking a policy", is_ours=True),
    (131031, 0): Meaning(NotTaken, "the account is locked", is_ours=True),
    (131042, 0): Meaning(NotTaken, "the account's payment does not work", is_ours=True),
    (131045, 0): Meaning(NotTaken, "the number is not registered", is_ours=True),
    (133010, 0): Meaning(NotTaken, "the number is not registered", is_ours=True),
}
PERMISSIONS = range(200, 300)
NO_ACCESS = Meaning(NotTaken, "Meta does not let us in; check the access token", is_ours=True)


class ErrorPart(msgspec.Struct):
    """What an error answer names."""

    code: int
    error_subcode: int = 0


class ErrorAnswer(msgspec.Struct):
    """An answer of the Graph API that is an error."""

    error: ErrorPart


class Graph:
    """Calls the Graph API at `base` (with its version) for one channel; `http` replaces the client's connections."""

    def __init__(self, channel: str, base: str, token: str, http: httpx.Client | None = None) -> None:
        self._channel = channel
        self._base = base
        self._http = http or httpx.Client(timeout=TIMEOUT)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._told: set[str] = set()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to this JSON; raises `DeliveryError`."""
        return self._asked("POST", path, body)

    def get(self, path: str) -> Any:
        """The JSON at this path; raises `DeliveryError`."""
        return self._asked("GET", path, None)

    def _asked(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            status, headers, answer = self._exchange(method, path, body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotTaken("Meta cannot be reached", "connect", for_all=True) from error
        except httpx.HTTPError as error:
            raise Unclear("the connection to Meta broke", "broken") from error
        if status // 100 != 2:
            raise self._failure(status, headers, answer)
        self._told.clear()
        return answer

    def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers and JSON of the answer; None for what is no JSON or too large."""
        deadline = time.monotonic() + LONGEST_SECONDS
        with self._http.stream(method, f"{self._base}/{path}", json=body, headers=self._headers) as answer:
            read = b""
            for chunk in answer.iter_bytes():
                read += chunk
                if len(read) > MOST_BYTES or time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer is too long or too slow")
            return answer.status_code, answer.headers, _json(read)

    def _failure(self, status: int, headers: Mapping[str, str], answer: Any) -> DeliveryError:
        found, code = meaning(status, answer)
        if found.is_ours and code not in self._told:
            self._told.add(code)
            log.error("%s: nothing can be sent (code %s): %s", self._channel, code, found.what)
        if issubclass(found.error, NotTaken):
            return NotTaken(found.what, code, _pause(headers), for_all=found.is_ours)
        return found.error(found.what, code)


def meaning(status: int, answer: Any) -> tuple[Meaning, str]:
    """What an error answer means, and its code; the HTTP status counts where Meta names no code that we know."""
    code, subcode = _codes(answer)
    exact = MEANINGS.get((code, subcode)) if subcode else None
    if exact:
        return exact, f"{code}/{subcode}"
    known = MEANINGS.get((200 if code in PERMISSIONS else code, 0)) if code >= 0 else None
    word = str(code) if code >= 0 else f"http_{status}"
    if status in TRY_LATER and (known is None or known.error is Unclear):
        return Meaning(NotTaken, "Meta asks to try again later"), word
    if known:
        return known, word
    if status in (401, 403):
        return NO_ACCESS, word
    if status // 100 == 4:
        return Meaning(Refused, "Meta refuses the message"), word
    return Meaning(Unclear, "Meta's answer does not tell whether the message was taken"), word


def error_of(code: str) -> DeliveryError:
    """What the code of a failed delivery (`Status.code`) would have been had it come at once; `Refused` if unknown."""
    known = MEANINGS.get((int(code), 0)) if code.isascii() and code.isdigit() else None
    return known.error(known.what, code) if known else Refused("Meta could not deliver it", code)


def _codes(answer: Any) -> tuple[int, int]:
    """Code and subcode of an error answer; -1 without one."""
    try:
        error = msgspec.convert(answer, ErrorAnswer).error
    except msgspec.ValidationError:
        return -1, 0
    return error.code, error.error_subcode


def _pause(headers: Mapping[str, str]) -> float | None:
    """How many seconds Meta asks to wait; None when it does not say."""
    given = headers.get("Retry-After", "")
    return min(float(given), LONGEST_PAUSE) if given.isascii() and given.isdigit() else None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
