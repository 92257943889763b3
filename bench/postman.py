"""Posts signed webhooks at a steady pace from a process of its own, and times every acknowledgement.

A request is due at its moment whether or not those before it were answered; its time runs from that moment, so that
a server that falls behind shows it.
"""

from __future__ import annotations

import http.client
import multiprocessing
import queue
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

THREADS = 48
SECONDS = 30
SWITCH_SECONDS = 0.0005


@dataclass(frozen=True)
class Letter:
    """A request: its path, headers and body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Posted:
    """Seconds of every acknowledgement, and how many requests were answered with something else."""

    times: list[float]
    failed: int


def post(base: str, letters: Sequence[Letter], a_second: float) -> Posted:
    """Post all letters to the server at `base`, so many a second."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_post_all, base, letters, a_second).result()


def _post_all(base: str, letters: Sequence[Letter], a_second: float) -> Posted:
    sys.setswitchinterval(SWITCH_SECONDS)
    due: queue.Queue[tuple[float, Letter] | None] = queue.Queue()
    times: list[float] = []
    failed: list[int] = []
    threads = [threading.Thread(target=_carry, args=(base, due, times, failed)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    for number, letter in enumerate(letters):
        moment = began + number / a_second
        time.sleep(max(0.0, moment - time.perf_counter()))
        due.put((moment, letter))
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    return Posted(times, len(failed))


def _carry(base: str, due: queue.Queue[tuple[float, Letter] | None], times: list[float], failed: list[int]) -> None:
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=SECONDS)
    while task := due.get():
        moment, letter = task
        try:
            connection.request("POST", letter.path, letter.body, dict(letter.headers))
            answer = connection.getresponse()
            answer.read()
            if answer.status // 100 != 2:
                failed.append(answer.status)
        except (OSError, http.client.HTTPException):
            connection.close()
            failed.append(0)
        times.append(time.perf_counter() - moment)
    connection.close()
