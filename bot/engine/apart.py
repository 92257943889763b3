"""Rasa in a process of its own: while it calculates, requests are read, written down and answered here.

Python lets one thread calculate at a time. With Rasa in the serving process every request would wait for it many times
over; apart, the two share the machine's cores, and what breaks Rasa's process breaks no call: it is started again.
`bot.cli.rasa_process` is the other end.
"""

from __future__ import annotations

import itertools
import logging
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bot.engine.server import decode_answer
from bot.engine.shadow import Understood
from bot.errors import EngineError, EngineNotReady, EngineTimeout, ModelMissing
from bot.logs import place
from bot.turns import Answer, Turn

log = logging.getLogger(__name__)
RESPONSE_SECONDS = 2
SEND_SECONDS = 2
STOP_SECONDS = 15
LOAD_SECONDS = 120
LOOK_SECONDS = 0.05
PAUSE_SECONDS = 1.0
COMMAND = [sys.executable, "-m", "bot.cli.rasa_process"]


class Load(msgspec.Struct, frozen=True, tag="load"):
    """A line to the process: load a model's file, under a number; it answers with trackers at `database`, or reads."""

    model: int
    file: str
    database: str
    answers: bool


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """A line to the process: what the model makes of a turn; without one a sign of life."""

    number: int
    model: int
    turn: Turn | None = None


class Drop(msgspec.Struct, frozen=True, tag="drop"):
    """A line to the process: finish the model's turns under way and let go of it."""

    number: int
    model: int


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line from the process: what was found for the number, or its error.

    Number 0: the model is loaded, or cannot be.
    """

    number: int
    model: int = 0
    found: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None


@dataclass(frozen=True)
class Held:
    """A model that the process has or loads; one that never could be loaded has an `error`."""

    load: Load
    loaded: threading.Event = field(default_factory=threading.Event)
    worked: threading.Event = field(default_factory=threading.Event)
    error: list[ModelMissing] = field(default_factory=list)


class RasaProcess:
    """A process for models: there while any is held, and started again when it ends by itself."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._guard = threading.RLock()
        self._held: dict[int, Held] = {}
        self._asked: dict[int, Future[bytes]] = {}
        self._keeper: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process's number, None while there is none."""
        return self._process.pid if self._process and self._connection else None

    def hold(self, file: Path, database: str, *, answers: bool = True) -> Held:
        """Begin to load a model; the process that follows a broken one is told as well."""
        held = Held(Load(next(self._numbers), str(file.resolve()), database, answers))
        with self._guard:
            self._held[held.load.model] = held
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="rasa", daemon=True)
                self._keeper.start()
            elif self._connection:
                with suppress(EngineError):
                    self._tell(held.load)
        return held

    def ask(self, held: Held, turn: Turn | None, seconds: float) -> bytes:
        """What the model finds, as JSON; raises `EngineError` when it finds nothing within `seconds`."""
        if not held.loaded.is_set():
            raise held.error[0] if held.error else EngineNotReady("the model is still loading")
        number = next(self._numbers)
        return self._result(number, Ask(number, held.load.model, turn), seconds)

    def let_go(self, held: Held) -> None:
        """Have the model's turns under way finished; the process ends with its last model."""
        with self._guard:
            if self._held.pop(held.load.model, None) is None:
                return
        number, patience = next(self._numbers), STOP_SECONDS if held.loaded.is_set() else 0
        with suppress(EngineError):
            self._result(number, Drop(number, held.load.model), patience)
        held.loaded.clear()
        with self._guard:
            keeper = None if self._held else self._keeper
            if keeper and self._process:
                self._process.kill()
        if keeper:
            keeper.join(STOP_SECONDS)

    def _result(self, number: int, message: Ask | Drop, seconds: float) -> bytes:
        self._asked[number] = result = Future[bytes]()
        self._tell(message)
        try:
            return result.result(seconds)
        except FutureTimeout as error:
            raise EngineTimeout(f"no answer within {seconds:.0f} s") from error

    def _tell(self, message: Load | Ask | Drop) -> None:
        """Send it; a process that does not even take that is ended, so that another one follows."""
        with self._guard:
            try:
                if self._connection is None:
                    raise EngineNotReady("the engine's process is gone")
                self._connection.sendall(msgspec.json.encode(message) + b"\n")
            except OSError as error:
                if self._process:
                    self._process.kill()
                raise EngineNotReady("the engine's process is gone") from error

    def _keep(self) -> None:
        """Have a process while a model is held."""
        while self._is_needed():
            try:
                with self._started() as connection:
                    self._hear(connection)
            except Exception as error:
                log.error("the engine's process: %s", place(error))
            if self._held:
                log.error("the engine's process ended and is started again")
                time.sleep(PAUSE_SECONDS)

    def _is_needed(self) -> bool:
        with self._guard:
            if not self._held:
                self._keeper = None
            return bool(self._held)

    @contextmanager
    def _started(self) -> Iterator[socket.socket]:
        """A process that was told which models to load; when this is left it is gone."""
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        with ours:
            with theirs:
                command = [*COMMAND, str(theirs.fileno()), str(logging.getLogger().level)]
                process = subprocess.Popen(command, pass_fds=[theirs.fileno()])  # noqa: S603
            try:
                self._connect(process, ours)
                yield ours
            finally:
                self._disconnect()
                process.kill()
                process.wait()

    def _connect(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        with self._guard:
            self._process, self._connection = process, connection
            for held in self._held.values():
                self._tell(held.load)
            if not self._held:
                process.kill()

    def _disconnect(self) -> None:
        """Nobody answers any more; who waits is told."""
        with self._guard:
            self._connection = None
            for held in self._held.values():
                held.loaded.clear()
        while self._asked:
            _, result = self._asked.popitem()
            result.set_exception(EngineError("the engine's process ended"))

    def _hear(self, connection: socket.socket) -> None:
        """Pass on what the process tells, until it ends."""
        with suppress(OSError):
            for line in connection.makefile("rb"):
                self._take(msgspec.json.decode(line, type=Told))

    def _take(self, told: Told) -> None:
        if told.number == 0:
            self._note_loaded(told)
        elif told.error is None:
            self._asked.pop(told.number, Future()).set_result(bytes(told.found))
        else:
            self._asked.pop(told.number, Future()).set_exception(EngineError(told.error))

    def _note_loaded(self, told: Told) -> None:
        held = self._held.get(told.model)
        if held is None:
            return
        if told.error is None:
            held.loaded.set()
            held.worked.set()
        elif held.worked.is_set():
            raise EngineNotReady("a model that worked before cannot be loaded: another process may")
        else:
            held.error.append(ModelMissing(told.error, "train: sprachportal train"))


class RasaApart:
    """`Engine` with a model's file in Rasa's process; `database` is the URL for the trackers."""

    def __init__(self, model: Path, database: str, process: RasaProcess) -> None:
        self._model = model
        self._database = database
        self._process = process
        self._held: Held | None = None

    @property
    def error(self) -> EngineError | None:
        """Why there will be no answer, if the model cannot be loaded."""
        return self._held.error[0] if self._held and self._held.error else None

    def start(self) -> None:
        """Load the model in the background."""
        self._held = self._process.hold(self._model, self._database)

    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._held is not None and self._held.loaded.is_set()

    def responds(self) -> bool:
        """Whether the model is loaded and gets through its work."""
        try:
            self._ask(None, RESPONSE_SECONDS)
        except EngineError:
            return False
        return True

    def reply(self, turn: Turn, *, deadline: float) -> Answer:
        """The answer to a turn within `deadline` seconds; after it the turn goes on and its answer is kept."""
        return decode_answer(self._ask(turn, deadline))

    def stop(self) -> None:
        """Finish the turns under way, then let go of the model; one that is still loading is not waited for."""
        if self._held:
            self._process.let_go(self._held)

    def _ask(self, turn: Turn | None, seconds: float) -> bytes:
        if self._held is None:
            raise EngineNotReady("the model is still loading")
        return self._process.ask(self._held, turn, seconds)


@contextmanager
def reader_apart(model: Path, process: RasaProcess) -> Iterator[Callable[[Turn], Understood]]:
    """What a model makes of turns, in Rasa's process; raises `EngineError` when it cannot be loaded."""
    held = process.hold(model, "", answers=False)
    try:
        _wait_until_loaded(held)
        yield lambda turn: msgspec.json.decode(process.ask(held, turn, LOAD_SECONDS), type=Understood)
    finally:
        process.let_go(held)


def _wait_until_loaded(held: Held) -> None:
    end = time.monotonic() + LOAD_SECONDS
    while not held.loaded.wait(LOOK_SECONDS):
        if held.error:
            raise held.error[0]
        if time.monotonic() > end:
            raise EngineNotReady("the model was not loaded in time")
