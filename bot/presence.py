"""Shows customers that their turn was read and an answer is being written, where the channel can; best effort."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

from bot.channels.outlet import Outlet
from bot.inbox_store import Waiting

log = logging.getLogger(__name__)
THREADS = 4
AT_MOST = 50


class Presence:
    """Tells the outlets beside the work itself; when they are too slow it is left out."""

    def __init__(self, outlets: Mapping[str, Outlet]) -> None:
        self._outlets = outlets
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="presence")
        self._places = BoundedSemaphore(AT_MOST)

    def show(self, waiting: Waiting) -> None:
        """The turn was read and is being answered; told once."""
        outlet = self._outlets.get(waiting.turn.channel)
        if outlet and waiting.tries == 1 and self._places.acquire(blocking=False):
            self._pool.submit(self._show, outlet, waiting)

    def stop(self) -> None:
        """What waits is left out."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _show(self, outlet: Outlet, waiting: Waiting) -> None:
        try:
            outlet.show_typing(waiting.address, waiting.provider_id)
        except Exception as error:
            log.debug("presence on %s: %s", outlet.name, type(error).__name__)
        finally:
            self._places.release()
