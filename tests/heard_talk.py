"""A talk whose values are found in the words by the real kit; questions in between leave the form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from actions.form import ONLY_DATA
from actions.matter import MATTERS
from bot.nlu.values import extract
from tests.matter_talk import Talk


class HeardTalk(Talk):
    """Say a sentence with its intent; its entities are found in the words."""

    def _steps(self, intent: str) -> Iterator[str]:
        text = self._message["text"]
        if not text.startswith("/"):
            found = extract(text, language=self.language, today=date.fromisoformat(self.now[:10]))
            self._message["entities"] = [
                {"entity": f.entity, "value": f.value, "start": f.start, "end": f.end} for f in found
            ]
        if self._form and intent not in MATTERS and intent not in ONLY_DATA:
            yield f"action_{intent}"
            self._form = self._slots.get("requested_slot") is not None
            return
        yield from super()._steps(intent)
