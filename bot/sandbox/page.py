"""What the sandbox shows besides the providers' APIs: its page, what it kept, its faults, and customers to play."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Response, request, send_from_directory

from bot.channels.base import error_answer, json_answer, json_body
from bot.errors import BadRequest
from bot.sandbox.customer import Customer, Network
from bot.sandbox.faults import Faults, FaultSettings
from bot.sandbox.inbound import BUSINESS_SCOPED
from bot.sandbox.twilio_rules import E164, PAGE_SCOPED, segments
from bot.sandbox.world import PROVIDERS, Message, Person, Uttered, Violation

STATIC = Path(__file__).parent / "static"
WAIT_SECONDS = 20.0
LONGEST_TEXT = 4096
MOST_SHOWN = 200


class CustomerRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A customer to play."""

    channel: str
    address: str


class DeedRequest(CustomerRequest):
    """What a customer does: `kind` is text, press, photo, voice, place, stop or day (a day passes).

    To press, `message` is the sid and `option` the index, from 0.
    """

    kind: str = "text"
    text: str = ""
    message: str = ""
    option: int = 0


class Page:
    """The page and its API; `/sandbox/*` is for programs too."""

    def __init__(self, network: Network, faults: Faults) -> None:
        self._network = network
        self._world = network.world
        self._faults = faults

    def blueprint(self) -> Blueprint:
        """The routes `/` and below `/sandbox`."""
        routes = Blueprint("sandbox", __name__)
        routes.get("/")(self.page)
        routes.get("/sandbox/static/<path:name>")(self.static_file)
        routes.get("/sandbox/files/<name>")(self.file)
        routes.get("/sandbox/messages")(self.list_messages)
        routes.get("/sandbox/violations")(self.list_violations)
        routes.get("/sandbox/faults")(self.tell_faults)
        routes.post("/sandbox/faults")(self.set_faults)
        routes.get("/sandbox/state")(self.state)
        routes.post("/sandbox/customers")(self.open_customer)
        routes.post("/sandbox/deeds")(self.do)
        routes.post("/sandbox/forget")(self.forget)
        routes.register_error_handler(BadRequest, error_answer)
        return routes

    def page(self) -> Response:
        """The customers' telephones."""
        answer = send_from_directory(STATIC, "sandbox.html")
        answer.headers["Content-Security-Policy"] = (
            "default-src 'self'; img-src 'self' data: https: http:; frame-ancestors 'none'"
        )
        return answer

    def static_file(self, name: str) -> Response:
        """The page's parts."""
        return send_from_directory(STATIC, name)

    def file(self, name: str) -> Response:
        """A customer's file, where Twilio and Messenger say that it lies."""
        medium = self._world.media.get(name)
        if medium is None:
            raise BadRequest("there is no such file", status=404, code="no_file")
        return Response(medium.data, content_type=medium.media_type)

    def list_messages(self) -> Response:
        """What the portal sent and was accepted, in order."""
        with self._world.changed:
            messages = list(self._world.messages.values())
        return json_answer([_record(message) for message in messages])

    def list_violations(self) -> Response:
        """Requests that broke a rule, in order."""
        return json_answer([_violation(each) for each in self._world.violations])

    def tell_faults(self) -> Response:
        """The faults that are set, and how often each kind happened."""
        settings = msgspec.to_builtins(self._faults.settings)
        return json_answer({"settings": settings, "counts": dict(self._faults.counts)})

    def set_faults(self) -> Response:
        """Set the faults; what is not named gets its default."""
        self._faults.set(json_body(request, FaultSettings))
        self._world.touch()
        return self.tell_faults()

    def forget(self) -> Response:
        """Begin anew."""
        json_body(request, dict)
        self._world.forget()
        return json_answer({})

    def open_customer(self) -> Response:
        """A customer, known or new."""
        self._customer(json_body(request, CustomerRequest))
        self._world.touch()
        return json_answer({}, 201)

    def do(self) -> Response:
        """Let a customer do something."""
        asked = json_body(request, DeedRequest)
        customer = self._customer(asked)
        deeds: dict[str, Callable[[], object]] = {
            "text": lambda: customer.says(_text(asked.text)),
            "press": lambda: self._press(customer, asked),
            "photo": customer.sends_photo,
            "voice": customer.sends_voice_note,
            "place": customer.shares_place,
            "stop": customer.stops,
            "day": lambda: customer.stays_silent(hours=24),
        }
        if asked.kind not in deeds:
            raise BadRequest(f"kind must be {', '.join(deeds)}", code="wrong_kind")
        deeds[asked.kind]()
        return json_answer({})

    def state(self) -> Response:
        """All customers and violations, as soon as something changed after `version`."""
        seen = request.args.get("version", "-1")
        version = int(seen) if seen.isascii() and seen.isdecimal() else -1
        self._world.wait(lambda: self._world.version != version, WAIT_SECONDS)
        with self._world.changed:
            people = list({id(person): person for person in self._world.people.values()}.values())
            return json_answer(
                {
                    "version": self._world.version,
                    "customers": [self._person(person) for person in people[-MOST_SHOWN:]],
                    "violations": [_violation(each) for each in self._world.violations[-MOST_SHOWN:]],
                    "faults": msgspec.to_builtins(self._faults.settings),
                }
            )

    def _customer(self, asked: CustomerRequest) -> Customer:
        if asked.channel not in PROVIDERS:
            raise BadRequest(f"channel must be {', '.join(PROVIDERS)}", code="wrong_channel")
        address = asked.address.replace(" ", "")
        if asked.channel == "whatsapp":
            fits = E164.fullmatch(f"+{address.lstrip('+')}") or BUSINESS_SCOPED.fullmatch(address)
            address = address.lstrip("+")
        elif asked.channel in ("messenger", "twilio_messenger"):
            fits = PAGE_SCOPED.fullmatch(address)
        else:
            fits = E164.fullmatch(address)
        if not fits:
            raise BadRequest("the address does not fit the channel", code="wrong_address")
        return Customer(self._network, self._world.person(asked.channel, address))

    def _press(self, customer: Customer, asked: DeedRequest) -> None:
        message = self._world.messages.get(asked.message)
        options = message.shown.options if message else ()
        if message is None or not 0 <= asked.option < len(options):
            raise BadRequest("there is no such option", code="no_option")
        customer.chooses(message, options[asked.option])

    def _person(self, person: Person) -> dict[str, Any]:
        return {
            "channel": person.channel,
            "address": person.address,
            "typing": person.typing_until > time.monotonic(),
            "opted_out": person.opted_out,
            "window": self._world.window_is_open(person),
            "line": [_entry(each) for each in person.line[-MOST_SHOWN:]],
        }


def _text(text: str) -> str:
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise BadRequest(f"text must have 1 to {LONGEST_TEXT} characters", code="wrong_text")
    return text


def _entry(each: Message | Uttered) -> dict[str, Any]:
    if isinstance(each, Uttered):
        return {"who": "customer", **msgspec.to_builtins(each)}
    parts = segments(each.shown.text) if each.channel == "sms" else 0
    return {
        "who": "portal",
        "id": each.sid,
        "at": each.at.isoformat(),
        "shown": msgspec.to_builtins(each.shown),
        "states": each.states,
        "error": each.error,
        "segments": parts,
    }


def _record(message: Message) -> dict[str, Any]:
    return {"provider": message.provider, **msgspec.to_builtins(message)}


def _violation(violation: Violation) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(violation)
    return found
