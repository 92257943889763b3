"""The conversations of `tests/e2e`, with file and line where they cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bot.dialogues import Dialogue, load_dialogues
from bot.validation.shapes import DIALOGUES
from bot.validation.source import Finding, UnreadableError, read_file
from bot.yaml12 import FILES

CONVERSATIONS = Path("tests/e2e")
PATH = re.compile(r" - at `\$(?P<keys>\S*)`$")
KEY = re.compile(r"\[(\d+)\]|\.(\w+)")


def read_dialogues(folder: Path = CONVERSATIONS) -> list[Dialogue]:
    """The conversations of a folder; raises `UnreadableError`."""
    dialogues, findings = list[Dialogue](), list[Finding]()
    for file in sorted(folder.glob(FILES)):
        try:
            dialogues += _read(file)
        except UnreadableError as error:
            findings += error.findings
    if findings:
        raise UnreadableError(findings)
    return dialogues


def check_conversations(folder: Path) -> Iterator[Finding]:
    """What `sprachportal test` could not read."""
    try:
        read_dialogues(folder)
    except UnreadableError as error:
        yield from error.findings


def _read(file: Path) -> list[Dialogue]:
    source = read_file(file, DIALOGUES)
    try:
        return load_dialogues(file)
    except msgspec.MsgspecError as error:
        path = PATH.search(str(error))
        keys = [int(number) if number else name for number, name in KEY.findall(path["keys"])] if path else []
        what = PATH.sub("", str(error))
        finding = Finding(source.where(*keys), what, "correct the conversation; the others show the form")
        raise UnreadableError([finding]) from error
