"""A talk whose values are found in the words by the real kit; questions in between leave the form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from bot.nlu.values import extract
from tests.matter_talk import Talk


class HeardTalk(Talk):
    """Say a sentence with its intent; its entities are found in the words."""

    def _steps(self, intent: str) -> Iterator[str]:
        text = str(self._message["text"])
        if not text.startswith("/"):
            found = extract(text, language=self.language, today=date.fromisoformat(self.now[:10]))
            self._message["entities"] = [
                {"entity": f.entity, "value": f.value, "start": f.start, "end": f.end} for f in found
            ]
        yield from super()._steps(intent) if not self._form else self._steps_in_form(intent)

    def _steps_in_form(self, intent: str) -> Iterator[str]:
        yield "validate_matter_form"
        if self._left_to_rule:
            yield f"action_{intent}"
            self._form = self._slots.get("requested_slot") is not None
        elif self._slots.get("requested_slot") is None:
            self._activate(None)
            self._followup = "action_do_matter"
            while self._followup not in ("", "action_listen"):
                step, self._followup = self._followup, ""
                yield step

    async def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        answer = await super()._answer(call)
        self._left_to_rule = not answer["events"]
        return answer
