"""Values in sentences, such as numbers and dates: are they found exactly?

They are found by rules, so these figures are the same for every model.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot.nlu.values import extract
from bot.reports.statistics import Share
from bot.validation.tables import TableError, read_table

TABLES = (Path("tests/nlu/values.tsv"), Path("tests/nlu/values_second.tsv"))
TODAY = date(2026, 11, 23)  # the day from which the tables count `morgen`
COLUMNS = ("channel", "language", "text", "expected")
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class ValueLine:
    """A sentence with the values in it, each with its kind, in order; and those that were found."""

    text: str
    language: str
    channel: str
    expected: Pairs
    found: Pairs


@dataclass(frozen=True)
class KindFigures:
    """How values of a kind were found: `found` of those that are there, and how many were found that are not."""

    name: str
    found: Share
    too_many: int


@dataclass(frozen=True)
class ValueFigures:
    """`exact` sentences are those in which all values were found, and nothing else; `missed` are the others."""

    exact: Share
    groups: dict[str, Share]
    kinds: list[KindFigures]
    missed: list[ValueLine]


def measure_values(tables: Sequence[Path] = TABLES) -> ValueFigures:
    """Look for the values in all sentences of the tables; raises `TableError` with file and line."""
    lines = [line for table in tables for line in _read(table)]
    groups: dict[str, list[ValueLine]] = defaultdict(list)
    for line in lines:
        groups[f"{line.language} {line.channel}"].append(line)
    return ValueFigures(
        exact=_exact(lines),
        groups={name: _exact(group) for name, group in sorted(groups.items())},
        kinds=_per_kind(lines),
        missed=[line for line in lines if line.found != line.expected],
    )


def _read(table: Path) -> list[ValueLine]:
    return [_line(*row) for row in read_table(table, COLUMNS)]


def _line(where: str, cells: dict[str, str]) -> ValueLine:
    text, language, channel = cells["text"], cells["language"], cells["channel"]
    found = extract(text, language=language, channel=channel, today=TODAY)
    pairs = [(value.entity, value.value) for value in found]
    return ValueLine(text, language, channel, _pairs(cells["expected"], where), pairs)


def _pairs(expected: str, where: str) -> Pairs:
    try:
        return [(str(kind), str(value)) for kind, value in json.loads(expected)]
    except (ValueError, TypeError) as error:
        raise TableError(
            f"{where}: the expected values are not a list of pairs", 'like [["date", "2026-11-24"]]'
        ) from error


def _exact(lines: Sequence[ValueLine]) -> Share:
    return Share.of(sum(line.found == line.expected for line in lines), len(lines))


def _per_kind(lines: Sequence[ValueLine]) -> list[KindFigures]:
    expected, found, both = Counter[str](), Counter[str](), Counter[str]()
    for line in lines:
        expected.update(kind for kind, _ in line.expected)
        found.update(kind for kind, _ in line.found)
        both.update(kind for kind, _ in (Counter(line.expected) & Counter(line.found)).elements())
    kinds = sorted({*expected, *found})
    return [KindFigures(kind, Share.of(both[kind], expected[kind]), found[kind] - both[kind]) for kind in kinds]
