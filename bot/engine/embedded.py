"""Rasa inside this process: the model is loaded once, turns run on one event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.engine.quick_domain import prepare_loading
from bot.errors import EngineError, EngineNotReady, ModelMissing
from bot.logs import place
from bot.turns import Answer, Turn

if TYPE_CHECKING:
    from rasa.core.agent import Agent

    from bot.engine.dialogue import Dialogues

log = logging.getLogger(__name__)
STOP_SECONDS = 10
ActionRunner = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class EmbeddedRasa:
    """Rasa's agent with `model`, a file; `run_action` runs one custom action call, `database` keeps the trackers.

    `loaded` is set when the model is loaded, or cannot be: then `error` says why.
    """

    def __init__(self, model: Path, run_action: ActionRunner, database: str) -> None:
        self._model = model
        self._run_action = run_action
        self._database = database
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rasa", daemon=True)
        self._dialogues: Dialogues | None = None
        self.loaded = threading.Event()
        self.error: EngineError | None = None

    def start(self) -> None:
        """Load the model in the background."""
        self._thread.start()
        self._loop.call_soon_threadsafe(self._load)

    def begin(self, turn: Turn | None) -> Future[Answer]:
        """The answer to come, for a loaded model; None asks for a sign of life. Any thread may call this."""
        if self._dialogues is None:
            raise self.error or EngineNotReady("the model is still loading")
        work = self._dialogues.answer(turn) if turn else _nothing()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """Finish the turns under way, then stop the loop; a model that is still loading is not waited for."""
        if not self._thread.is_alive():
            return
        if self._dialogues is not None:
            with suppress(FutureTimeout):
                asyncio.run_coroutine_threadsafe(_finish_tasks(), self._loop).result(STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1)
        if not self._thread.is_alive():
            self._loop.close()

    def _load(self) -> None:
        try:
            agent = load_agent(self._model, self._run_action, self._database)
        except Exception as error:
            log.error("the model %s cannot be loaded: %s", self._model.name, place(error))
            self.error = ModelMissing(f"the model {self._model.name} cannot be loaded", "train: sprachportal train")
        else:
            from bot.engine.dialogue import Dialogues

            self._dialogues = Dialogues(agent)
        self.loaded.set()


def load_agent(model: Path, run_action: ActionRunner, database: str) -> Agent:
    """Rasa's agent with our tracker store and our actions; raises when the model cannot be used."""
    prepare_loading(model)
    from rasa.core.agent import Agent
    from rasa.utils.endpoints import EndpointConfig

    from bot.engine.lean import make_lean
    from bot.engine.tracker_store import PortalTrackerStore

    make_lean()

    class InProcessActions(EndpointConfig):
        """An action endpoint that runs the action here instead of calling a server."""

        async def request(self, *_: Any, json: Any = None, **__: Any) -> Any:
            return await run_action(json)

    agent = Agent.load(str(model), action_endpoint=InProcessActions("http://in-process"))
    keep_trackers_in(agent, PortalTrackerStore(agent.domain, url=database))
    return agent


def keep_trackers_in(agent: Agent, store: Any) -> None:
    """Use this tracker store alone: Rasa would fall back to memory when the database fails, and forget."""
    agent.tracker_store = store
    if agent.processor is not None:
        agent.processor.tracker_store = store


async def _nothing() -> Answer:
    return Answer()


async def _finish_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
    if others:
        await asyncio.wait(others, timeout=8)
