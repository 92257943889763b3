"""A conversation with our actions: the executor's real calls, Rasa's form loop played, texts from the domain."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from actions.executor import ActionRunner, in_process
from actions.load import load
from bot.nlu.values import extract

ROOT = Path(__file__).parent.parent
TODAY = date(2026, 11, 23)
NOW = "2026-11-23T09:00:00+01:00"
FORM = "matter_form"


def fresh_shop(folder: Path) -> str:
    """The URL of a new database with the demo company, loaded on Monday, 23 November 2026."""
    url = f"sqlite:///{folder / 'shop.db'}"
    load(ROOT / "bot" / "demo" / "nordwind.yml", url, TODAY)
    return url


@lru_cache(maxsize=1)
def responses() -> dict[str, list[dict[str, Any]]]:
    """Every response of the domain."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in (ROOT / "bot" / "domain").glob("*.yml"):
        found |= yaml.safe_load(path.read_text(encoding="utf-8")).get("responses") or {}
    return found


@lru_cache(maxsize=1)
def runner() -> ActionRunner:
    """Our actions behind rasa-sdk's executor."""
    return in_process()


@dataclass
class Talk:
    """One conversation; `say` and `press` give what is replied, in one text."""

    language: str = "de"
    hint: str | None = None
    slots: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)
    buttons: dict[str, str] = field(default_factory=dict)
    active: bool = False

    def say(self, intent: str, text: str) -> str:
        """Words with the intent they are understood as; values are found by the real extractor."""
        found = extract(text, language=self.language, today=TODAY)
        return self._turn(
            intent, text, [{k: getattr(f, k) for k in ("entity", "value", "start", "end")} for f in found]
        )

    def press(self, title: str) -> str:
        """A button of the last replies."""
        intent, brace, data = self.buttons[title].removeprefix("/").partition("{")
        values = json.loads(brace + data) if data else {}
        return self._turn(intent, f"/{intent}", [{"entity": k, "value": v} for k, v in values.items()])

    def _turn(self, intent: str, text: str, entities: list[dict[str, Any]]) -> str:
        parsed = {"intent": {"name": intent, "confidence": 0.95}, "entities": entities, "text": text}
        parsed["metadata"] = {"now": NOW, "language": self.language, "phone_hint": self.hint}
        event = {
            "event": "user",
            "text": text,
            "parse_data": parsed,
            "message_id": f"turn-{len(self.events)}",
        }
        self.events.append(event)
        self.buttons, said = {}, []
        for action in self._steps():
            said += self._call(action, parsed)
        return "\n".join(said)

    def _steps(self) -> Iterator[str]:
        """The form until it asks or has all, then what it was for, then a matter that was left."""
        while True:
            yield f"validate_{FORM}"
            self.active = self.slots.get("requested_slot") is not None
            if self.active:
                return
            yield "action_do_matter"
            if self.slots.get("matter") is None:
                return

    def _call(self, action: str, parsed: dict[str, Any]) -> list[str]:
        tracker = {
            "sender_id": "talk", "slots": {"language": self.language, **self.slots}, "latest_message": parsed,
            "events": self.events, "active_loop": {"name": FORM} if self.active else {}, "paused": False,
            "latest_action_name": None, "latest_input_channel": None, "followup_action": None,
        }  # fmt: skip
        call = {"next_action": action, "sender_id": "talk", "tracker": tracker, "domain": {}}
        answer = asyncio.run(runner()(call))
        for event in answer["events"]:
            if event["event"] == "slot":
                self.slots[event["name"]] = event["value"]
        self.events.append({"event": "action", "name": action})
        return [text for response in answer["responses"] if (text := self._spoken(response))]

    def _spoken(self, response: dict[str, Any]) -> str | None:
        if response.get("custom"):
            self.effects.append(response["custom"])
            return None
        variants = responses()[response["response"]]
        chosen = next(
            v for v in variants if v["condition"][0]["value"] == self.language and "channel" not in v
        )
        for button in [*response["buttons"], *chosen.get("buttons", [])]:
            self.buttons[button["title"]] = button["payload"].replace("{{", "{").replace("}}", "}")
        return str(chosen["text"]).format(**{k: v for k, v in response.items() if k != "text"})
