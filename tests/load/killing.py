"""`kill -9` of the portal's processes at random moments, until it is told to stop."""

from __future__ import annotations

import random
import threading
from collections import Counter

from tests.load.site import Site

SHORTEST_SECONDS = 3.0


class Killer:
    """Kills a process of the site every now and then, after pauses of at most `most_seconds`; `kills` counts them."""

    def __init__(self, site: Site, seed: int, *, most_seconds: float) -> None:
        self.kills: Counter[str] = Counter()
        self._site = site
        self._most_seconds = most_seconds
        self._random = random.Random(f"kill {seed}")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No further kills."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._random.uniform(SHORTEST_SECONDS, self._most_seconds)):
            victim = self._random.choice(self._site.processes)
            killed = victim.kill(self._random, whole=self._random.random() < 0.4)
            if killed:
                self.kills[killed] += 1
