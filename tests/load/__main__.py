"""`python -m tests.load`: the fault run; exit code 1 when something was lost, answered twice or out of order."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report import model_file
from bot.sandbox import FaultSettings, Sandbox
from tests.conftest import free_port
from tests.load.checks import Check, Findings, open_work, wait_until_done
from tests.load.crowd import MOST_CUSTOMERS, Crowd
from tests.load.killing import Killer
from tests.load.report import Variant, result_lines, time_lines, write_section
from tests.load.servers import postgresql_server, redis_server
from tests.load.site import Balanced, Site, lay_out

CHANGES = {"messaging": {"turns_per_minute": 1000}}
SHARES = {"slow": 0.02, "busy": 0.02, "error_before": 0.02, "error_after": 0.02, "cut_before": 0.02, "cut_after": 0.02}
NAMES = {False: "SQLite, one process", True: "PostgreSQL and Redis, two serving and two working processes"}
PROGRESS_SECONDS = 10.0
END_SECONDS = 1800.0


@dataclass(frozen=True)
class Options:
    """How much is tried, over how many seconds, and where what the run leaves behind is kept, if anywhere."""

    events: int
    customers: int
    seconds: float
    seed: int
    postgresql: bool
    no_kills: bool
    keep: Path | None
    report: bool


def read_options() -> Options:
    """The command line's."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=0, help="how long customers write; a tenth of a second each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="PostgreSQL, Redis, and two processes of each kind")
    parser.add_argument("--no-kills", action="store_true", help="leave the processes alone")
    parser.add_argument("--keep", type=Path, help="an empty folder for database and logs; gone at the end without it")
    parser.add_argument("--report", action="store_true", help="write bench/results/faults.md")
    given = parser.parse_args()
    if not 1 <= given.customers <= min(given.events, MOST_CUSTOMERS):
        parser.error(f"--customers may be 1 to {MOST_CUSTOMERS}, and at most --events")
    given.seconds = given.seconds or given.events / 20
    return Options(**vars(given))


def faults(seed: int) -> FaultSettings:
    """Everything that providers do wrong."""
    return FaultSettings(
        shares=SHARES,  # type: ignore[arg-type]
        on=("message", "content", "list", "typing", "media"),
        slow_seconds=1.5,
        duplicate_statuses=0.1,
        reorder_statuses=0.1,
        undelivered=0.005,
        seed=seed,
    )


class Run:
    """One fault run in a folder of its own."""

    def __init__(self, options: Options, folder: Path, database_url: str, redis_url: str) -> None:
        self._options = options
        several = 2 if options.postgresql else 0
        ports = [free_port() for _ in range(several or 1)]
        lay_out(folder, model_file(), CHANGES)
        sandbox = Sandbox(send_to="http://127.0.0.1", faults=faults(options.seed), transport=Balanced(ports))
        settings = sandbox.environment() | ({"REDIS_URL": redis_url} if redis_url else {})
        self._sandbox = sandbox
        self._site = Site(folder, database_url, settings, ports, working=several)
        self._crowd = Crowd(
            sandbox, customers=options.customers, events=options.events, seconds=options.seconds, seed=options.seed
        )
        self._killer = Killer(self._site, options.seed, most_seconds=options.seconds / 8)

    def __call__(self) -> bool:
        """Do it all; whether nothing was wrong."""
        with self._sandbox:
            self._site.load_demo()
            self._site.start()
            began = time.monotonic()
            with self._progress(began):
                self._talk()
                acknowledged = time.monotonic() - began
                done = wait_until_done(self._site.database_url, self._sandbox, END_SECONDS)
            took = time.monotonic() - began
            self._site.stop()
            findings = Check(self._site.database_url, self._crowd, self._sandbox).run()
        figures = self._figures(findings, acknowledged, took)
        self._tell(findings, figures)
        if self._options.report:
            write_section(Variant(NAMES[self._options.postgresql], figures))
        return done and not any(findings.wrong.values()) and not self._sandbox.violations

    def _talk(self) -> None:
        """All customers, with kills meanwhile."""
        if not self._options.no_kills:
            self._killer.start()
        self._crowd.talk()
        if not self._options.no_kills:
            self._killer.stop()

    @contextmanager
    def _progress(self, began: float) -> Iterator[None]:
        """Tell how far it is, every few seconds."""
        over = threading.Event()

        def tell() -> None:
            while not over.wait(PROGRESS_SECONDS):
                events = self._crowd.counts.total["events"]
                turns, deliveries = open_work(self._site.database_url)
                print(
                    f"{time.monotonic() - began:5.0f} s: {events} of {self._options.events} events acknowledged, "
                    f"{turns} turns and {deliveries} deliveries wait, {self._killer.kills.total()} kills",
                    flush=True,
                )

        thread = threading.Thread(target=tell)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _figures(self, findings: Findings, acknowledged: float, took: float) -> dict[str, object]:
        """All that the report says."""
        total, counts = self._crowd.counts.total, self._sandbox.faults.counts
        again = sum(number for what, number in total.items() if what.startswith("came again"))
        starts = sum(len(process.starts) for process in self._site.processes) - len(self._site.processes)
        return {
            **result_lines(findings),
            "customers": self._options.customers,
            "events": total["events"],
            "of them texts / in batches / presses / photos / places": " / ".join(
                str(total[kind]) for kind in ("text", "text in a batch", "press", "photo", "place")
            ),
            "delivered twice at the same time": total["delivered twice at once"],
            "delivered again later": total["delivered again later"],
            "delivered again because nobody had acknowledged": again,
            **{f"`kill -9`: {name}": number for name, number in sorted(self._killer.kills.items())},
            "processes started again": starts,
            **{f"provider's fault: {kind}": counts[kind] for kind in SHARES},
            **findings.figures,
            "requests that broke a provider's rule": len(self._sandbox.violations),
            "all acknowledged after": f"{acknowledged:.0f} s",
            "all delivered after": f"{took:.0f} s",
            **time_lines(findings),
            "seed": self._options.seed,
        }

    def _tell(self, findings: Findings, figures: dict[str, object]) -> None:
        for name, value in figures.items():
            print(f"{name}: {value}")
        for kind, ids in findings.wrong.items():
            if ids:
                print(f"{kind}: {len(ids)}, such as {', '.join(map(str, ids[:5]))}")
        for violation in self._sandbox.violations[:5]:
            print(f"broken rule: {violation.path} {violation.code} {violation.what}")
        for line in self._site.errors()[:20]:
            print(line)


@contextmanager
def _databases(options: Options, folder: Path) -> Iterator[tuple[str, str]]:
    """The URLs of the database and, if there is one, of Redis."""
    if not options.postgresql:
        yield f"sqlite:///{folder}/portal.db", ""
        return
    with postgresql_server() as postgresql, redis_server() as redis:
        yield postgresql.replace("postgresql://", "postgresql+psycopg://"), redis


def main() -> int:
    """Make the run; the exit code."""
    options = read_options()
    with TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        with _databases(options, folder) as (database, redis):
            return 0 if Run(options, folder, database, redis)() else 1


if __name__ == "__main__":
    sys.exit(main())
