"""`python -m bot.cli.rasa_process FD LEVEL`: Rasa at work for the process that started it (`bot.engine.apart`).

They talk over a socket; the level is that of the log. It ends with that process, and only with it: Ctrl+C and SIGTERM
reach both, and turns under way are finished first.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from actions.executor import in_process
from bot.engine.apart import Ask, Drop, Load, Told
from bot.engine.embedded import EmbeddedRasa
from bot.engine.server import encode_answer
from bot.engine.shadow import rasa_reader
from bot.errors import EngineError
from bot.logs import place, set_up_logs
from bot.turns import Turn

# Who waits for an acknowledgement or a greeting goes before who calculates.
NICENESS = 10


@dataclass(frozen=True)
class Work:
    """What a model does with a turn (None only asks for a sign of life), its result as JSON, and how it ends."""

    begin: Callable[[Turn | None], Future[Any]]
    encode: Callable[[Any], bytes]
    stop: Callable[[], None]


class Line:
    """What is told over the socket, a line each."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._guard = threading.Lock()
        self._loaded = False

    def tell_loaded(self, model: int, error: str | None) -> None:
        """A model is loaded, or cannot be; from the first one on this process stands back."""
        if not self._loaded:
            self._loaded = True
            os.nice(NICENESS)
        self.tell(Told(0, model, error=error))

    def tell(self, told: Told) -> None:
        """Send it; when nobody is there any more, this process is not needed either."""
        with self._guard:
            try:
                self._connection.sendall(msgspec.json.encode(told) + b"\n")
            except OSError:
                os._exit(1)


class Office:
    """Does what the lines say."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._works: dict[int, Work] = {}

    def take(self, message: Load | Ask | Drop) -> None:
        """One line; returns at once."""
        match message:
            case Load():
                begin = answering if message.answers else reading
                self._works[message.model] = begin(message, self._line)
            case Ask():
                self._ask(message)
            case Drop():
                threading.Thread(target=self._drop, args=(message,), daemon=True).start()

    def _ask(self, ask: Ask) -> None:
        work = self._works.get(ask.model)
        try:
            if work is None:
                raise EngineError("the model was let go")
            result = work.begin(ask.turn)
        except Exception as error:
            self._line.tell(Told(ask.number, error=place(error)))
        else:
            result.add_done_callback(partial(self._tell_result, ask.number, work.encode))

    def _tell_result(self, number: int, encode: Callable[[Any], bytes], result: Future[Any]) -> None:
        error = result.exception()
        if error is None:
            self._line.tell(Told(number, found=msgspec.Raw(encode(result.result()))))
        else:
            self._line.tell(Told(number, error=place(error)))

    def _drop(self, drop: Drop) -> None:
        if work := self._works.pop(drop.model, None):
            work.stop()
        self._line.tell(Told(drop.number))


def answering(load: Load, line: Line) -> Work:
    """Turns are answered, with actions and trackers."""
    os.environ["DATABASE_URL"] = load.database
    engine = EmbeddedRasa(Path(load.file), in_process(), load.database)

    def wait_until_loaded() -> None:
        engine.loaded.wait()
        line.tell_loaded(load.model, engine.error.what if engine.error else None)

    engine.start()
    threading.Thread(target=wait_until_loaded, name="loading", daemon=True).start()
    return Work(engine.begin, encode_answer, engine.stop)


def reading(load: Load, line: Line) -> Work:
    """Turns are understood, one after the other."""
    worker = ThreadPoolExecutor(1)
    reader = worker.submit(rasa_reader, Path(load.file))

    def loaded(_: object) -> None:
        line.tell_loaded(load.model, "it cannot be loaded" if reader.exception() else None)

    reader.add_done_callback(loaded)
    return Work(
        lambda turn: worker.submit(lambda: reader.result()(turn) if turn else None),
        msgspec.json.encode,
        worker.shutdown,
    )


def main() -> None:
    """Do what is said over the socket until nobody is there."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)
    set_up_logs(int(sys.argv[2]))
    connection = socket.socket(fileno=int(sys.argv[1]))
    office = Office(Line(connection))
    with suppress(OSError):
        for line in connection.makefile("rb"):
            office.take(msgspec.json.decode(line, type=Load | Ask | Drop))
    os._exit(1)


if __name__ == "__main__":
    main()
