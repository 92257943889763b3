"""What an action knows of the conversation, and what it says and changes.

A `Case` is made anew for each action call from Rasa's tracker. Actions read it, say responses of
`bot/domain` through it and set slots; `events()` gives Rasa what happened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from actions.models import Company, utc_now

PLACEHOLDER_SIGNS = re.compile(r"[{}\[\]]")
KEPT = ("reference", "customer")
THE_COMPANY = 1
OUR_NUMBERS = ("order_number", "invoice_number", "customer_number")


@dataclass(frozen=True)
class Button:
    """A choice: what the customer reads, and the intent with data it stands for."""

    title: str
    payload: str


@dataclass
class Case:
    """One action call: this turn, the slots, the shop's data, and what comes of it.

    Slots: `matter` is the intent that is being served, `answers` what its needs got, `need` the one
    that is asked for, `opening` the words it began with, `heard` the entity values nobody has used
    yet. `understood` says that this turn answered something, `progress` that the answer was good.
    `reference` and `customer` outlive the matter, so that nothing is asked twice.
    """

    session: Session
    tracker: Tracker
    dispatcher: CollectingDispatcher
    changed: dict[str, Any] = field(default_factory=dict)
    understood: bool = False
    progress: bool = False

    @property
    def conversation(self) -> str:
        """The conversation's id."""
        return str(self.tracker.sender_id)

    @property
    def message(self) -> dict[str, Any]:
        """The customer's latest turn, as Rasa understood it."""
        return self.tracker.latest_message or {}

    @property
    def intent(self) -> str:
        """The latest turn's intent."""
        return str((self.message.get("intent") or {}).get("name") or "")

    @property
    def confidence(self) -> float:
        """How sure the model is of the intent, 0 to 1."""
        return float((self.message.get("intent") or {}).get("confidence") or 0.0)

    @property
    def text(self) -> str:
        """The latest turn's words; empty for structured turns such as a pressed button."""
        said = str(self.message.get("text") or "")
        return "" if said.startswith("/") else said

    @property
    def metadata(self) -> dict[str, Any]:
        """What the portal told about the turn: `language`, `channel`, `phone_hint`, `now`."""
        return self.message.get("metadata") or {}

    @property
    def turn_id(self) -> str:
        """The portal's id of the turn, the same however often it comes."""
        for event in reversed(self.tracker.events):
            if event.get("event") == "user":
                return str(event.get("message_id") or event.get("timestamp"))
        return ""

    @property
    def language(self) -> str:
        """`de` or `en`."""
        return str(self.slot("language") or "de")

    @property
    def company(self) -> Company:
        """The company this assistant speaks for."""
        return self.session.get_one(Company, THE_COMPANY)

    @property
    def now(self) -> datetime:
        """The present moment in the company's time zone."""
        zone = ZoneInfo(self.company.timezone)
        if given := self.metadata.get("now"):
            return datetime.fromisoformat(given).astimezone(zone)
        return utc_now().astimezone(zone)

    def slot(self, name: str) -> Any:
        """A slot's value, as this call has changed it."""
        return self.changed.get(name, self.tracker.get_slot(name))

    def set(self, name: str, value: Any) -> None:
        """Change a slot."""
        self.changed[name] = value

    def get(self, need: str) -> Any:
        """What a need got so far, None when it is open."""
        return self.slot(need) if need in KEPT else (self.slot("answers") or {}).get(need)

    def put(self, need: str, value: Any) -> None:
        """Keep what a need got; None opens it again."""
        if need in KEPT:
            self.set(need, value)
        else:
            self.set("answers", {**(self.slot("answers") or {}), need: value})

    def asked_for(self, need: str) -> bool:
        """Whether the customer was just asked for this need."""
        return bool(self.slot("need") == need)

    @property
    def heard(self) -> dict[str, str]:
        """Entity values of this matter that are still unused."""
        return dict(self.slot("heard") or {})

    def listen(self) -> None:
        """Add this turn's entities to what was heard; a later value replaces an earlier one."""
        fresh = {str(e["entity"]): str(e["value"]) for e in self.message.get("entities") or []}
        if fresh:
            self.set("heard", {**self.heard, **fresh})

    def names_a_number(self) -> bool:
        """Whether this turn brings a number of ours."""
        return any(found["entity"] in OUR_NUMBERS for found in self.message.get("entities") or [])

    def take(self, *entities: str) -> str | None:
        """The first of these entities that was heard; it counts as used from now on."""
        heard = self.heard
        for entity in entities:
            if entity in heard:
                value = heard.pop(entity)
                self.set("heard", heard)
                return value
        return None

    def say(self, response: str, buttons: list[Button] | None = None, **values: Any) -> None:
        """Say a response of `bot/domain`, with its placeholders filled.

        Braces and brackets are taken out of values: Rasa's templates would read them.
        """
        clean = {name: PLACEHOLDER_SIGNS.sub("", str(value)) for name, value in values.items()}
        choices = [{"title": b.title, "payload": b.payload} for b in buttons or []]
        self.dispatcher.utter_message(response=response, buttons=choices, **clean)

    def effect(self, **effect: dict[str, Any]) -> None:
        """Ask the portal to do something, such as `effect(handoff={"reason": "complaint"})`."""
        self.dispatcher.utter_message(json_message=effect)

    def tell_phone(self, **effect: dict[str, Any]) -> None:
        """Tell the telephone what it needs to listen well; other channels are told nothing."""
        if self.metadata.get("channel") == "voice":
            self.effect(**effect)

    def events(self) -> list[EventType]:
        """The slots that have another value now, for Rasa; each event costs time in every later turn."""
        changed = {name: value for name, value in self.changed.items() if value != self.tracker.get_slot(name)}
        return [SlotSet(name, value) for name, value in changed.items()]
