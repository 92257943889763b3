"""The examples in `nlu_data`: a sentence is added as one line, everything else in the file stays byte for byte."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.mistakes.store import MistakeError
from bot.nlu.text import fold
from bot.validation.examples import Example, read_examples
from bot.validation.names import ANNOTATION
from bot.validation.shapes import EXAMPLES
from bot.validation.source import UnreadableError, read_folder
from bot.yaml12 import FILES, read_yaml

FOLDER = Path("nlu_data")
NAME = re.compile(r"[a-z][a-z0-9_]*")
BLOCK = ("- intent: {intent}", "  examples: |", "    - {text}")
FIRST_BLOCK = re.compile(r"^(?P<indent> *)- intent:", re.MULTILINE)
SENTENCE = re.compile(r"^(?P<indent> +)- .*?(?=\r?$)", re.MULTILINE)
MARK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")


@dataclass(frozen=True)
class Added:
    """What was put into a file, and where a person finds it."""

    file: Path
    line: int
    intent: str
    text: str
    inserted: str


class Examples:
    """The examples below a folder, in files named `<topic>.<language>.yml`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._read_at: list[tuple[Path, int, int]] = []
        self._known: list[Example] = []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the examples meanwhile; raises `MistakeError` when there are none."""
        if not self._folder.is_dir():
            raise MistakeError(f"there is no {self._folder} in this folder", "go to the project's folder, which has it")
        opened = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield
        finally:
            os.close(opened)

    def all(self) -> list[Example]:
        """The examples as they are now, read anew only when a file changed; raises `MistakeError` for broken YAML."""
        stats = [(file, file.stat()) for file in sorted(self._folder.glob(FILES))]
        present = [(file, stat.st_mtime_ns, stat.st_ino) for file, stat in stats]
        if present != self._read_at:
            try:
                self._known = read_examples(read_folder(self._folder, EXAMPLES))
            except UnreadableError as error:
                raise MistakeError(error.what, error.todo) from error
            self._read_at = present
        return self._known

    def topics(self) -> list[str]:
        """The topics that there are files for."""
        return sorted({file.name.partition(".")[0] for file in self._folder.glob(FILES)})

    def intents(self) -> dict[str, str]:
        """The intents that have examples, and the topic each belongs to."""
        return {example.intent: Path(example.where).name.partition(".")[0] for example in self.all()}

    def marked(self) -> set[str]:
        """The entities that are marked in any example."""
        found = (ANNOTATION.findall(example.text) for example in self.all())
        return {one or other for pairs in found for one, other in pairs}

    def find(self, text: str) -> Example | None:
        """The example with the same words."""
        wanted = _key(text)
        return next((example for example in self.all() if _key(example.text) == wanted), None)

    def add(self, text: str, intent: str, language: str, topic: str | None = None) -> Added:
        """Put a sentence after the last one of an intent; a new intent needs a `topic` and stands at the file's end.

        Raises `MistakeError` when there is no such intent, or the file is written in another way.
        """
        topic = topic or self.intents().get(intent)
        if topic is None:
            raise MistakeError(f"there is no intent {intent}", "choose one of nlu_data, or make a new one")
        file = self._folder / f"{topic}.{language}.yml"
        if not file.is_file():
            raise MistakeError(f"there is no file {file}", f"topics are: {', '.join(self.topics())}")
        before = file.read_bytes().decode()
        at, inserted = _insertion(before, intent, text)
        after = before[:at] + inserted + before[at:]
        if not _is_only_added(before, after, intent, text):
            raise MistakeError(f"{file} is written in another way", f"add the sentence to {intent} by hand")
        _write(file, after)
        return Added(file, after.count("\n", 0, at + len(inserted)) + 1, intent, text, inserted)

    def remove(self, added: Added) -> None:
        """Take out again what was added; raises `MistakeError` when it was changed since."""
        content = added.file.read_bytes().decode()
        before, found, after = content.rpartition(added.inserted)
        if not found or after[:1] not in ("", "\r", "\n"):
            raise MistakeError(f"the sentence was changed in {added.file}", "look at it: git diff nlu_data")
        _write(added.file, before + after)


def require_new_name(name: str, known: dict[str, str]) -> None:
    """Raises `MistakeError` when an intent cannot have this name."""
    if not NAME.fullmatch(name):
        raise MistakeError(
            f"{name!r} is no name for an intent", "use small letters, digits and _, such as ask_gift_wrap"
        )
    if name in known:
        raise MistakeError(f"the intent {name} is there already", "choose it instead of making it")


def _key(text: str) -> str:
    plain = MARK.sub(r"\1", text)
    return fold(plain) or plain


def _insertion(content: str, intent: str, text: str) -> tuple[int, str]:
    """Where in a file a sentence goes, and what is put there."""
    end = "\r\n" if "\r\n" in content else "\n"
    begins = re.search(rf"^(?P<indent> *)- intent: *{intent} *\r?$", content, re.MULTILINE)
    if begins is None:
        first = FIRST_BLOCK.search(content)
        lines = [(first["indent"] if first else "") + line.format(intent=intent, text=text) for line in BLOCK]
        return len(content.rstrip("\r\n")), "".join(end + line for line in lines)
    over = re.compile(rf"^ {{0,{len(begins['indent'])}}}\S", re.MULTILINE).search(content, begins.end())
    sentences = list(SENTENCE.finditer(content, begins.end(), over.start() if over else len(content)))
    if not sentences:
        raise MistakeError(f"{intent} has no examples to add to", "add the first one by hand")
    return sentences[-1].end(), f"{end}{sentences[-1]['indent']}- {text}"


def _is_only_added(before: str, after: str, intent: str, text: str) -> bool:
    """Whether YAML reads the changed file as the old one with this sentence, so that an odd style is noticed."""
    try:
        expected, found = _lines_by_block(before), _lines_by_block(after)
    except yaml.YAMLError:
        return False
    expected.setdefault(f"intent {intent}", []).append(f"- {text}")
    return found == expected


def _lines_by_block(content: str) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for block in read_yaml(content)["nlu"]:
        named = next((f"{kind} {name}" for kind, name in block.items() if kind != "examples"), "")
        lines.setdefault(named, []).extend(str(block.get("examples", "")).splitlines())
    return lines


def _write(file: Path, content: str) -> None:
    """Replace a file at once, so that nobody reads half of it."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_bytes(content.encode())
    shutil.copymode(file, fresh)
    fresh.replace(file)
