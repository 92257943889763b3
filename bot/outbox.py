"""Delivers what is said: one form after the other to each customer, tried again where that helps.

Before a form is handed to the provider the outbox says so; a crash or a lost answer in between leaves it unclear. Then
the provider is asked, or its own news are awaited, before the form goes out again.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.channels.events import Consent, Status
from bot.channels.outlet import Delivery, DeliveryError, NotTaken, OptedOut, Outlet, Refused, Unclear, WindowClosed
from bot.locks import Locks
from bot.logs import place
from bot.messaging_settings import MessagingSettings
from bot.metrics import DELIVERIES
from bot.outbox_store import AWAY, UNASKED, Outbox, Taken
from bot.turns import utc_now

log = logging.getLogger(__name__)
JITTER = 0.25
OFF_SECONDS = 60.0
WINDOW_SECONDS = 365 * 86_400.0
MOST_DOUBLINGS = 20
AFTER_FAILURE_SECONDS = 30.0
# From this try on, trouble that concerns all messages is no blip: the channel pauses, and tries do not count.
LASTING_TRIES = 4
LASTING_SECONDS = 30.0
CLOSED = "the 24 hours are over"
OPTED_OUT = "the customer opted out"


class _NewsMissed(Exception):
    """Whether the provider took the form was told, perhaps, when nobody was here."""


@dataclass(frozen=True)
class Objection:
    """Why something said unasked does not go out now; `until` is when it may be tried again, None for never."""

    why: str
    until: datetime | None = None


class _Objected(Exception):
    """What was to be said unasked does not go out now."""

    def __init__(self, objection: Objection) -> None:
        super().__init__(objection.why)
        self.objection = objection


class Pauses:
    """Channels whose provider asked us to wait; moments of the monotonic clock."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def begin(self, channel: str, seconds: float) -> None:
        """The provider wants nothing for so long."""
        with self._lock:
            self._until[channel] = max(self._until.get(channel, 0.0), time.monotonic() + seconds)

    def left(self, channel: str) -> float:
        """How many seconds are left; 0 when it may go on."""
        with self._lock:
            return max(0.0, self._until.get(channel, 0.0) - time.monotonic())


@dataclass
class Deliveries:
    """Hands deliveries to their outlets.

    `reopen` asks a customer by template to write again, if that is configured; `opted_out` is told who does not want to
    be written to, as the provider says. `objection` says what speaks against sending something unasked at this moment.
    """

    outbox: Outbox
    outlets: Mapping[str, Outlet]
    locks: Locks
    settings: MessagingSettings
    reopen: Callable[[str], None] = lambda _conversation: None
    opted_out: Callable[[Consent], None] = lambda _consent: None
    objection: Callable[[Taken], Objection | None] = lambda _taken: None
    pauses: Pauses = field(default_factory=Pauses)

    def deliver(self, conversation: str) -> None:
        """Deliver what is due, in order; what another worker delivers now is left to it."""
        while self.outbox.has_due(conversation):
            with self.locks.attempt(f"outbox:{conversation}") as held:
                if not held:
                    return
                while taken := self.outbox.take(conversation):
                    self._deliver(taken)

    def note(self, status: Status) -> str | None:
        """What the provider tells of a delivery; the conversation that may go on, None when it changes nothing."""
        error = self._error_of(status)
        if isinstance(error, WindowClosed):
            at = utc_now() + timedelta(seconds=WINDOW_SECONDS)
            return self.outbox.take_back(status, at, state="held", why=CLOSED)
        if isinstance(error, NotTaken | Unclear):
            at = utc_now() + timedelta(seconds=AFTER_FAILURE_SECONDS)
            return self.outbox.take_back(status, at, state="queued", why=error.what)
        return self.outbox.note(status)

    def follow(self, status: Status, conversation: str) -> None:
        """What `note` leads to, once it is committed: whose answer came too late is asked to write."""
        if isinstance(self._error_of(status), WindowClosed):
            self._ask_to_write(conversation)

    def _error_of(self, status: Status) -> DeliveryError | None:
        outlet = self.outlets.get(status.channel)
        return outlet.error_of(status.code) if outlet and status.state == "failed" else None

    def _deliver(self, taken: Taken) -> None:
        delivery = taken.delivery
        outlet = self.outlets.get(delivery.channel)
        paused = self.pauses.left(delivery.channel)
        if outlet is None or paused:
            why = "the provider asked to wait" if outlet else "the channel is off"
            state = "unclear" if taken.was_unclear else "queued"
            self._later(delivery, paused or OFF_SECONDS, state=state, why=why, counts=False)
            return
        if taken.unwanted:
            self.outbox.dropped(delivery.id, OPTED_OUT)
        elif taken.tries > self.settings.retry.tries:
            self._failed(delivery, "tried too often", "")
        else:
            self._send(outlet, taken)

    def _send(self, outlet: Outlet, taken: Taken) -> None:
        delivery = taken.delivery
        try:
            provider_id = self._handed_over(outlet, taken)
        except _NewsMissed:
            self._later(delivery, self.settings.retry.unclear_seconds, state="unclear", why=AWAY, counts=False)
        except _Objected as error:
            self._put_off(delivery, error.objection)
        except WindowClosed:
            self._hold(taken)
        except OptedOut as error:
            self._failed(delivery, OPTED_OUT, error.code)
            self.opted_out(Consent(delivery.channel, delivery.address, delivery.id, given=False))
        except Refused as error:
            self._failed(delivery, error.what, error.code)
        except NotTaken as error:
            self._not_taken(taken, error)
        except Exception as error:
            code, what = (error.code, error.what) if isinstance(error, Unclear) else ("", place(error))
            log.warning("delivery %s is unclear: %s", delivery.id, what)
            pause = max(self.settings.retry.unclear_seconds, self.pause_after(taken.tries))
            self._later(delivery, pause, state="unclear", why="no clear answer", code=code)
        else:
            self.outbox.sent(delivery.id, provider_id)
            DELIVERIES.labels(delivery.channel, "sent").inc()

    def _handed_over(self, outlet: Outlet, taken: Taken) -> str:
        """The provider's id of the form, which it had already or has now. Raises `DeliveryError`.

        After a crash or an outage the provider tells its news again: they are awaited before a form is sent twice.
        """
        known = outlet.find(taken.delivery) if taken.was_unclear else None
        if known:
            return known
        if taken.was_left:
            raise _NewsMissed
        if taken.kind in UNASKED and (objection := self._objection_to(taken)):
            raise _Objected(objection)
        if self._window_is_closed(outlet, taken):
            raise WindowClosed(CLOSED)
        return outlet.send(taken.delivery)

    def _objection_to(self, taken: Taken) -> Objection | None:
        """Why a notice is not said now; while that cannot be told it is not sent."""
        try:
            return self.objection(taken)
        except Exception as error:
            raise NotTaken(place(error)) from error

    def _not_taken(self, taken: Taken, error: NotTaken) -> None:
        lasts = error.for_all and taken.tries >= LASTING_TRIES
        asked = max(error.retry_after or 0.0, LASTING_SECONDS if lasts else 0.0)
        if asked:
            self.pauses.begin(taken.delivery.channel, asked)
        pause = max(asked, self.pause_after(taken.tries))
        self._later(taken.delivery, pause, state="queued", why=error.what, code=error.code, counts=not lasts)

    def pause_after(self, tries: int) -> float:
        """Seconds until the next try: doubled each time, with jitter."""
        retry = self.settings.retry
        pause = min(retry.most_seconds, retry.first_seconds * 2.0 ** min(tries - 1, MOST_DOUBLINGS))
        return pause * random.uniform(1 - JITTER, 1 + JITTER)

    def _window_is_closed(self, outlet: Outlet, taken: Taken) -> bool:
        if not outlet.has_window or taken.kind in ("template", "reopen"):
            return False
        return not within_window(taken.last_turn_at, self.settings, at=utc_now())

    def _put_off(self, delivery: Delivery, objection: Objection) -> None:
        if objection.until is None:
            self.outbox.dropped(delivery.id, objection.why)
        else:
            self.outbox.later(delivery.id, objection.until, state="held", why=objection.why, counts=False)

    def _hold(self, taken: Taken) -> None:
        """Until the customer writes again; they are asked to."""
        self._later(taken.delivery, WINDOW_SECONDS, state="held", why=CLOSED, counts=False)
        if taken.kind == "reply":
            self._ask_to_write(taken.conversation)

    def _ask_to_write(self, conversation: str) -> None:
        """Once, also when several deliveries are told to be too late at the same moment."""
        try:
            with self.locks.of(f"reopen:{conversation}"):
                self.reopen(conversation)
        except Exception as error:
            log.error("conversation %s cannot be asked to write: %s", conversation, place(error))

    def _later(
        self, delivery: Delivery, seconds: float, *, state: str, why: str, code: str = "", counts: bool = True
    ) -> None:
        at = utc_now() + timedelta(seconds=seconds)
        self.outbox.later(delivery.id, at, state=state, why=why, code=code, counts=counts)
        DELIVERIES.labels(delivery.channel, "later").inc()

    def _failed(self, delivery: Delivery, why: str, code: str) -> None:
        log.error("delivery %s failed: %s %s", delivery.id, code, why)
        self.outbox.failed(delivery.id, why, code)
        DELIVERIES.labels(delivery.channel, "failed").inc()


def within_window(last_turn_at: datetime | None, settings: MessagingSettings, *, at: datetime) -> bool:
    """Whether a customer who last wrote at one moment may be written to freely at another."""
    return last_turn_at is not None and at - last_turn_at < timedelta(hours=settings.window_hours)
