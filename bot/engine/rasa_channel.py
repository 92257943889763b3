"""Our input channel within a Rasa server: the same turn, the same answer as in our own process.

`credentials.yml` of the server:

    bot.engine.rasa_channel.PortalChannel:
      token: "the secret that the portal knows as RASA_TOKEN"
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.core.tracker_store import FailSafeTrackerStore
from sanic import Blueprint, HTTPResponse, Request
from sanic.response import json, raw

from bot.engine.dialogue import Dialogues
from bot.engine.embedded import keep_trackers_in
from bot.engine.server import encode_answer
from bot.turns import Turn


class PortalChannel(InputChannel):
    """Takes the portal's turns with a bearer token and answers with replies and effects."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._dialogues: WeakKeyDictionary[Agent, Dialogues] = WeakKeyDictionary()

    @classmethod
    def name(cls) -> str:
        """The channel's name, part of its path."""
        return "portal"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> PortalChannel:
        """Made from `credentials.yml`; a token is required."""
        token = (credentials or {}).get("token")
        if not token:
            raise ValueError("credentials.yml: bot.engine.rasa_channel.PortalChannel needs a token")
        return cls(str(token))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The channel's routes."""
        routes = Blueprint("portal_webhook", __name__)

        def dialogues(request: Request) -> Dialogues:
            agent = request.app.ctx.agent
            if agent not in self._dialogues:
                if isinstance(agent.tracker_store, FailSafeTrackerStore):
                    keep_trackers_in(agent, agent.tracker_store._tracker_store)
                self._dialogues[agent] = Dialogues(agent)
            return self._dialogues[agent]

        @routes.get("/webhook")
        async def ready(request: Request) -> HTTPResponse:
            if not self._is_portal(request):
                return json({"error": "unauthorized"}, 401)
            status = 200 if request.app.ctx.agent and request.app.ctx.agent.is_ready() else 503
            return json({"ready": status == 200}, status)

        @routes.post("/webhook")
        async def webhook(request: Request) -> HTTPResponse:
            if not self._is_portal(request):
                return json({"error": "unauthorized"}, 401)
            turn = msgspec.json.decode(request.body, type=Turn)
            return raw(encode_answer(await dialogues(request).answer(turn)), content_type="application/json")

        return routes

    def _is_portal(self, request: Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self._token.encode())
