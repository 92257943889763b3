"""Background work: waiting turns are answered, and what is said is delivered.

Inbox and outbox are the truth, a wake-up is only a hint: what was left by a crash, or while the engine was not ready,
is found by a look at both every second.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from bot.conversation import Conversations
from bot.logs import place
from bot.metrics import OUTBOX
from bot.outbox import Deliveries
from bot.queues import Queue
from bot.settings import Settings
from bot.turns import Turn

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
TURN_THREADS = 8
DELIVERY_THREADS = 16


class Jobs:
    """Wakes workers, and has some if it `works`: other processes may work on the same queues."""

    def __init__(
        self, conversations: Conversations, deliveries: Deliveries, settings: Settings, *, works: bool = True
    ) -> None:
        self._works = works
        self._conversations = conversations
        self._deliveries = deliveries
        self._turns = Queue("turns", settings, self._answer, threads=TURN_THREADS)
        self._outbox = Queue("outbox", settings, self._deliver, threads=DELIVERY_THREADS)
        self._stopping = threading.Event()
        self._looker = threading.Thread(target=self._look, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin to work, and to look at inbox and outbox."""
        if not self._works:
            return
        self._turns.start()
        self._outbox.start()
        self._looker.start()

    def alive(self) -> bool:
        """Whether inbox and outbox are being looked at, if that is this process's task."""
        return self._looker.is_alive() or not self._works

    def wake(self, conversation: str) -> None:
        """Have the conversation's waiting turns answered; without the queue they are found a little later."""
        self._turns.wake_soon(conversation)

    def wake_outbox(self, conversation: str) -> None:
        """Have delivered what was said."""
        self._outbox.wake_soon(conversation)

    def stop(self) -> None:
        """Finish the turns under way; what waits stays in the inbox."""
        self._stopping.set()
        if self._looker.is_alive():
            self._turns.end()
            self._outbox.end()
            self._turns.stop()
            self._outbox.stop()
        if self._conversations.presence:
            self._conversations.presence.stop()

    def _answer(self, conversation: str) -> None:
        try:
            self._conversations.handle_if_free(conversation, self._answered)
        except Exception as error:
            log.error("conversation %s: %s", conversation, place(error))

    def _answered(self, turn: Turn) -> None:
        if turn.channel in self._deliveries.outlets:
            self.wake_outbox(turn.conversation)

    def _deliver(self, conversation: str) -> None:
        try:
            self._deliveries.deliver(conversation)
        except Exception as error:
            log.error("outbox of %s: %s", conversation, place(error))

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for look in (self._look_at_turns, self._look_at_outbox, self._conversations.tidy):
                try:
                    look()
                except Exception as error:
                    log.error("%s: %s", look.__name__, place(error))

    def _look_at_turns(self) -> None:
        """An idle queue with turns in the inbox has lost hints; a busy one is worked off first."""
        if self._conversations.engine.ready() and self._turns.is_idle():
            off = self._conversations.off_channels()
            self._pass_on(self._conversations.store.waiting_conversations(off), self._turns, self._answer)

    def _look_at_outbox(self) -> None:
        for state, number in self._deliveries.outbox.waiting().items():
            OUTBOX.labels(state).set(number)
        due = self._deliveries.outbox.release_held()
        if self._outbox.is_idle():
            self._pass_on(due, self._outbox, self._deliver)

    def _pass_on(self, conversations: list[str], queue: Queue, work: Callable[[str], None]) -> None:
        """Have the workers do it; while their queue fails it is done here, one after the other."""
        for conversation in conversations:
            if self._stopping.is_set():
                return
            if not queue.wake(conversation):
                work(conversation)
