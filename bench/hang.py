"""Calls while the dialogue engine hangs: what callers of the portal hear, and how their calls end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.caller import Call, CallFailed, Heard, numbers
from bench.servers import portal

HANG_SECONDS = 30
CALLERS = 10
MOST_SECONDS_OF_SILENCE = 2.0
MOST_STEPS = 10
SPEAKING_PACE = 1 / 15
CALLBACK = "Wir rufen Sie"


@dataclass
class Story:
    """What one caller heard, and what went wrong, if anything."""

    heard: list[Heard] = field(default_factory=list)
    problem: str = ""


def measure_hang(model: Path) -> str:
    """Ten calls at once against a portal whose engine hangs, told in a paragraph."""
    with hanging_engine() as url:
        settings = {"RASA_URL": url, "RASA_TOKEN": "a-token-for-the-engine"}
        with portal(model, settings) as server, ThreadPoolExecutor(CALLERS) as pool:
            callers = [
                Call(server, number, SPEAKING_PACE) for number, _ in zip(numbers(), range(CALLERS), strict=False)
            ]
            return _told(list(pool.map(_call, callers)))


@contextmanager
def hanging_engine() -> Iterator[str]:
    """The address of a server that says that it is ready and then lets every turn hang, or until it is stopped."""
    released = threading.Event()

    class Hanging(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            released.wait(HANG_SECONDS)
            self._answer(503)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hanging)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        released.set()
        server.shutdown()
        server.server_close()


def _call(call: Call) -> Story:
    """Ask something, hear that it takes long, and take the callback that is offered."""
    story = Story()
    try:
        story.heard += call.ring()
        story.heard += call.say("wo ist mein paket")
        for _ in range(MOST_STEPS):
            if call.over:
                break
            story.heard += call.press("1")
        call.hang_up()
    except CallFailed as error:
        story.problem = str(error)
    if not story.problem and CALLBACK not in story.heard[-1].words:
        story.problem = f"ended with: {story.heard[-1].words}"
    return story


def _told(stories: list[Story]) -> str:
    times = [heard.seconds for story in stories for heard in story.heard]
    late = sum(seconds > MOST_SECONDS_OF_SILENCE for seconds in times)
    problems = sorted({story.problem for story in stories if story.problem})
    ended_well = sum(not story.problem for story in stories)
    return (
        f"With a dialogue engine that hangs for {HANG_SECONDS} s, {CALLERS} callers at once: the greeting came "
        f"after at most {1000 * max((story.heard[0].seconds for story in stories if story.heard), default=0):.0f} ms, "
        f"the slowest of {len(times)} answers after {max(times, default=0):.2f} s; "
        f"{late} took longer than {MOST_SECONDS_OF_SILENCE:.0f} s. "
        f"{ended_well} of {CALLERS} calls went on to a callback that was booked; {CALLERS - ended_well} failed"
        + (f" ({'; '.join(problems)})." if problems else ".")
    )
