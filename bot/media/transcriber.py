"""The hook for speech recognition: a function of the company's that makes text of voice notes.

`def transcribe(file: Path, media_type: str, language: str) -> str | None`, named in `portal.yml` as
`messaging.media.transcriber: package.module:function`.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from bot.errors import SettingsError
from bot.media.time_limit import Deadline, within
from bot.turns import clean_text

log = logging.getLogger(__name__)
AT_ONCE = 4
TODO = "correct messaging.media.transcriber in portal.yml: package.module:function (see docs/messengers.md)"

Transcribe = Callable[[Path, str, str], str | None]


class Transcriber:
    """Runs the function in threads of its own; whatever it does, it costs no more than the given time."""

    def __init__(self, transcribe: Transcribe, *, at_once: int = AT_ONCE) -> None:
        self._transcribe = transcribe
        self._places = threading.BoundedSemaphore(at_once)

    def text(self, file: Path, media_type: str, language: str, *, seconds: float) -> str:
        """What is said in the file, made harmless; empty when the function fails, gives nothing, or is late."""
        deadline = Deadline(seconds)
        if not self._places.acquire(timeout=seconds):
            log.warning("the transcriber is busy")
            return ""
        try:
            said = within(deadline.left(), lambda: self._run(file, media_type, language))
        except (Exception, SystemExit) as error:
            log.warning("the transcriber failed: %s", type(error).__name__)
            return ""
        return clean_text(said) if isinstance(said, str) else ""

    def _run(self, file: Path, media_type: str, language: str) -> str | None:
        try:
            return self._transcribe(file, media_type, language)
        finally:
            self._places.release()


def load_transcriber(name: str) -> Transcriber | None:
    """The transcriber of this name, None without a name; raises `SettingsError` when it cannot be used."""
    if not name:
        return None
    module, _, function = name.partition(":")
    if not module or not function:
        raise SettingsError(f"the transcriber {name!r} is no package.module:function", TODO)
    try:
        found = getattr(importlib.import_module(module), function)
        inspect.signature(found).bind(Path(), "audio/ogg", "de")
    except Exception as error:
        raise SettingsError(f"the transcriber {name!r} cannot be used: {type(error).__name__}", TODO) from error
    return Transcriber(found)
