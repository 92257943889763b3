"""The report: one HTML file with all its figures, drawings, style and script inside; it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.errors import PortalError
from bot.reports import charts
from bot.reports.statistics import OUT_OF_SCOPE, REJECTED
from bot.reports.summary import Summary

PAGE = Path(__file__).parent / "page"
POLICY = "default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
LOW, MIDDLING = 0.8, 0.9  # figures below are marked


def render(summary: Summary) -> str:
    """The report as HTML that is well-formed XML too."""
    style, script = _part("report.css"), _part("report.js")
    page = Environment(loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page.filters |= {"percent": charts.percent, "mark": _mark, "intent": _intent}
    return page.get_template("report.html").render(
        summary=summary,
        charts=_drawn(summary),
        style=style,
        script=script,
        policy=POLICY.format(style=_allowed(style), script=_allowed(script)),
    )


def write_report(file: Path, html: str) -> None:
    """Put the report in its place at once; raises `PortalError` when that cannot be."""
    try:
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            made = Path(folder) / file.name
            made.write_text(html, "utf-8")
            made.replace(file)
    except OSError as error:
        raise _unwritable(file, error) from error


def require_writable(file: Path) -> None:
    """Make the report's folder and see that files can be made there; raises `PortalError`."""
    try:
        if file.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: Path, error: OSError) -> PortalError:
    return PortalError(f"the report cannot be written to {file}: {error.strerror}", "give another: --report FILE")


def _drawn(summary: Summary) -> dict[str, Markup]:
    """The charts that there are figures for, by name."""
    drawn = {
        "histogram": charts.histogram(summary.histogram, summary.subject.threshold),
        "reliability": charts.reliability(summary.reliability),
    }
    if summary.confusions:
        drawn["confusions"] = charts.confusion_map(summary.confusions, summary.intents)
    if summary.learning_curve:
        drawn["curve"] = charts.curve(summary.learning_curve)
    return drawn


def _part(name: str) -> Markup:
    """A file of ours that becomes part of the page as it is."""
    return Markup((PAGE / name).read_text("utf-8"))  # noqa: S704


def _allowed(text: str) -> str:
    """What the content security policy calls this very text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _mark(share: float) -> str:
    """The class of a figure that wants to be looked at."""
    return "low" if share < LOW else "middling" if share < MIDDLING else ""


def _intent(name: str) -> str:
    """An intent in words of the report."""
    return {REJECTED: "rejected", OUT_OF_SCOPE: "out of scope"}.get(name, name)
