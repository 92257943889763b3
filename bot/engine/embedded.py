"""Rasa inside our process: the model is loaded once, turns run on one event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import EngineError, EngineNotReady, EngineTimeout, ModelMissing
from bot.nlu.without_tensorflow import keep_out_tensorflow, needs_tensorflow
from bot.turns import Answer, Turn

if TYPE_CHECKING:
    from rasa.core.agent import Agent

log = logging.getLogger(__name__)
ActionRunner = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class EmbeddedRasa:
    """`Engine` with Rasa's agent in this process.

    `model` is the model file; `run_action` runs one custom action call; `database` is the URL for the trackers.
    """

    def __init__(self, model: Path, run_action: ActionRunner, database: str) -> None:
        self._model = model
        self._run_action = run_action
        self._database = database
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rasa", daemon=True)
        self._agent: Agent | None = None
        self._running: dict[str, Future[Answer]] = {}
        self._guard = threading.Lock()
        self.error: EngineError | None = None

    def start(self) -> None:
        """Load the model in the background."""
        self._thread.start()
        self._loop.call_soon_threadsafe(self._load)

    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._agent is not None

    def reply(self, turn: Turn, *, deadline: float) -> Answer:
        """The answer to a turn within `deadline` seconds; after it the turn goes on and its answer is kept."""
        if self._agent is None:
            raise self.error or EngineNotReady("the model is still loading")
        try:
            return self._run(self._agent, turn).result(deadline)
        except FutureTimeout as error:
            raise EngineTimeout(f"no answer within {deadline:.0f} s") from error
        except Exception as error:
            raise EngineError(f"{type(error).__name__} in Rasa") from error

    def _run(self, agent: Agent, turn: Turn) -> Future[Answer]:
        """The turn's run; the one under way if it is asked for again after a time-out."""
        from bot.engine.dialogue import answer_turn

        with self._guard:
            if turn.id not in self._running:
                running = asyncio.run_coroutine_threadsafe(answer_turn(agent, turn), self._loop)
                self._running[turn.id] = running
                running.add_done_callback(lambda _: self._running.pop(turn.id, None))
            return self._running[turn.id]

    def stop(self) -> None:
        """Finish the turns under way, then stop the loop."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(_finish_tasks(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)

    def _load(self) -> None:
        try:
            self._agent = load_agent(self._model, self._run_action, self._database)
        except Exception as error:
            log.error("the model %s cannot be loaded: %s", self._model.name, type(error).__name__, exc_info=True)
            self.error = ModelMissing(f"the model {self._model.name} cannot be loaded", "train: sprachportal train")


def load_agent(model: Path, run_action: ActionRunner, database: str) -> Agent:
    """Rasa's agent with our tracker store and our actions; raises when the model cannot be used."""
    if not needs_tensorflow(model):
        keep_out_tensorflow()
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


async def _finish_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
    if others:
        await asyncio.wait(others, timeout=8)
