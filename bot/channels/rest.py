"""Rasa's REST format with a bearer token: `POST /webhooks/rest/webhook`.

Asks `{"sender", "message", "metadata"}`, answers a list of `{"recipient_id", "text", "buttons", "image", "attachment"}`
and `{"recipient_id", "custom"}` for effects. `message_id` (ours) makes a repeated request safe. A request holds its
thread until the answer is there; so that a slow engine leaves threads to the other channels, only some wait at once.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Request, Response

from bot.channels.base import json_answer, json_body, require_bearer
from bot.conversation import Conversations
from bot.errors import BadRequest
from bot.inbox_store import Received
from bot.turns import Incoming, Intent, clean_text

LONGEST_NAME = 200
LONGEST_ID = 180


class RestRequest(msgspec.Struct):
    """One request; `metadata.language` may be one of the portal's languages."""

    sender: str
    message: str
    message_id: str | None = None
    metadata: dict[str, Any] | None = None


class Rest:
    """The REST channel; `token` is the shared secret, `waiting_at_most` how many requests wait for answers at once.

    `languages` are those that may be hinted; the first one is spoken without a hint.
    """

    name = "rest"

    def __init__(
        self, conversations: Conversations, *, token: str, languages: Sequence[str], waiting_at_most: int
    ) -> None:
        self._conversations = conversations
        self._token = token
        self._languages = languages
        self._places = threading.BoundedSemaphore(waiting_at_most)

    def webhook(self, request: Request) -> Response:
        """One turn in, its answer out."""
        require_bearer(request, self._token)
        asked = _checked(json_body(request, RestRequest))
        if not self._conversations.engine.ready():
            raise _not_ready("the assistant is still starting")
        if not self._places.acquire(blocking=False):
            raise _not_ready("too many requests wait for an answer")
        try:
            return json_answer(self._turn(asked))
        finally:
            self._places.release()

    def _turn(self, asked: RestRequest) -> list[dict[str, Any]]:
        received = self._receive(asked)
        self._conversations.handle(received.conversation)
        if self._conversations.store.state_of(received.turn_id) == "waiting":
            raise _not_ready("the message is kept; ask again with its message_id for the answer")
        return self._answer(asked.sender, received)

    def _receive(self, asked: RestRequest) -> Received:
        store = self._conversations.store
        conversation = store.latest_conversation(self.name, asked.sender)
        incoming = Incoming(
            channel=self.name,
            address=asked.sender,
            provider_id=_provider_id(asked),
            text=asked.message,
            intent=self._offered(conversation, asked.message),
            conversation=conversation,
        )
        return self._conversations.receive(incoming, language=self._hint(asked))

    def _offered(self, conversation: str | None, message: str) -> Intent | None:
        if conversation is None or not message.startswith("/"):
            return None
        return self._conversations.choices.given(conversation, message)

    def _hint(self, asked: RestRequest) -> str:
        hint = (asked.metadata or {}).get("language")
        return next((language for language in self._languages if language == hint), self._languages[0])

    def _answer(self, sender: str, received: Received) -> list[dict[str, Any]]:
        replies, effects = self._conversations.store.answer_to(received.turn_id)
        said: list[dict[str, Any]] = []
        for reply in replies:
            attachment = {name: part for name, part in (("link", reply.link), ("location", reply.location)) if part}
            parts = {"text": reply.text, "buttons": reply.choices, "image": reply.image, "attachment": attachment}
            said.append({"recipient_id": sender, **{name: part for name, part in parts.items() if part}})
        return said + [{"recipient_id": sender, "custom": {effect.name: effect.data}} for effect in effects]


def _checked(asked: RestRequest) -> RestRequest:
    if not _is_plain(asked.sender, LONGEST_NAME):
        raise BadRequest(f"sender must be a plain name of 1 to {LONGEST_NAME} characters", code="wrong_sender")
    if asked.message_id is not None and not _is_plain(asked.message_id, LONGEST_ID):
        raise BadRequest(f"message_id must have 1 to {LONGEST_ID} plain characters", code="wrong_message_id")
    if not clean_text(asked.message):
        raise BadRequest("message is empty", code="empty_message")
    return asked


def _is_plain(name: str, longest: int) -> bool:
    return 0 < len(name) <= longest and clean_text(name) == name


def _provider_id(asked: RestRequest) -> str:
    """The turn's id within the channel: no two pairs of sender and id have the same."""
    pair = [asked.sender, asked.message_id or uuid.uuid4().hex]
    return hashlib.sha256(msgspec.json.encode(pair)).hexdigest()


def _not_ready(what: str) -> BadRequest:
    return BadRequest(what, status=503, code="not_ready")
