"""Background work: conversations with waiting turns are handled by a few threads.

The inbox is the truth, a wake-up is only a hint: what was left by a crash, or while the engine was not
ready, is found by a look at the inbox every few seconds.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from bot.conversation import Conversations
from bot.logs import place

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0


class Jobs:
    """Handles woken conversations in `threads` threads; one thread at most is with a conversation."""

    def __init__(self, conversations: Conversations, *, threads: int = 8) -> None:
        self._conversations = conversations
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="turns")
        self._guard = threading.Lock()
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._stopping = threading.Event()
        self._looker = threading.Thread(target=self._look, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin to look at the inbox."""
        self._looker.start()

    def alive(self) -> bool:
        """Whether the inbox is being looked at."""
        return self._looker.is_alive()

    def wake(self, conversation: str) -> None:
        """Have the conversation's waiting turns handled; once more when it is being handled now."""
        with self._guard:
            if self._stopping.is_set():
                return
            if conversation in self._busy:
                self._again.add(conversation)
                return
            self._busy.add(conversation)
        self._pool.submit(self._handle, conversation)

    def stop(self) -> None:
        """Finish the turns under way; what waits stays in the inbox."""
        with self._guard:
            self._stopping.set()
        self._pool.shutdown(wait=True)

    def _handle(self, conversation: str) -> None:
        again = True
        while again and not self._stopping.is_set():
            self._try(conversation)
            with self._guard:
                again = conversation in self._again
                self._again.discard(conversation)
                if not again:
                    self._busy.discard(conversation)

    def _try(self, conversation: str) -> None:
        try:
            self._conversations.handle(conversation)
        except Exception as error:
            log.error("conversation %s: %s", conversation, place(error))

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                if self._conversations.engine.ready():
                    self._wake_forgotten()
            except Exception as error:
                log.error("inbox: %s", place(error))

    def _wake_forgotten(self) -> None:
        for conversation in self._conversations.store.waiting_conversations():
            with self._guard:
                busy = conversation in self._busy
            if not busy:
                self.wake(conversation)
