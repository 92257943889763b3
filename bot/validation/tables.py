"""Tables of test sentences: tab-separated files with a head, each line complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bot.errors import PortalError

LANGUAGES, CHANNELS = ("de", "en"), ("chat", "voice")
ALLOWED: Mapping[str, Sequence[str]] = {"language": LANGUAGES, "channel": CHANNELS}


class TableError(PortalError):
    """A table cannot be read: says file and line."""


class Row(NamedTuple):
    """A line of a table: where it stands, and its cells by the names in the head."""

    where: str
    cells: dict[str, str]


def read_table(file: Path, columns: Sequence[str]) -> list[Row]:
    """The lines of a table, no cell empty; raises `TableError` with file and line."""
    lines = _lines(file)
    if not lines or set(columns) - set(lines[0].split("\t")):
        raise TableError(f"{file}:1: the head must name {', '.join(columns)}", "part the names by tabs")
    head = lines[0].split("\t")
    rows = [_row(f"{file}:{number}", head, line) for number, line in enumerate(lines[1:], 2) if line]
    if not rows:
        raise TableError(f"{file} has no sentences", "write some, one a line")
    return rows


def _lines(file: Path) -> list[str]:
    try:
        return [line.removesuffix("\r") for line in file.read_bytes().decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise TableError(f"{file}:{number}: this is not UTF-8", "save the file as UTF-8") from error
    except OSError as error:
        raise TableError(f"{file} cannot be read: {error.strerror}", "bring it back from git") from error


def _row(where: str, head: Sequence[str], line: str) -> Row:
    values = line.split("\t")
    if len(values) != len(head):
        raise TableError(f"{where}: {len(values)} columns instead of {len(head)}", f"columns: {', '.join(head)}")
    cells = dict(zip(head, values, strict=True))
    for problem in _problems(cells):
        raise TableError(f"{where}: {problem}", "correct this line")
    return Row(where, cells)


def _problems(cells: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{name} is empty" for name, value in cells.items() if not value.strip())
    for name, allowed in ALLOWED.items():
        if name in cells and cells[name] not in allowed:
            yield f"{name} is {cells[name]!r}, it can be {' or '.join(allowed)}"
