"""The frame of all our actions: one database transaction and one `Case` per call."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.case import Case
from actions.db import session


class CaseAction(Action, ABC):
    """An action that works on a `Case`; the blocking work runs in a thread."""

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[EventType]:
        """rasa-sdk's entry: run `act` in a transaction."""
        return await asyncio.to_thread(self._run, dispatcher, tracker)

    def _run(self, dispatcher: CollectingDispatcher, tracker: Tracker) -> list[EventType]:
        with session() as opened:
            return self.act(Case(opened, tracker, dispatcher))

    @abstractmethod
    def act(self, case: Case) -> list[EventType]:
        """Say something, change something; returns events for Rasa."""
