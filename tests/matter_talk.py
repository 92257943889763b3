"""A talk with the real actions: what Rasa does between them by our rules, without a model.

The customer's intents and entities are given; the words that come back are those of `bot/domain`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from actions.executor import in_process
from actions.form import FORM
from actions.matter import MATTERS

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "bot" / "demo" / "nordwind.yml"
TODAY = date(2026, 11, 23)


def _domain() -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for file in sorted((ROOT / "bot" / "domain").glob("*.yml")):
        responses.update(yaml.safe_load(file.read_text("utf-8")).get("responses") or {})
    return responses


RESPONSES = _domain()


@dataclass
class Talk:
    """One conversation. `said` is what the last turn was answered with, `buttons` title to payload, `effects` all."""

    language: str = "de"
    now: str = f"{TODAY}T09:00:00+01:00"
    sender: str = "talk"
    phone_hint: str | None = None
    said: str = ""
    buttons: dict[str, str] = field(default_factory=dict)
    effects: list[dict[str, Any]] = field(default_factory=list)
    _slots: dict[str, Any] = field(default_factory=dict)
    _events: list[dict[str, Any]] = field(default_factory=list)
    _form: bool = False
    _turns: int = 0

    def __post_init__(self) -> None:
        self._run = in_process()
        self._slots["language"] = self.language

    def turn(self, intent: str, text: str = "", **entities: str) -> str:
        """One turn of the customer's; the joined words of the answer."""
        self._turns += 1
        found = [{"entity": name, "value": value} for name, value in entities.items()]
        metadata = {"now": self.now, "phone_hint": self.phone_hint, "language": self.language}
        self._message = {
            "text": text or f"/{intent}",
            "intent": {"name": intent, "confidence": 1.0},
            "entities": found,
            "metadata": metadata,
        }
        turn = {"event": "user", "message_id": f"{self.sender}-{self._turns}"}
        self._events.append(turn | {"text": self._message["text"], "parse_data": self._message})
        self.said, self.buttons = "", {}
        for action in self._steps(intent):
            self._call(action)
        return self.said

    def press(self, title: str) -> str:
        """Press a button of the last answer."""
        intent, brace, data = self.buttons[title].removeprefix("/").partition("{")
        return self.turn(intent, **json.loads(brace + data or "{}"))

    def slot(self, name: str) -> Any:
        """A slot as it is now."""
        return self._slots.get(name)

    def _steps(self, intent: str) -> Iterator[str]:
        step = FORM if self._form or intent in MATTERS else f"action_{intent}"
        while step not in ("", "action_listen"):
            if step != FORM:
                self._followup = ""
                yield step
                step = self._followup
                continue
            if not self._form:
                self._activate(FORM)
            yield "validate_matter_form"
            if self._slots.get("requested_slot") is not None:
                return
            self._activate(None)
            step = "action_do_matter"

    def _activate(self, form: str | None) -> None:
        self._form = form is not None
        self._events.append({"event": "active_loop", "name": form})

    def _call(self, action: str) -> None:
        tracker = {
            "sender_id": self.sender,
            "slots": self._slots,
            "latest_message": self._message,
            "events": self._events,
            "active_loop": {"name": FORM} if self._form else {},
        }
        answer = asyncio.run(self._answer({"next_action": action, "tracker": tracker, "domain": {}}))
        for event in answer["events"]:
            if event["event"] == "slot":
                self._slots[event["name"]] = event["value"]
            elif event["event"] == "followup":
                self._followup = event["name"]
        for message in answer["responses"]:
            self._hear(message)
        name = FORM if action == "validate_matter_form" else action
        self._events.append({"event": "action", "name": name})

    async def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        return await self._run(call)

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("custom"):
            self.effects.append(message["custom"])
            return
        response = next(r for r in RESPONSES[message["response"]] if _fits(r, self._slots["language"]))
        buttons = [(b["title"], b["payload"].format()) for b in response.get("buttons") or []]
        buttons += [(b["title"], b["payload"]) for b in message.get("buttons") or []]
        self.buttons = dict(buttons) or self.buttons
        self.said = f"{self.said} {response['text'].format_map(message)}".strip()


def _fits(response: dict[str, Any], language: str) -> bool:
    return "channel" not in response and response["condition"][0]["value"] == language
