"""The factory: wires settings, store, engine and channels into one Flask application.

There is one route for all webhooks; a channel whose secret is missing has no webhook.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import Protocol

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from bot import metrics
from bot.channels.base import error_answer, json_answer
from bot.channels.rest import Rest
from bot.channels.web import WebChat
from bot.conversation import Conversations
from bot.errors import BadRequest, StoreError
from bot.jobs import Jobs
from bot.logs import place
from bot.messengers import Messengers, add_messengers, build_messengers
from bot.settings import Settings
from voice.channel import Voice

log = logging.getLogger(__name__)
MOST_BYTES = 256 * 1024


class WebhookChannel(Protocol):
    """A channel with a webhook; it verifies before it reads."""

    name: str

    def webhook(self, request: Request) -> Response:
        """One delivery in, its answer out."""


@dataclass(frozen=True)
class Portal:
    """The application and what must be started and stopped with it."""

    app: Flask
    conversations: Conversations
    messengers: Messengers

    def start(self) -> None:
        """Begin to load the engine and to answer turns."""
        self.conversations.engine.start()
        self.messengers.jobs.start()

    def stop(self) -> None:
        """Let streams go, finish the turns under way, stop the engine."""
        self.conversations.bell.close()
        self.messengers.jobs.stop()
        self.conversations.engine.stop()


def create_app(settings: Settings, conversations: Conversations, *, works: bool = True) -> Portal:
    """The whole portal around its conversations; `works`: this process answers and delivers as well."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    messengers = build_messengers(settings, conversations, works=works)
    jobs = messengers.jobs
    channels = {channel.name: channel for channel in _webhook_channels(settings, conversations)}
    app.register_blueprint(WebChat(conversations, jobs, settings).blueprint())
    _add_webhooks(app, channels)
    add_messengers(app, messengers)
    _add_voice(app, Voice(conversations, jobs.wake, settings) if settings.phone_is_on else None)
    _add_health(app, conversations, jobs)
    _add_errors(app)
    _trust_proxies(app, settings.portal.server.trusted_proxies)
    return Portal(app, conversations, messengers)


def _webhook_channels(settings: Settings, conversations: Conversations) -> list[WebhookChannel]:
    channels: list[WebhookChannel] = []
    if settings.rest_token:
        languages, at_most = settings.portal.languages, settings.portal.server.rest_at_most
        channels.append(Rest(conversations, token=settings.rest_token, languages=languages, waiting_at_most=at_most))
    else:
        log.info("channel rest is off: SPRACHPORTAL_REST_TOKEN is not set")
    return channels


def _add_webhooks(app: Flask, channels: dict[str, WebhookChannel]) -> None:
    @app.post("/webhooks/<name>/webhook")
    def webhook(name: str) -> Response:
        if name not in channels:
            raise BadRequest("there is no such channel, or it is off", status=404, code="no_channel")
        return channels[name].webhook(request)


def _add_voice(app: Flask, voice: Voice | None) -> None:
    if voice is None:
        log.info("channel voice is off: TWILIO_AUTH_TOKEN or SPRACHPORTAL_PUBLIC_URL is not set")
        return

    @app.post("/webhooks/voice")
    def call() -> Response:
        return voice.webhook(request)

    @app.post("/webhooks/voice/status")
    def call_status() -> Response:
        return voice.status(request)


def _add_health(app: Flask, conversations: Conversations, jobs: Jobs) -> None:
    @app.get("/healthz")
    def alive() -> Response:
        return json_answer({"alive": True})

    @app.get("/readyz")
    def ready() -> Response:
        if not conversations.engine.responds():
            return json_answer({"ready": False, "waiting_for": "engine"}, 503)
        if not jobs.alive():
            return json_answer({"ready": False, "waiting_for": "inbox"}, 503)
        try:
            conversations.store.check()
        except StoreError:
            return json_answer({"ready": False, "waiting_for": "database"}, 503)
        return json_answer({"ready": True})

    @app.get("/metrics")
    def figures() -> Response:
        return Response(metrics.page(), content_type="text/plain; version=0.0.4")


def _trust_proxies(app: Flask, count: int) -> None:
    """Clients' addresses as the nearest `count` proxies tell them; nothing else of what they say counts."""
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=0, x_host=0)  # type: ignore[method-assign]


def _add_errors(app: Flask) -> None:
    @app.errorhandler(BadRequest)
    def refused(error: BadRequest) -> Response:
        return error_answer(error)

    @app.errorhandler(StoreError)
    def store_is_gone(error: StoreError) -> Response:
        log.error("store: %s", error.what)
        return error_answer(BadRequest("please try again in a moment", status=503, code="not_ready"))

    @app.errorhandler(HTTPException)
    def not_served(error: HTTPException) -> Response:
        answer = json_answer(
            {"error": {"code": (error.name or "error").lower().replace(" ", "_"), "message": error.name}}
        )
        answer.status_code = error.code or 500
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            answer.headers["Allow"] = ", ".join(allowed)
        return answer

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        number = uuid.uuid4().hex[:12]
        log.error("request %s: %s", number, place(error))
        return json_answer({"error": {"code": "internal", "message": f"something went wrong ({number})"}}, 500)

    @app.after_request
    def finish(answer: Response) -> Response:
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        answer.headers.setdefault("Referrer-Policy", "no-referrer")
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        metrics.REQUESTS.labels(request.url_rule.rule if request.url_rule else "none", answer.status_code).inc()
        return answer
