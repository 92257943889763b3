"""What the portal itself says: responses of `bot/domain`, read without Rasa.

Used when the engine cannot speak, so that even an apology stands in the domain, in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.turns import Choice
from bot.yaml12 import FILES, read_yaml

DOMAIN = Path(__file__).parent / "domain"


class Texts:
    """Responses by name and language; `channel` variants come first for that channel."""

    def __init__(self, responses: Mapping[str, list[dict[str, Any]]]) -> None:
        self._responses = responses

    @classmethod
    def load(cls, domain: Path = DOMAIN) -> Texts:
        """All responses below a domain folder."""
        responses: dict[str, list[dict[str, Any]]] = {}
        for file in sorted(domain.glob(FILES)):
            responses.update(read_yaml(file.read_text("utf-8")).get("responses") or {})
        return cls(responses)

    def say(self, name: str, language: str, *, channel: str | None = None) -> str:
        """The text of a response; KeyError when it is not there in this language."""
        return str(self._variant(name, language, channel)["text"])

    def choices(self, name: str, language: str) -> tuple[Choice, ...]:
        """The buttons of a response."""
        buttons = self._variant(name, language, None).get("buttons") or []
        return tuple(Choice(b["title"], b["payload"].replace("{{", "{").replace("}}", "}")) for b in buttons)

    def has(self, name: str) -> bool:
        """Whether there is such a response."""
        return name in self._responses

    def _variant(self, name: str, language: str, channel: str | None) -> dict[str, Any]:
        fitting = [v for v in self._responses[name] if _language(v) == language and v.get("channel") in (None, channel)]
        if not fitting:
            raise KeyError(f"{name} in {language}")
        return max(fitting, key=lambda variant: variant.get("channel") is not None)


def _language(variant: Mapping[str, Any]) -> str | None:
    for condition in variant.get("condition") or []:
        if condition.get("name") == "language":
            return str(condition["value"])
    return None
