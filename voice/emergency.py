"""What a caller hears when a step of the call breaks: words that are ready since the start, and a way out.

It is the human's number, if there is one and it was not just dialled, and then the step that takes down a callback.
When that breaks as well, the call ends with a word on what to do.
"""

from __future__ import annotations

from voice.script import Heard, Script
from voice.twiml import Dial, End, Move, Wait, render


class Emergency:
    """Answers with no text, database or engine at hand; raises KeyError at the start when a text is missing."""

    def __init__(self, script: Script) -> None:
        language, settings = script.portal.languages[0], script.settings
        human, self._speakers = settings.human_number, settings.speakers
        sorry, nobody, later, goodbye, connecting = (
            script.say(f"utter_voice_{name}", language)
            for name in ("problem", "nobody", "call_later", "goodbye", "connecting")
        )
        self._wait: Move = Wait([sorry])
        self._way_out: Move = Dial([sorry, connecting], human, settings.ring_seconds) if human else self._wait
        self._farewell = render(End([nobody, later] if human else [later]), self._speakers, "")
        self._goodbye = render(End([goodbye]), self._speakers, "")
        self.answer(Heard(), "/")

    def answer(self, heard: Heard, way_out_url: str) -> str:
        """TwiML for a step that broke; `way_out_url` is empty when this was the way out itself."""
        if heard.was_connected:
            return self._goodbye
        if not way_out_url:
            return self._farewell
        return render(self._wait if heard.dial_status else self._way_out, self._speakers, way_out_url)
