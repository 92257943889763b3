"""The stand-ins as a server, for tests and for `sprachportal sandbox`."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType

import httpx
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from bot.messaging_settings import TemplateSettings
from bot.sandbox.accounts import Accounts
from bot.sandbox.courier import Courier, Webhook
from bot.sandbox.customer import Customer, Network
from bot.sandbox.faults import Faults, FaultSettings
from bot.sandbox.graph_api import GraphApi
from bot.sandbox.inbound import Event, batch
from bot.sandbox.messenger_rules import MessengerRules
from bot.sandbox.page import Page
from bot.sandbox.statuses import Statuses
from bot.sandbox.twilio_api import TwilioApi
from bot.sandbox.twilio_rules import TwilioRules
from bot.sandbox.whatsapp_rules import WhatsAppRules
from bot.sandbox.world import Message, Violation, World
from bot.turns import utc_now

POLL_SECONDS = 0.02
BACKLOG = 128
MOST_BYTES = 16 * 1024 * 1024
PUBLIC_URL = "https://portal.example.com"


@dataclass(frozen=True)
class Approved:
    """The approved templates with their number of variables: by ContentSid, and by name and language."""

    twilio: Mapping[str, int] = field(default_factory=dict)
    whatsapp: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, templates: Mapping[str, TemplateSettings]) -> Approved:
        """Those that the portal's settings name."""
        return cls(
            {sid: len(each.variables) for each in templates.values() for sid in each.twilio.values()},
            {
                (name, language): len(each.variables)
                for each in templates.values()
                for language, name in each.whatsapp.items()
            },
        )


class Sandbox:
    """Twilio and Meta on this machine, for a portal that calls itself `public_url` and listens at `send_to`.

    `send_to` may be set later, since a portal needs the sandbox's address first; `transport` replaces the network
    on the way to the portal. Use it as a context manager, or `start` and `stop` it. OSError when the port is taken.
    """

    def __init__(
        self,
        accounts: Accounts | None = None,
        *,
        public_url: str = PUBLIC_URL,
        send_to: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        approved: Approved = Approved(),
        faults: FaultSettings | None = None,
        clock: Callable[[], datetime] = utc_now,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.accounts = accounts or Accounts.made_up()
        self.world = World(clock)
        self.faults = Faults(faults or FaultSettings())
        self._courier = Courier(public_url, send_to or public_url, transport)
        app = Flask(__name__, static_folder=None)
        app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
        self._server = _listening(host, port, app)
        self.url = f"http://{host}:{self._server.port}"
        self._network = Network(self.world, self.accounts, self._courier, self.url)
        self._add_routes(app, approved)
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)

    def _add_routes(self, app: Flask, approved: Approved) -> None:
        world, accounts, faults = self.world, self.accounts, self.faults
        statuses = Statuses(world, accounts, self._courier, faults)
        twilio = TwilioRules(world, accounts, self._courier.public_url, approved.twilio)
        meta = (WhatsAppRules(world, approved.whatsapp), MessengerRules(world))
        app.register_blueprint(TwilioApi(world, accounts, twilio, statuses, faults).blueprint())
        app.register_blueprint(GraphApi(world, accounts, meta, statuses, faults).blueprint())
        app.register_blueprint(Page(self._network, faults).blueprint())

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, in threads of this process."""
        self._courier.start()
        self._thread.start()

    def stop(self) -> None:
        """End, with what is under way finished and what is planned forgotten."""
        self._courier.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        self._server.serve_forever(POLL_SECONDS)

    @property
    def public_url(self) -> str:
        """What the portal calls itself."""
        return self._courier.public_url

    @property
    def send_to(self) -> str:
        """Where the portal listens."""
        return self._courier.send_to

    @send_to.setter
    def send_to(self, url: str) -> None:
        self._courier.send_to = url.rstrip("/")

    def environment(self) -> dict[str, str]:
        """The settings with which the portal uses this sandbox."""
        return self.accounts.environment(self.url, self.public_url)

    def customer(self, channel: str, address: str, *, name: str = "", user_id: str = "") -> Customer:
        """A customer of the portal's channel.

        `address` is +49... for Twilio's numbers, 49... or a business-scoped id for WhatsApp, digits for Messenger;
        `user_id` is the business-scoped id of one whose number is known as well.
        """
        plain = address.lstrip("+") if channel == "whatsapp" else address
        return Customer(self._network, self.world.person(channel, plain, name, user_id))

    def send(self, *events: Event) -> int:
        """Post an event, or several of Meta's as one batch; the status of the first attempt."""
        return self._network.send(batch(events) if len(events) > 1 else events[0])

    def webhook(self, event: Event) -> Webhook:
        """The signed request that tells the portal of an event, not posted."""
        return self._network.webhook(event)

    def handshake(self, channel: str, token: str | None = None) -> httpx.Response:
        """Meta's question before it sends webhooks; 200 with the challenge is right."""
        asked = {
            "hub.mode": "subscribe",
            "hub.challenge": "1158201444",
            "hub.verify_token": self.accounts.meta_verify_token if token is None else token,
        }
        return self._courier.get(f"/webhooks/{channel}", asked)

    @property
    def messages(self) -> list[Message]:
        """What the portal sent and was accepted, in order."""
        with self.world.changed:
            return list(self.world.messages.values())

    @property
    def violations(self) -> Sequence[Violation]:
        """Requests that broke a rule, in order."""
        return tuple(self.world.violations)

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Message]:
        """All messages as soon as there are so many, or as many as there are after that time."""
        self.world.wait(lambda: len(self.world.messages) >= count, seconds)
        return self.messages

    def wait_until_told(self, seconds: float = 10.0) -> bool:
        """Wait until the portal knows all that happened: no webhook planned or under way."""
        return self._courier.idle(seconds)


def _listening(host: str, port: int, app: Flask) -> BaseWSGIServer:
    """A server on this port, or a free one for 0; OSError when it cannot be had."""
    with socket.create_server((host, port), backlog=BACKLOG) as bound:
        return make_server(host, port, app, threaded=True, request_handler=_Handler, fd=bound.fileno())


class _Handler(WSGIRequestHandler):
    """Requests are not logged: their addresses have numbers in them."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Werkzeug's hook; only to see that a request could not be read."""
        logging.getLogger(__name__).debug("%s", type)
