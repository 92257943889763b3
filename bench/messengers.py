"""`make bench`: how fast webhooks are acknowledged, and messages through to delivered beside stock Rasa's `twilio`.

The providers are played by the sandbox, in this process.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.load import percentile
from bench.postman import SWITCH_SECONDS, Letter, Posted, post
from bench.report import figure, machine, model_file, table, today, write
from bench.servers import Server, portal, stock_rasa
from bench.stock_twilio import CREDENTIALS
from bot.sandbox import Customer, Sandbox

QUESTIONS = (
    ("Was kostet der Versand?", "4,95"),
    ("Wann hat der Laden in Leipzig auf?", "Leipzig"),
    ("Wie kann ich bezahlen?", "Rechnung"),
    ("Was kannst du?", "helfe"),
)
CHANNELS = ("whatsapp", "sms")
# Each customer writes so often at most: more are not answered (`messaging.turns_per_minute`).
TURNS_OF_ONE = 15
PATIENCE_SECONDS = 30.0
WARM_UP = 60
WARM_UP_SECONDS = 3.0
FIRST = 300
HOW_ACKNOWLEDGED = (
    f"## Acknowledged\n\nSame machine ({machine()}) for portal, stand-ins of the providers and customers. Signed "
    "webhooks of WhatsApp (Meta) and SMS (Twilio) come at a steady pace for 30 s from a process of its own; meanwhile "
    "the portal answers the turns with the real model, delivers the answers to the stand-in and takes the states of "
    "each delivery in, so that requests outnumber messages. A request's time runs from its moment in the "
    "schedule to the answer, which the portal gives when the message is committed to SQLite."
)
HOW_THROUGH = (
    "## Through to delivered\n\nSame model, same machine, one run, servers, customers and Twilio's stand-in together. "
    "Each customer writes by SMS as soon as the answer has arrived at the stand-in. Stock Rasa is `rasa run` with its "
    "own `twilio` channel (trackers in memory, no signature check) and `rasa run actions`; the portal checks "
    "signatures and keeps everything in SQLite. The portal sends an answer as one message, stock its parts one by one. "
    "`ratio` is portal / stock."
)


@contextmanager
def portal_at(sandbox: Sandbox, model: Path) -> Iterator[Server]:
    """Our portal, with the sandbox as its providers."""
    settings = sandbox.environment()
    with portal(model, settings) as server:
        sandbox.send_to = server.base
        yield server


@contextmanager
def stock_at(sandbox: Sandbox, model: Path) -> Iterator[Server]:
    """Stock Rasa, with the sandbox as its Twilio."""
    accounts = sandbox.accounts
    filled = CREDENTIALS.format(
        account=accounts.twilio_account, token=accounts.twilio_token, number=accounts.twilio_number, api=sandbox.url
    )
    with stock_rasa(model, filled) as server:
        sandbox.send_to = server.base
        yield server


STARTERS = {
    "portal": (portal_at, "/webhooks/twilio"),
    "stock rasa": (stock_at, "/webhooks/twilio/webhook"),
}


def customers(sandbox: Sandbox, channel: str, first: int) -> Iterator[Customer]:
    """Customers of a channel from a number on; their phone numbers are kept free for films."""
    return (sandbox.customer(channel, f"+493023125{number:03d}") for number in itertools.count(first))


def letters(sandbox: Sandbox, number: int, first: int) -> list[Letter]:
    """So many signed messages of customers from the one with number `first` on, on all channels in turn."""
    speakers = [customers(sandbox, channel, first) for channel in CHANNELS]
    count = -(-number // (TURNS_OF_ONE * len(CHANNELS)))
    talking = [customer for speaker in speakers for customer in itertools.islice(speaker, count)]
    made = []
    for at in range(number):
        event = talking[at % len(talking)].event_of_text(QUESTIONS[at // len(talking) % len(QUESTIONS)][0])
        webhook = sandbox.webhook(event)
        made.append(Letter(webhook.url.removeprefix(sandbox.public_url), webhook.headers, webhook.body))
    return made


def acknowledgements(sandbox: Sandbox, server: Server, rates: list[int], seconds: int) -> dict[str, float]:
    """How long webhooks wait for their answer at each rate, while the turns are answered and delivered."""
    figures: dict[str, float] = {}
    post(server.base, letters(sandbox, WARM_UP, 900), 10)
    first = 0
    for rate in rates:
        made = letters(sandbox, rate * seconds, first)
        first += len(made) // (TURNS_OF_ONE * len(CHANNELS)) + 1
        before = len(sandbox.messages)
        posted = post(server.base, made, rate)
        figures |= _rows(rate, posted, len(sandbox.messages) - before)
        print(figures, flush=True)
        _wait_until_quiet(sandbox)
    return figures


def _rows(rate: int, posted: Posted, sent: int) -> dict[str, float]:
    return {
        f"acknowledged, p50 at {rate} a second, ms": 1000 * percentile(posted.times, 0.5),
        f"acknowledged, p95 at {rate} a second, ms": 1000 * percentile(posted.times, 0.95),
        f"acknowledged, longest at {rate} a second, ms": 1000 * max(posted.times),
        f"not acknowledged at {rate} a second": posted.failed,
        f"messages delivered meanwhile at {rate} a second": sent,
    }


def _wait_until_quiet(sandbox: Sandbox) -> None:
    """Wait until nothing has been sent for some seconds, or long enough."""
    end = time.monotonic() + 10 * PATIENCE_SECONDS
    before = -1
    while before != len(sandbox.messages) and time.monotonic() < end:
        before = len(sandbox.messages)
        time.sleep(5)


@dataclass(frozen=True)
class Load:
    """So many customers write at once, for so many seconds."""

    talkers: int
    seconds: float


class Tally:
    """What customers met together: turns answered, and not answered in time."""

    def __init__(self) -> None:
        self.turns = 0
        self.failed = 0
        self.lock = threading.Lock()

    def add(self, answered: bool) -> None:
        """One more turn."""
        with self.lock:
            self.turns += answered
            self.failed += not answered


def through(sandbox: Sandbox, server: Server, path: str, load: Load, first: int) -> dict[str, float]:
    """Customers write by SMS, each as soon as the answer has arrived: turns a second through to delivered."""
    tally, end = Tally(), time.monotonic() + load.seconds
    before, began = len(sandbox.messages), time.monotonic()
    fresh = customers(sandbox, "sms", first)
    talks = [
        threading.Thread(target=_talk, args=(sandbox, server, path, fresh, tally, end)) for _ in range(load.talkers)
    ]
    for talk in talks:
        talk.start()
    for talk in talks:
        talk.join()
    took = time.monotonic() - began
    return {
        f"turns answered a second, {load.talkers} customers": tally.turns / took,
        f"messages delivered a second, {load.talkers} customers": (len(sandbox.messages) - before) / took,
        f"turns answered, {load.talkers} customers": tally.turns,
        f"turns not answered, {load.talkers} customers": tally.failed,
    }


def _talk(sandbox: Sandbox, server: Server, path: str, fresh: Iterator[Customer], tally: Tally, end: float) -> None:
    """One customer after the other asks all questions, until time is over."""
    connection = http.client.HTTPConnection(urlsplit(server.base).netloc, timeout=PATIENCE_SECONDS)
    while time.monotonic() < end:
        with tally.lock:
            customer = next(fresh)
        for question, answer in QUESTIONS:
            if time.monotonic() < end:
                tally.add(_is_answered(sandbox, connection, path, customer, question, answer))
    connection.close()


def _is_answered(
    sandbox: Sandbox, connection: http.client.HTTPConnection, path: str, customer: Customer, question: str, answer: str
) -> bool:
    count = len(customer.received())
    webhook = sandbox.webhook(customer.event_of_text(question))
    try:
        connection.request("POST", path, webhook.body, dict(webhook.headers))
        connection.getresponse().read()
        customer.wait_for(answer, count=count, seconds=PATIENCE_SECONDS)
    except (OSError, http.client.HTTPException, AssertionError) as error:
        print(f"not answered: {type(error).__name__}: {question}", flush=True)
        connection.close()
        return False
    return True


def main() -> None:
    """Measure both and write the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rates", default="20,100", help="messages a second, such as 20,100")
    parser.add_argument("--talkers", default="1,10", help="how many customers write at once, such as 1,10")
    parser.add_argument("--only", choices=("acknowledged", "through"), help="measure only this, and write nothing")
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_SECONDS)
    model = model_file()
    rates = [int(rate) for rate in options.rates.split(",")]
    loads = [Load(int(count), options.seconds) for count in options.talkers.split(",")]
    acknowledged: dict[str, float] = {}
    columns: dict[str, dict[str, float]] = {}
    if options.only != "through":
        with Sandbox() as sandbox, portal_at(sandbox, model) as server:
            acknowledged = acknowledgements(sandbox, server, rates, options.seconds)
    if options.only != "acknowledged":
        columns = {name: measure(name, model, loads) for name in STARTERS}
    if not options.only:
        title = f"# Messengers: acknowledged, and through to delivered, {today()}"
        write("messengers.md", [title, HOW_ACKNOWLEDGED, lines(acknowledged), HOW_THROUGH, table(columns)])


def measure(name: str, model: Path, loads: list[Load]) -> dict[str, float]:
    """All figures of one server."""
    print(f"Measuring {name} ...", flush=True)
    start, path = STARTERS[name]
    figures: dict[str, float] = {}
    with Sandbox() as sandbox, start(sandbox, model) as server:
        through(sandbox, server, path, Load(2, WARM_UP_SECONDS), 0)
        for number, load in enumerate(loads):
            figures |= through(sandbox, server, path, load, FIRST * (number + 1))
            print(figures, flush=True)
        figures["requests that broke a rule of Twilio's"] = len(sandbox.violations)
    return figures


def lines(figures: dict[str, float]) -> str:
    """The figures as a table; whole numbers are counts."""
    rows = [f"| {name} | {figure(value)} |" for name, value in figures.items()]
    return "\n".join(["| | |", "|---|---:|", *rows])


if __name__ == "__main__":
    main()
