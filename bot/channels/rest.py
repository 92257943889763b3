"""Rasa's REST format with a bearer token: `POST /webhooks/rest/webhook`.

Asks `{"sender", "message", "metadata"}`, answers a list of `{"recipient_id", "text", "buttons", "image"}`
and `{"recipient_id", "custom"}` for effects. `message_id` (ours) makes a repeated request safe.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from flask import Request, Response

from bot.channels.base import json_answer, json_body, require_bearer
from bot.conversation import Conversations
from bot.errors import BadRequest
from bot.store import Received
from bot.turns import Incoming, Intent, clean_text, read_payload

LONGEST_NAME = 200


class RestRequest(msgspec.Struct):
    """One request; `metadata.language` may be de or en."""

    sender: str
    message: str
    message_id: str | None = None
    metadata: dict[str, Any] | None = None


class Rest:
    """The REST channel; `token` is the shared secret."""

    name = "rest"

    def __init__(self, conversations: Conversations, *, token: str, language: str) -> None:
        self._conversations = conversations
        self._token = token
        self._language = language

    def webhook(self, request: Request) -> Response:
        """One turn in, its answer out."""
        require_bearer(request, self._token)
        asked = _checked(json_body(request, RestRequest))
        if not self._conversations.engine.ready():
            raise BadRequest("the assistant is still starting", status=503, code="not_ready")
        received = self._receive(asked)
        self._conversations.handle(received.conversation)
        return json_answer(self._answer(asked.sender, received))

    def _receive(self, asked: RestRequest) -> Received:
        store = self._conversations.store
        conversation = store.latest_conversation(self.name, asked.sender)
        incoming = Incoming(
            channel=self.name,
            address=asked.sender,
            provider_id=f"{asked.sender}:{asked.message_id or uuid.uuid4().hex}",
            text=asked.message,
            intent=self._offered(conversation, asked.message),
            conversation=conversation,
        )
        return self._conversations.receive(incoming, language=self._hint(asked))

    def _offered(self, conversation: str | None, message: str) -> Intent | None:
        if conversation is None or not message.startswith("/"):
            return None
        choice = self._conversations.chosen(conversation, message)
        return read_payload(choice.payload) if choice else None

    def _hint(self, asked: RestRequest) -> str:
        hint = (asked.metadata or {}).get("language")
        return hint if hint in ("de", "en") else self._language

    def _answer(self, sender: str, received: Received) -> list[dict[str, Any]]:
        replies, effects = self._conversations.store.answer_to(received.turn_id)
        said: list[dict[str, Any]] = []
        for reply in replies:
            parts = {"text": reply.text, "buttons": reply.choices, "image": reply.image}
            said.append({"recipient_id": sender, **{name: part for name, part in parts.items() if part}})
        return said + [{"recipient_id": sender, "custom": {effect.name: effect.data}} for effect in effects]


def _checked(asked: RestRequest) -> RestRequest:
    if not 0 < len(asked.sender) <= LONGEST_NAME or clean_text(asked.sender) != asked.sender.strip():
        raise BadRequest("sender must be a plain name of 1 to 200 characters", code="wrong_sender")
    if asked.message_id is not None and not 0 < len(asked.message_id) <= LONGEST_NAME - 20:
        raise BadRequest("message_id must have 1 to 180 characters", code="wrong_message_id")
    if not clean_text(asked.message):
        raise BadRequest("message is empty", code="empty_message")
    return asked
