"""`make bench`: calls under load, beside stock Rasa's `twilio_voice`, and while the engine hangs.

Callers speak without a pause unless one is given, so that the most is asked of both servers.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.caller import Call, CallFailed, Heard, numbers
from bench.hang import measure_hang
from bench.load import percentile
from bench.report import machine, model_file, table, today, write
from bench.servers import Server, portal, stock_rasa

GREETING = "kann ich"
Starter = Callable[[Path], AbstractContextManager[Server]]


@dataclass(frozen=True)
class Line:
    """Something that callers say or press; `answer` is heard when it was understood."""

    words: str
    answer: str
    is_keys: bool = False


DIALOGUE = (
    Line("guten tag ich wollte fragen wo meine bestellung 10482917 bleibt", "Postleitzahl"),
    Line("22765", "unterwegs", is_keys=True),
    Line("wann hat denn der laden in leipzig auf", "Leipzig"),
    Line("danke das war alles auf wiederhören", "Vielen Dank"),
)


@dataclass
class Tally:
    """What one caller met: seconds of greetings and turns, how often there was a filler, what failed."""

    greetings: list[float] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)
    fillers: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def take(self, times: list[float], ask: Callable[[], list[Heard]], answer: str) -> None:
        """Time one turn, failed or not; an answer with other words than expected is a failure."""
        began = time.perf_counter()
        try:
            heard = ask()
            self.fillers += len(heard) - 1
            if answer and answer not in heard[-1].words:
                self.failures[f"not {answer!r} but {heard[-1].words[:60]!r}"] += 1
        except CallFailed as error:
            self.failures[f"no answer with {answer!r}: {error}"] += 1
        times.append(time.perf_counter() - began)

    def add(self, other: Tally) -> None:
        """Take in another caller's."""
        self.greetings += other.greetings
        self.turns += other.turns
        self.fillers += other.fillers
        self.failures += other.failures


@dataclass(frozen=True)
class Load:
    """So many people call at once, one call after the other, and pause before they speak; times in seconds."""

    callers: int
    seconds: float
    pause: float


WARM_UP = Load(callers=1, seconds=2, pause=0)


def put(load: Load, server: Server, others: Iterator[str]) -> tuple[Tally, float]:
    """Put the load on a server, calling from others' numbers: what the callers met, and how many seconds it took."""
    began = time.monotonic()
    total = Tally()
    with ThreadPoolExecutor(load.callers) as pool:
        waiting = [pool.submit(_keep_calling, load, server, others) for _ in range(load.callers)]
        for done in waiting:
            total.add(done.result())
    return total, time.monotonic() - began


def _keep_calling(load: Load, server: Server, others: Iterator[str]) -> Tally:
    tally, end = Tally(), time.monotonic() + load.seconds
    while time.monotonic() < end:
        _one_call(Call(server, next(others)), tally, load.pause, end)
    return tally


def _one_call(call: Call, tally: Tally, pause: float, end: float) -> None:
    """A call; after a failed turn it goes on, so that both servers have the same work."""
    tally.take(tally.greetings, call.ring, GREETING)
    for line in DIALOGUE:
        time.sleep(pause)
        if call.over or time.monotonic() > end:
            break
        ask = call.press if line.is_keys else call.say
        tally.take(tally.turns, partial(ask, line.words), line.answer)
    try:
        call.hang_up()
    except CallFailed as error:
        tally.failures[f"end of the call: {error}"] += 1


def measure(start: Starter, model: Path, loads: list[Load]) -> dict[str, float]:
    """All figures of one server."""
    figures: dict[str, float] = {}
    others = numbers()
    with start(model) as server:
        put(WARM_UP, server, others)
        for load in loads:
            tally, took = put(load, server, others)
            rows = _rows(load.callers, tally, took)
            told = [f"  {name}: {value:.1f}" for name, value in rows.items()]
            told += [f"  failed {times} times: {what}" for what, times in tally.failures.items()]
            print("\n".join(told), flush=True)
            figures |= rows
    return figures


def _rows(callers: int, tally: Tally, took: float) -> dict[str, float]:
    return {
        f"greeting p50 at {callers}, ms": 1000 * percentile(tally.greetings, 0.5),
        f"greeting p95 at {callers}, ms": 1000 * percentile(tally.greetings, 0.95),
        f"turn p50 at {callers}, ms": 1000 * percentile(tally.turns, 0.5),
        f"turn p95 at {callers}, ms": 1000 * percentile(tally.turns, 0.95),
        f"turns a second at {callers}": len(tally.turns) / took,
        f"turns at {callers}": len(tally.turns),
        f"failed at {callers}": tally.failures.total(),
        f"fillers at {callers}": tally.fillers,
    }


def notes(seconds: float, pause: float) -> str:
    """How it was measured."""
    return (
        f"Same model, same machine ({machine()}), one run, {seconds:.0f} s per number of callers, servers and callers "
        "together on that machine. Callers ask where an order is, give the postcode by keys (stock Rasa takes none: "
        "there it is said), ask for a store's hours and say goodbye, each call from another number and with a pause of "
        f"{pause:g} s before every turn. The portal gets signed requests and keeps everything in SQLite; stock Rasa is "
        "`rasa run` with its `twilio_voice` channel, trackers in memory, and `rasa run actions`. "
        "`ratio` is portal / stock.\n\n"
        "A turn lasts from the caller's words to the answer, fillers included; for the portal that is its own share "
        "and the engine's. A turn has failed when there is no TwiML with the expected words; it counts with its time, "
        "and the call goes on. (Stock Rasa's channel answers 500 when an action sends a custom message, which happens "
        "here once the customer is known.)"
    )


def main() -> None:
    """Measure both servers and the hanging engine, and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--callers", default="1,10,50", help="how many call at once, such as 1,10,50")
    parser.add_argument("--pause", type=float, default=0, help="seconds before a caller speaks")
    options = parser.parse_args()
    loads = [Load(int(count), options.seconds, options.pause) for count in options.callers.split(",")]
    model = model_file()
    starters: dict[str, Starter] = {"portal": portal, "stock rasa": stock_rasa}
    columns = {}
    for name, start in starters.items():
        print(f"Measuring {name} ...", flush=True)
        columns[name] = measure(start, model, loads)
    print("Measuring calls while the engine hangs ...", flush=True)
    hang = measure_hang(model)
    title = f"# Calls: the portal beside stock Rasa, {today()}"
    write("calls.md", [title, notes(options.seconds, options.pause), table(columns), hang])


if __name__ == "__main__":
    main()
