"""What webhooks tell is written down here, before they are answered; then the workers are woken."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Protocol, TypeVar

from sqlalchemy.exc import DataError

from bot.channels.events import Changed, Consent, Event, Noted, SeenUntil, Status
from bot.contacts import Contacts
from bot.conversation import CONSENT_GIVEN, TOO_MANY, Conversations
from bot.database import despite_races
from bot.errors import StoreError
from bot.inbox_store import Received
from bot.logs import place
from bot.messaging_settings import MessagingSettings
from bot.metrics import EVENTS
from bot.outbox import Deliveries
from bot.turns import Incoming, Intent, clean_text, utc_now

log = logging.getLogger(__name__)
SIGNS = re.compile(r"^\W+|\W+$")
Wake = Callable[[str], None]
T = TypeVar("T")


class Write(Protocol):
    """What a piece of work gives once it is committed; it may be done again."""

    def __call__(self, work: Callable[[], T]) -> T:
        """Do it."""


@dataclass
class PortalIntake:
    """Takes the events of the messengers' webhooks; `language` begins a conversation, `write` runs a transaction."""

    conversations: Conversations
    deliveries: Deliveries
    contacts: Contacts
    settings: MessagingSettings
    wake: Wake
    wake_outbox: Wake
    language: str = "de"
    write: Write = despite_races

    def take(self, events: list[Event]) -> None:
        """Write the events down and have the turns answered; raises `StoreError` when one is not kept.

        The others are kept nevertheless, and known when they are told again.
        """
        failed = 0
        for event in events:
            try:
                self._take(event)
                EVENTS.labels(event.channel, event.what if isinstance(event, Noted) else type(event).__name__).inc()
            except StoreError:
                raise
            except DataError as error:
                log.error("an event of %s is none that can be kept: %s", event.channel, place(error))
                EVENTS.labels(event.channel, "unreadable").inc()
            except Exception as error:
                log.error("an event of %s is not kept: %s", event.channel, place(error))
                failed += 1
        if failed:
            raise StoreError(f"{failed} events are not kept")

    def _take(self, event: Event) -> None:
        match event:
            case Incoming():
                self._take_turn(event)
            case Status():
                self._take_status(event)
            case SeenUntil():
                self.write(lambda: self.deliveries.outbox.note_seen(event))
            case Consent():
                self.contacts.note_consent(event, source="provider")
            case Changed():
                self.conversations.change(event.channel, event.provider_id, event.text)
            case Noted():
                pass

    def _take_status(self, status: Status) -> None:
        conversation = self.write(lambda: self.deliveries.note(status))
        if conversation:
            self.deliveries.follow(status, conversation)
            self.wake_outbox(conversation)

    def _take_turn(self, incoming: Incoming) -> None:
        received = self.write(lambda: self._kept(incoming))
        if received.state == "waiting":
            self.wake(received.conversation)

    def _kept(self, incoming: Incoming) -> Received:
        """The turn as it is written down, all in one transaction."""
        with self.conversations.store.together():
            turn, word = self._in_conversation(incoming), _word(incoming.text)
            if word in _words(self.settings.opt_out_words):
                self._take_consent(turn, given=False)
                return self._receive(turn, state="done", opens_window=False)
            if word in _words(self.settings.opt_in_words):
                self._take_consent(turn, given=True)
                return self._receive(replace(turn, intent=Intent(CONSENT_GIVEN)))
            return self._take_words(turn)

    def _take_words(self, turn: Incoming) -> Received:
        """Of what is too much the first is answered, with a request to wait."""
        surplus = self._surplus(turn.conversation) if turn.conversation else -1
        if surplus < 0:
            return self._receive(turn)
        if surplus == 0:
            return self._receive(replace(turn, intent=Intent(TOO_MANY)))
        return self._receive(turn, state="dropped")

    def _in_conversation(self, incoming: Incoming) -> Incoming:
        """With the customer's conversation, also that of their former address."""
        find = self.conversations.store.latest_conversation
        if known := find(incoming.channel, incoming.address):
            return replace(incoming, conversation=known, former_address=None)
        if incoming.former_address:
            return replace(incoming, conversation=find(incoming.channel, incoming.former_address))
        return incoming

    def _receive(self, turn: Incoming, *, state: str = "waiting", opens_window: bool = True) -> Received:
        return self.conversations.receive(
            turn, language=self.language, limited=False, state=state, opens_window=opens_window
        )

    def _surplus(self, conversation: str) -> int:
        """How many turns of the last minute were too many; negative when another one is welcome."""
        since = utc_now() - timedelta(minutes=1)
        return self.conversations.store.turns_since(conversation, since) - self.settings.turns_per_minute

    def _take_consent(self, turn: Incoming, *, given: bool) -> None:
        """A word such as STOP is no question: it is kept, obeyed and not answered; START is thanked for."""
        self.contacts.note_consent(Consent(turn.channel, turn.address, turn.provider_id, given, turn.at), source="word")


@lru_cache
def _words(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_word, texts))


def _word(text: str) -> str:
    """A text as a single word to compare: without signs around it, in capitals."""
    return SIGNS.sub("", clean_text(text)).upper()
