"""The way from the stand-ins to the portal: signed webhooks, tried again as the provider would, in shortened time."""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urldefrag, urlencode

import httpx

SECONDS = 15.0
THREADS = 8
META_PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
TWILIO_PAUSE = 0.2
MOST_RETRIES = 5
NO_CONNECTION = 0
CUT = -1


@dataclass(frozen=True)
class Retries:
    """Pauses before each further attempt, and after what one is made: ct (no connection), rt, 4xx, 5xx, or all."""

    pauses: tuple[float, ...]
    after: frozenset[str]

    def helps(self, status: int) -> bool:
        """Whether there is another attempt after this answer: `NO_CONNECTION`, `CUT`, or an HTTP status."""
        if 200 <= status < 300:
            return False
        kind = {NO_CONNECTION: "ct", CUT: "rt"}.get(status, f"{status // 100}xx")
        return "all" in self.after or kind in self.after


@dataclass(frozen=True)
class Webhook:
    """One request to the portal; `told` hears the status of each attempt."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    retries: Retries
    told: Callable[[int], None] = lambda _status: None


@dataclass(order=True)
class _Planned:
    at: float
    number: int
    webhook: Webhook = field(compare=False)
    attempt: int = field(compare=False)


class Courier:
    """Posts webhooks, now or later. `public_url` is what the portal calls itself, `send_to` where it listens."""

    def __init__(self, public_url: str, send_to: str, transport: httpx.BaseTransport | None = None) -> None:
        self.public_url = public_url.rstrip("/")
        self.send_to = send_to.rstrip("/")
        self._client = httpx.Client(timeout=SECONDS, transport=transport, trust_env=False)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sandbox-courier")
        self._planned: list[_Planned] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._under_way = 0
        self._stopped = False
        self._clock = threading.Thread(target=self._run, name="sandbox-clock", daemon=True)

    def start(self) -> None:
        """Begin to post what is planned."""
        self._clock.start()

    def stop(self) -> None:
        """Forget what is planned, and finish what is under way."""
        with self._changed:
            self._stopped = True
            self._planned.clear()
            self._changed.notify_all()
        if self._clock.ident:
            self._clock.join()
        self._threads.shutdown()
        self._client.close()

    def post(self, webhook: Webhook) -> int:
        """One attempt now, further ones later if they help; the portal's status, or `NO_CONNECTION` or `CUT`."""
        return self._attempt(webhook, 0)

    def later(self, webhook: Webhook, seconds: float) -> None:
        """The first attempt in so many seconds."""
        self._plan(webhook, seconds, 0)

    def idle(self, seconds: float) -> bool:
        """Wait until nothing is planned or under way; False when that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._planned and not self._under_way, seconds)

    def get(self, path: str, parameters: Mapping[str, str]) -> httpx.Response:
        """What the portal answers to a question, such as Meta's handshake."""
        return self._client.get(self.send_to + path, params=parameters)

    def _attempt(self, webhook: Webhook, attempt: int) -> int:
        status = self._post(webhook)
        webhook.told(status)
        if webhook.retries.helps(status) and attempt < len(webhook.retries.pauses):
            self._plan(webhook, webhook.retries.pauses[attempt], attempt + 1)
        return status

    def _post(self, webhook: Webhook) -> int:
        url = self.send_to + webhook.url.removeprefix(self.public_url)
        try:
            return self._client.post(url, content=webhook.body, headers=webhook.headers).status_code
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return NO_CONNECTION
        except httpx.HTTPError:
            return CUT

    def _plan(self, webhook: Webhook, seconds: float, attempt: int) -> None:
        with self._changed:
            if not self._stopped:
                at = time.monotonic() + seconds
                heapq.heappush(self._planned, _Planned(at, next(self._numbers), webhook, attempt))
                self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                pause = self._planned[0].at - time.monotonic() if self._planned else None
                if pause is None or pause > 0:
                    self._changed.wait(pause)
                    continue
                due = heapq.heappop(self._planned)
                self._under_way += 1
            self._threads.submit(self._carry, due)

    def _carry(self, due: _Planned) -> None:
        try:
            self._attempt(due.webhook, due.attempt)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()


def twilio_webhook(
    url: str, form: Mapping[str, str], token: str, told: Callable[[int], None] = lambda _status: None
) -> Webhook:
    """A form signed as Twilio does: HMAC-SHA1 over the address and the sorted parameters.

    The address may end with Twilio's overrides, such as `#rc=5&rp=all`; without them there is one more attempt, only
    when no connection was made.
    """
    address, overrides = urldefrag(url)
    signed = address + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": signature,
        "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
        "User-Agent": "TwilioProxy/1.1 (sandbox)",
    }
    return Webhook(address, headers, urlencode(form).encode(), _twilio_retries(overrides), told)


def meta_webhook(
    url: str, payload: Mapping[str, Any], secret: str, told: Callable[[int], None] = lambda _status: None
) -> Webhook:
    """JSON in Meta's spelling, escaped beyond ASCII and with `\\/`, signed with HMAC-SHA256 over its bytes."""
    body = json.dumps(payload, separators=(",", ":")).replace("/", "\\/").encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Hub-Signature-256": f"sha256={signature}",
        "User-Agent": "facebookexternalua (sandbox)",
    }
    return Webhook(url, headers, body, Retries(META_PAUSES, frozenset({"all"})), told)


def _twilio_retries(overrides: str) -> Retries:
    given = parse_qs(overrides)
    count = given.get("rc", ["1"])[0]
    most = min(int(count), MOST_RETRIES) if count.isascii() and count.isdecimal() else 1
    return Retries((TWILIO_PAUSE,) * most, frozenset(given.get("rp", ["ct"])[0].split(",")))
