"""The web chat: the page, its visits, turns in, answers by server-sent events.

A visitor is known by a signed token that names the visit's conversation; it cannot be guessed or
forged. Turns are written to the inbox and answered by a job; the answer reaches the page by its
event stream, or by asking for new entries.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Request, Response, request, send_from_directory
from itsdangerous import BadData, URLSafeTimedSerializer

from bot.channels.base import bearer, json_answer, json_body
from bot.channels.forms import map_url
from bot.channels.limits import Allowance, Places, client_of
from bot.conversation import Conversations
from bot.errors import BadRequest, Unauthorized
from bot.jobs import Jobs
from bot.settings import Settings
from bot.store import Entry
from bot.turns import Incoming, Intent, Location, clean_text

STATIC = Path(__file__).parent / "static" / "chat"
STREAM_SECONDS = 240
HEARTBEAT_SECONDS = 15
LONGEST_ID = 64
PORTALS_ID = "portal:started"
NO_VISIT = "the visit is unknown or over; begin a new one"
TOO_MANY = "utter_error_too_many"


class VisitRequest(msgspec.Struct):
    """Begin or take up a visit."""

    language: str = "de"
    new: bool = False


class ChosenRequest(msgspec.Struct):
    """A pressed choice: the bot's entry and which of its choices, from 0."""

    entry: str
    index: int


class TurnRequest(msgspec.Struct):
    """What the customer wrote or chose; `id` is the page's own, so that sending again is safe."""

    id: str
    text: str | None = None
    choice: ChosenRequest | None = None


@dataclass(frozen=True)
class Visit:
    """A visitor in a conversation."""

    visitor: str
    conversation: str


class WebChat:
    """The web chat's page and API."""

    name = "web"

    def __init__(self, conversations: Conversations, jobs: Jobs, settings: Settings) -> None:
        self._conversations = conversations
        self._store = conversations.store
        self._jobs = jobs
        self._settings = settings
        self._signer = URLSafeTimedSerializer(settings.secret_key, salt="web-chat-visit")
        limits = settings.portal.web_chat
        self._visits = Allowance(at_once=limits.visits_at_once, per_minute=limits.visits_per_minute)
        self._turns = Allowance(at_once=limits.turns_at_once, per_minute=limits.turns_per_minute)
        self._streams = Places(at_most=settings.portal.server.streams_at_most, for_each=limits.streams_per_visitor)

    def blueprint(self) -> Blueprint:
        """The routes below `/chat`."""
        routes = Blueprint("chat", __name__)
        routes.get("/chat")(self.page)
        routes.get("/chat/widget.js")(self.widget)
        routes.get("/chat/static/<path:name>")(self.static_file)
        routes.post("/chat/api/visits")(self.open_visit)
        routes.post("/chat/api/turns")(self.take_turn)
        routes.get("/chat/api/entries")(self.list_entries)
        routes.get("/chat/api/events")(self.stream)
        return routes

    def page(self) -> Response:
        """The chat window."""
        answer = send_from_directory(STATIC, "chat.html")
        ancestors = " ".join(self._settings.portal.web_chat.frame_ancestors)
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'self'; img-src 'self' https: data:; frame-ancestors {ancestors}"
        )
        return answer

    def widget(self) -> Response:
        """The script that a company puts on its own site."""
        answer = send_from_directory(STATIC, "widget.js")
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer

    def static_file(self, name: str) -> Response:
        """The page's parts."""
        return send_from_directory(STATIC, name)

    def open_visit(self) -> Response:
        """A visit with its entries so far; the old one goes on if its token is good."""
        asked = json_body(request, VisitRequest)
        language = (
            asked.language if asked.language in self._settings.portal.languages else self._settings.portal.languages[0]
        )
        visit = self._old_visit(request)
        fresh = visit is None or asked.new
        if visit is None or asked.new:
            if not self._visits.take(client_of(request.remote_addr)):
                raise BadRequest(self._conversations.texts.say(TOO_MANY, language), status=429, code="too_many")
            visit = self._new_visit(visit.visitor if visit else uuid.uuid4().hex, language)
        return json_answer(self._visit_data(visit), 201 if fresh else 200)

    def take_turn(self) -> Response:
        """Write a turn to the inbox and have it answered; what is refused is told in the visit's language."""
        visit = self._visit(request)
        try:
            return self._take_turn(visit)
        except BadRequest as error:
            error.what = self._in_words(visit, error)
            raise

    def _take_turn(self, visit: Visit) -> Response:
        if not self._turns.take(visit.visitor):
            raise BadRequest("too many messages", status=429, code="too_many")
        asked = json_body(request, TurnRequest)
        if not 0 < len(asked.id) <= LONGEST_ID or ":" in asked.id or clean_text(asked.id) != asked.id:
            raise BadRequest(f"id must have 1 to {LONGEST_ID} plain characters and no colon", code="wrong_id")
        text, intent = self._said(visit, asked)
        received = self._conversations.receive(self._incoming(visit, asked.id, text, intent))
        self._conversations.bell.ring(visit.conversation)
        self._jobs.wake(visit.conversation)
        return json_answer({"id": asked.id, "seq": received.seq}, 202 if received.fresh else 200)

    def list_entries(self) -> Response:
        """The entries after `after`."""
        visit = self._visit(request)
        after = _number(request.args.get("after"))
        return json_answer({"entries": self._entries(visit, after), "typing": self._typing(visit)})

    def stream(self) -> Response:
        """New entries as server-sent events; 503 when too many streams are open."""
        visit = self._visit(request)
        if not self._streams.take(visit.visitor):
            raise BadRequest("too many open streams; ask for entries instead", status=503, code="no_stream")
        events = self._events(visit, _number(request.headers.get("Last-Event-ID")))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        answer = Response(events, content_type="text/event-stream", headers=headers)
        answer.call_on_close(lambda: self._streams.give_back(visit.visitor))
        return answer

    def _events(self, visit: Visit, after: int) -> Iterator[str]:
        yield "retry: 1000\n\n"
        bell, seen, typing, language = self._conversations.bell, -1, False, ""
        end = time.monotonic() + STREAM_SECONDS
        while time.monotonic() < end:
            for entry in self._entries(visit, after):
                after = max(after, entry["seq"])
                yield _event("entry", entry, after)
            now_typing = self._typing(visit)
            if now_typing != typing:
                typing = now_typing
                yield _event("typing", {"on": typing})
            now_language = self._store.language(visit.conversation)[0]
            if now_language != language:
                yield _event("language", {"language": now_language})
            language = now_language
            before = seen
            seen = bell.wait(visit.conversation, seen, HEARTBEAT_SECONDS)
            if bell.closed:
                return
            if seen == before:
                yield ": still here\n\n"

    def _old_visit(self, asked: Request) -> Visit | None:
        try:
            return self._visit(asked)
        except Unauthorized:
            return None

    def _visit(self, asked: Request) -> Visit:
        try:
            days = self._settings.portal.web_chat.visit_days
            visit = Visit(*self._signer.loads(bearer(asked), max_age=days * 86400))
        except (BadData, TypeError, ValueError) as error:
            raise Unauthorized(NO_VISIT) from error
        if not self._store.has_conversation(visit.conversation):
            raise Unauthorized(NO_VISIT)
        return visit

    def _new_visit(self, visitor: str, language: str) -> Visit:
        conversation = self._store.open_conversation(self.name, visitor, language)
        visit = Visit(visitor, conversation)
        self._conversations.receive(self._incoming(visit, PORTALS_ID, "", Intent("conversation_started")))
        self._jobs.wake(conversation)
        return visit

    def _visit_data(self, visit: Visit) -> dict[str, Any]:
        return {
            "token": self._signer.dumps([visit.visitor, visit.conversation]),
            "conversation": visit.conversation,
            "language": self._store.language(visit.conversation)[0],
            "company": self._settings.portal.company.name,
            "entries": self._entries(visit, 0),
        }

    def _incoming(self, visit: Visit, own_id: str, text: str, intent: Intent | None) -> Incoming:
        return Incoming(
            channel=self.name,
            address=visit.visitor,
            provider_id=f"{visit.conversation}:{own_id}",
            text=text,
            intent=intent,
            conversation=visit.conversation,
        )

    def _said(self, visit: Visit, asked: TurnRequest) -> tuple[str, Intent | None]:
        if asked.choice:
            pressed = self._conversations.choices.pressed(visit.conversation, asked.choice.entry, asked.choice.index)
            if pressed is None:
                raise BadRequest("this choice was not offered", code="not_offered")
            choice, intent = pressed
            return choice.title, intent
        if not clean_text(asked.text or ""):
            raise BadRequest("the message is empty", code="empty_message")
        return asked.text or "", None

    def _in_words(self, visit: Visit, error: BadRequest) -> str:
        try:
            language = self._store.language(visit.conversation)[0]
            return self._conversations.texts.say(f"utter_error_{error.code}", language)
        except KeyError:
            return error.what

    def _entries(self, visit: Visit, after: int) -> list[dict[str, Any]]:
        return [_entry_data(entry) for entry in self._store.entries(visit.conversation, after)]

    def _typing(self, visit: Visit) -> bool:
        return self._store.waiting_count(visit.conversation) > 0


def _entry_data(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "who": entry.who,
        "id": entry.id,
        "text": entry.text,
        "choices": [{"title": choice.title} for choice in entry.choices],
        "image": entry.image,
        "link": {"title": entry.link.title, "url": entry.link.url} if entry.link else None,
        "location": _place_data(entry.location) if entry.location else None,
        "language": entry.language,
        "at": entry.at.isoformat(),
    }


def _place_data(location: Location) -> dict[str, Any]:
    return {**asdict(location), "url": map_url(location)}


def _event(name: str, data: Any, number: int | None = None) -> str:
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n"


def _number(given: str | None) -> int:
    return int(given) if given and given.isascii() and given.isdecimal() and len(given) < 12 else 0
