"""The dialogue's YAML files with the lines in which things stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("de", "en")
NOTICES = "utter_notice_"
# Responses that only ever go out in writing: about photos and files, and what is sent unasked.
WRITTEN_ONLY = ("utter_media_", NOTICES)


@dataclass(frozen=True)
class Finding:
    """Something wrong; `where` is the file with the line and the thing in it, `todo` what to do.

    A hint is worth a look, but nothing is broken.
    """

    where: str
    what: str
    todo: str
    is_hint: bool = False


class UnreadableError(Exception):
    """A file is no YAML."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.where)
        self.finding = finding


@dataclass(frozen=True)
class Source:
    """A YAML file: its content as data, and as nodes that know their lines."""

    file: Path
    data: dict[str, Any]
    node: yaml.Node | None

    def where(self, *keys: str | int, name: str = "") -> str:
        """`file:line: name` of what is found by these keys, as far as they lead; the last key is the name."""
        line = _line(self.node, keys) if self.node else 1
        return f"{self.file}:{line}: {name or (keys[-1] if keys else '')}".rstrip(": ")

    def lines(self, *keys: str | int) -> int:
        """The line in which the block text below these keys begins."""
        return (_line(self.node, keys) if self.node else 0) + 1

    def responses(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Names and variants of the file's responses."""
        yield from (self.data.get("responses") or {}).items()

    def doubles(self, *keys: str) -> Iterator[tuple[str, int]]:
        """Names that stand twice in the mapping below these keys, with the later line; YAML forgets the earlier."""
        node: yaml.Node | None = self.node
        for key in keys:
            node = _child(node, key)
        seen: set[str] = set()
        for name, _ in node.value if isinstance(node, yaml.MappingNode) else []:
            if name.value in seen:
                yield name.value, name.start_mark.line + 1
            seen.add(name.value)


def read_folder(folder: Path, pattern: str = "*.yml") -> list[Source]:
    """The folder's YAML files by name; raises `UnreadableError`."""
    return [_read(file) for file in sorted(folder.glob(pattern))]


def _read(file: Path) -> Source:
    try:
        loader = yaml.CSafeLoader(file.read_text("utf-8"))
        node = loader.get_single_node()
        data = loader.construct_document(node) if node else {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnreadableError(_unreadable(file, error)) from error
    if not isinstance(data, dict):
        raise UnreadableError(Finding(f"{file}:1", "this is no mapping of names", "begin with `version:`"))
    return Source(file, data, node)


def _unreadable(file: Path, error: Exception) -> Finding:
    mark = getattr(error, "problem_mark", None)
    where = f"{file}:{mark.line + 1}" if mark else str(file)
    return Finding(where, "this is no valid YAML", str(getattr(error, "problem", "")) or "look at this line")


def _line(node: yaml.Node | None, keys: tuple[str | int, ...]) -> int:
    """The line of the last of these keys that is there, from 1."""
    line = node.start_mark.line + 1 if node else 1
    for key in keys:
        name = _key(node, key)
        node = _child(node, key)
        if node is None:
            return line
        line = (name or node).start_mark.line + 1
    return line


def _key(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((name for name, _ in pairs if name.value == key), None)


def _child(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
        return node.value[key] if key < len(node.value) else None
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def names_of(entries: list[Any] | None) -> Iterator[str]:
    """The names in a list such as `intents`, whose entries are names or mappings with one."""
    for entry in entries or []:
        yield entry if isinstance(entry, str) else next(iter(entry))


def language_of(variant: dict[str, Any]) -> str | None:
    """The language that a response's variant is for."""
    for condition in variant.get("condition") or []:
        if condition.get("name") == "language":
            return str(condition["value"])
    return None
