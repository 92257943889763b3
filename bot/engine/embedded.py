"""Rasa inside our process: the model is loaded once, turns run on one event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import EngineError, EngineNotReady, EngineTimeout, ModelMissing
from bot.logs import place
from bot.nlu.without_tensorflow import keep_out_tensorflow, needs_tensorflow
from bot.turns import Answer, Turn

if TYPE_CHECKING:
    from rasa.core.agent import Agent

    from bot.engine.dialogue import Dialogues

log = logging.getLogger(__name__)
RESPONSE_SECONDS = 2
STOP_SECONDS = 10
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
        self._dialogues: Dialogues | None = None
        self.error: EngineError | None = None

    def start(self) -> None:
        """Load the model in the background."""
        self._thread.start()
        self._loop.call_soon_threadsafe(self._load)

    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._dialogues is not None

    def responds(self) -> bool:
        """Whether the model is loaded and its event loop gets through its work."""
        if self._dialogues is None:
            return False
        try:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(RESPONSE_SECONDS)
        except FutureTimeout:
            return False
        return True

    def reply(self, turn: Turn, *, deadline: float) -> Answer:
        """The answer to a turn within `deadline` seconds; after it the turn goes on and its answer is kept."""
        if self._dialogues is None:
            raise self.error or EngineNotReady("the model is still loading")
        future = asyncio.run_coroutine_threadsafe(self._dialogues.answer(turn), self._loop)
        try:
            return future.result(deadline)
        except FutureTimeout as error:
            raise EngineTimeout(f"no answer within {deadline:.0f} s") from error
        except Exception as error:
            raise EngineError(place(error)) from error

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
            return
        from bot.engine.dialogue import Dialogues

        self._dialogues = Dialogues(agent)


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
