"""All our actions behind rasa-sdk's executor, for the embedded engine and for an action server."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Callable, Coroutine
from typing import Any

from rasa_sdk.events import ActiveLoop, SlotSet
from rasa_sdk.executor import ActionExecutor

import actions

log = logging.getLogger(__name__)
LEAVE_FORM = [
    *(SlotSet(slot, None) for slot in ("matter", "need", "requested_slot")),
    ActiveLoop(None),
]
ActionRunner = Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]


def load_topics() -> None:
    """Import every module of the package, so that matters and actions are known."""
    for module in pkgutil.iter_modules(actions.__path__):
        if not module.ispkg and module.name != "server":
            importlib.import_module(f"actions.{module.name}")


def in_process() -> ActionRunner:
    """A function that runs one action call of Rasa's and gives its answer."""
    load_topics()
    executor = ActionExecutor()
    executor.register_package("actions")

    async def run(call: dict[str, Any]) -> dict[str, Any]:
        try:
            return await executor.run(call) or {"events": [], "responses": []}  # type: ignore[arg-type]
        except Exception as error:
            log.error("action %s failed: %s", call.get("next_action"), type(error).__name__)
            return {"events": LEAVE_FORM, "responses": [{"response": "utter_technical_problem"}]}

    return run
