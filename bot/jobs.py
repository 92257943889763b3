"""Background work: conversations with waiting turns are handled by a few threads.

The inbox is the truth, a wake-up is only a hint: what was left by a crash, or while the engine was not
ready, is found by a look at the inbox every few seconds.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from bot.conversation import Conversations
from bot.errors import PortalError

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0


class Jobs:
    """Handles woken conversations in `threads` threads, in order within a conversation."""

    def __init__(self, conversations: Conversations, *, threads: int = 8) -> None:
        self._conversations = conversations
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="turns")
        self._guard = threading.Lock()
        self._woken: set[str] = set()
        self._stopping = threading.Event()
        self._looker = threading.Thread(target=self._look, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin to look at the inbox."""
        self._looker.start()

    def wake(self, conversation: str) -> None:
        """Have the conversation's waiting turns handled."""
        with self._guard:
            if conversation in self._woken or self._stopping.is_set():
                return
            self._woken.add(conversation)
        self._pool.submit(self._handle, conversation)

    def stop(self) -> None:
        """Finish the turns under way; what waits stays in the inbox."""
        self._stopping.set()
        self._pool.shutdown(wait=True)

    def _handle(self, conversation: str) -> None:
        with self._guard:
            self._woken.discard(conversation)
        if self._stopping.is_set():
            return
        try:
            self._conversations.handle(conversation)
        except PortalError as error:
            log.error("conversation %s: %s", conversation, error.what)
        except Exception:
            log.exception("conversation %s", conversation)

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            if self._conversations.engine.ready():
                self._wake_all()

    def _wake_all(self) -> None:
        try:
            for conversation in self._conversations.store.waiting_conversations():
                self.wake(conversation)
        except PortalError as error:
            log.error("inbox: %s", error.what)
