"""The dialogue's YAML files with the lines in which things stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bot.errors import PortalError
from bot.validation.shapes import ANY, Keys, Shape, misfits
from bot.yaml12 import FILES, Yaml12

LANGUAGES = ("de", "en")
NOTICES = "utter_notice_"
# Responses that only ever go out in writing: about photos and files, and what is sent unasked.
WRITTEN_ONLY = ("utter_media_", NOTICES)
MAPPING: Shape = {ANY: object}


@dataclass(frozen=True)
class Finding:
    """Something wrong; `where` is the file with the line and the thing in it, `todo` what to do.

    A hint is worth a look, but nothing is broken.
    """

    where: str
    what: str
    todo: str
    is_hint: bool = False


class UnreadableError(PortalError):
    """Files cannot be read, are no YAML, or have another shape: says file and line."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = findings[0]
        super().__init__(f"{first.where}: {first.what}", first.todo)
        self.findings = findings


class Place(NamedTuple):
    """Files that are written alike: their folder, names and shape."""

    folder: Path
    shape: Shape
    pattern: str = FILES


@dataclass(frozen=True)
class Source:
    """A YAML file: its content as data, and as nodes that know their lines."""

    file: Path
    data: Any
    node: yaml.Node | None

    def where(self, *keys: str | int, name: str = "") -> str:
        """`file:line: name` of what is found by these keys, as far as they lead; the last name is the name."""
        line = _line(self.node, keys) if self.node else 1
        return f"{self.file}:{line}: {name or _last_name(keys)}".rstrip(": ")

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


def read_folder(folder: Path, shape: Shape = MAPPING) -> list[Source]:
    """The folder's YAML files by name; raises `UnreadableError`."""
    (sources,) = read_places(Place(folder, shape))
    return sources


def read_places(*places: Place) -> list[list[Source]]:
    """The files of each place by name; raises `UnreadableError` with what is wrong in any of them."""
    findings: list[Finding] = []
    sources: list[list[Source]] = [[] for _ in places]
    for place, read in zip(places, sources, strict=True):
        for file in sorted(place.folder.glob(place.pattern)):
            try:
                read.append(read_file(file, place.shape))
            except UnreadableError as error:
                findings += error.findings
    if findings:
        raise UnreadableError(findings)
    return sources


def read_file(file: Path, shape: Shape) -> Source:
    """A file of this shape; raises `UnreadableError`."""
    try:
        loader = Yaml12(file.read_text("utf-8"))
        node = loader.get_single_node()
        data = loader.construct_document(node) if node else {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UnreadableError([_unreadable(file, error)]) from error
    source = Source(file, data, node)
    wrong = misfits(data, shape)
    if findings := [Finding(source.where(*keys), what, todo) for keys, what, todo in wrong]:
        raise UnreadableError(findings)
    return source


def _unreadable(file: Path, error: Exception) -> Finding:
    if isinstance(error, OSError):
        return Finding(str(file), f"it cannot be read: {error.strerror}", "bring it back from git")
    mark = getattr(error, "problem_mark", None)
    where = f"{file}:{mark.line + 1}" if mark else str(file)
    return Finding(where, "this is no valid YAML", str(getattr(error, "problem", "") or error) or "look at this line")


def _last_name(keys: Keys) -> str:
    return next((key for key in reversed(keys) if isinstance(key, str)), "")


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


def language_of(variant: Mapping[str, Any]) -> str | None:
    """The language that a response's variant is for."""
    for condition in variant.get("condition") or []:
        if condition.get("name") == "language":
            return str(condition.get("value"))
    return None
