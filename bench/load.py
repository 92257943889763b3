"""Customers who talk over the REST webhook, each in a thread of its own; every turn is timed."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
import uuid
from urllib.parse import urlsplit

from bench.servers import Server

DIALOGUE = (
    "Hallo",
    "Wo ist meine Bestellung 10482917?",
    "22765",
    "Und wann kommt sie genau an?",
    "Wann hat der Laden in Leipzig auf?",
    "Was kostet der Versand?",
    "Ich möchte meine Bestellung stornieren",
    "nein danke",
    "Wie kann ich bezahlen?",
    "Danke, das war es",
)


class Customer:
    """One sender with a connection that is kept open."""

    def __init__(self, server: Server) -> None:
        parts = urlsplit(server.url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self._path = parts.path
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.token}"}
        self._sender = uuid.uuid4().hex

    def say(self, message: str) -> float:
        """Seconds until the answer is there; raises when there is none."""
        body = json.dumps({"sender": self._sender, "message": message})
        began = time.perf_counter()
        self._connection.request("POST", self._path, body, self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200 or said == b"[]":
            raise RuntimeError(f"no answer: {answer.status} {said[:200]!r}")
        return took


def talk(server: Server, *, customers: int, dialogues: int) -> list[float]:
    """`customers` talk in parallel, each `dialogues` conversations; seconds of every turn."""
    times: list[float] = []
    errors: list[Exception] = []

    def one() -> None:
        try:
            for _ in range(dialogues):
                customer = Customer(server)
                times.extend(customer.say(message) for message in DIALOGUE)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(customers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return times


def long_talk(server: Server, turns: int) -> tuple[float, float]:
    """Median seconds of a turn around number 5 and around the last, in one conversation."""
    customer = Customer(server)
    times = [customer.say(DIALOGUE[1:][number % 9]) for number in range(turns)]
    return statistics.median(times[1:10]), statistics.median(times[-45:])


def percentile(times: list[float], share: float) -> float:
    """The value that this share of the times does not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
