"""The report of the fault runs: one section for each variant, written beside the one of the other."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass

from bench.load import percentile
from bench.report import RESULTS, machine, today
from tests.conftest import ROOT
from tests.load.checks import Findings

FILE = ROOT / RESULTS / "faults.md"
TITLE = "# The fault run"
HOW = (
    "Customers write on five channels at once while the providers, played by `sprachportal sandbox`, fail in every way "
    "they can, and processes are killed by `kill -9` and started again. Webhooks come twice at the same time, again "
    "later, and in batches; what one customer sends is delivered in order. At the end the portal's database is joined "
    "with what customers sent and what the providers accepted: every delivery has an id that goes along. Run it with "
    "`python -m tests.load`; `tests/load/checks.py` says what counts as lost, as twice, and as out of order."
)


@dataclass(frozen=True)
class Variant:
    """What was tried: its name, and figures about the run by name."""

    name: str
    figures: Mapping[str, object]


def result_lines(findings: Findings) -> dict[str, object]:
    """The four numbers that must be zero."""
    return {
        "**events lost**": findings.lost,
        "**answered twice**": findings.twice,
        "**out of order**": findings.out_of_order,
        "**answered to somebody else**": findings.elsewhere,
    }


def time_lines(findings: Findings) -> dict[str, object]:
    """From acknowledgement to the first answer, outages included."""
    times = findings.answer_seconds
    if not times:
        return {}
    return {
        "from acknowledged to answered, p50": f"{percentile(times, 0.5):.1f} s",
        "from acknowledged to answered, p95": f"{percentile(times, 0.95):.1f} s",
        "from acknowledged to answered, longest": f"{max(times):.1f} s",
    }


def write_section(variant: Variant) -> str:
    """Put the variant's section into the report, in place of an older one; the section."""
    rows = [f"| {name} | {value} |" for name, value in variant.figures.items()]
    python = f"Python {platform.python_version()}"
    lines = [f"## {variant.name}", "", f"{today()}, {machine()}, {python}.", "", "| | |", "|---|---:|", *rows]
    section = "\n".join(lines)
    sections = {name: text for name, text in _sections().items() if name != variant.name} | {variant.name: section}
    FILE.write_text("\n\n".join([TITLE, HOW, *(sections[name] for name in sorted(sections, reverse=True))]) + "\n")
    return section


def _sections() -> dict[str, str]:
    """The sections that are there, by name."""
    parts = FILE.read_text().split("\n## ")[1:] if FILE.exists() else []
    return {part.partition("\n")[0]: f"## {part.strip()}" for part in parts}
