"""The report's charts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from bot.reports.refit import CurvePoint
from bot.reports.statistics import REJECTED, Bin, Confusion, IntentFigures, Share
from bot.reports.svg import Drawing, Scale

WIDTH, LEFT, RIGHT = 400.0, 44.0, 388.0
CELL, LABELS, HEADS = 22.0, 190.0, 150.0
FAINTEST, DARK = 0.2, 0.6  # of a cell; the count is light on dark ones


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1 as it is read: 95.5 %."""
    return f"{share * 100:.{digits}f}\N{NO-BREAK SPACE}%"


def histogram(bins: Sequence[Bin], threshold: float) -> Markup:
    """How many sentences got which confidence: above those whose likeliest intent was right, below the others."""
    drawing = Drawing(WIDTH, 300, "Confidence of right and wrong intents")
    across = Scale(0, 1, LEFT, RIGHT)
    right, wrong = [one.right for one in bins], [one.sentences - one.right for one in bins]
    _bars(drawing, bins, right, ("good", "right"), (24, 134))
    _bars(drawing, bins, wrong, ("bad", "wrong"), (166, 276))
    if threshold:
        drawing.line("limit", (across(threshold), 14), (across(threshold), 276))
        drawing.text("note", across(threshold) - 4, 22, "rejected").set("text-anchor", "end")
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        drawing.text("tick middle", across(tick), 290, f"{tick:g}")
    return drawing.markup()


def _bars(
    drawing: Drawing, bins: Sequence[Bin], counts: Sequence[int], kind: tuple[str, str], place: tuple[float, float]
) -> None:
    """A panel from the top to the bottom of `place`; `kind` is the bars' class and what they count."""
    across, most = Scale(0, 1, LEFT, RIGHT), max([*counts, 1])
    up = Scale(0, most, place[1], place[0])
    drawing.text("axis", LEFT, place[0] - 6, f"{sum(counts)} {kind[1]}")
    for tick in (0, most):
        drawing.line("grid", (LEFT, up(tick)), (RIGHT, up(tick)))
        drawing.text("tick end", LEFT - 6, up(tick) + 4, str(tick))
    for one, count in zip(bins, counts, strict=True):
        if count:
            told = f"{one.low:.2f} to {one.high:.2f}: {count} {kind[1]}"
            width = across(one.high) - across(one.low) - 2
            drawing.rect(kind[0], across(one.low) + 1, up(count), width, up(0) - up(count), told=told)


def reliability(bins: Sequence[Bin]) -> Markup:
    """The share that is right for each confidence, with its interval; well calibrated are points on the diagonal."""
    drawing = Drawing(WIDTH, 300, "Share that is right for each confidence")
    across, up = Scale(0, 1, LEFT, RIGHT), Scale(0, 1, 262, 14)
    _percent_grid(drawing, (0, 0.25, 0.5, 0.75, 1), up)
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        drawing.text("tick middle", across(tick), 278, f"{tick:g}")
    drawing.text("axis middle", (LEFT + RIGHT) / 2, 295, "confidence")
    drawing.line("ideal", (across(0), up(0)), (across(1), up(1)))
    most = max(one.sentences for one in bins)
    for one in (one for one in bins if one.sentences):
        share, x = Share.of(one.right, one.sentences), across(one.confidence)
        told = f"confidence {one.confidence:.2f}: {one.right} of {one.sentences} right ({percent(share.value)})"
        drawing.line("spread", (x, up(share.low)), (x, up(share.high)))
        drawing.dot("point", x, up(share.value), 3 + 6 * math.sqrt(one.sentences / most), told=told)
    return drawing.markup()


def curve(points: Sequence[CurvePoint]) -> Markup:
    """What is understood after learning from more and more of the examples, with its interval."""
    drawing = Drawing(WIDTH, 300, "What is understood after learning from a part of the examples")
    lowest = math.floor(min(point.understood.low for point in points) * 20) / 20
    across = Scale(0, points[-1].examples, LEFT, RIGHT - 10)
    up = Scale(lowest, 1, 262, 14)
    _percent_grid(drawing, [lowest + (1 - lowest) * step / 4 for step in range(5)], up)
    below = [(across(point.examples), up(point.understood.low)) for point in points]
    above = [(across(point.examples), up(point.understood.high)) for point in points]
    drawing.area("band", [*below, *reversed(above)])
    drawing.lines("line", [(across(point.examples), up(point.understood.value)) for point in points])
    for point in points:
        x, y = across(point.examples), up(point.understood.value)
        drawing.dot("point", x, y, 4, told=f"{point.examples} examples: {percent(point.understood.value)}")
        drawing.text("value middle", x, y - 10, percent(point.understood.value))
        drawing.text("tick middle", x, 278, f"{point.examples}")
    drawing.text("axis middle", (LEFT + RIGHT) / 2, 295, "training examples")
    return drawing.markup()


def _percent_grid(drawing: Drawing, ticks: Sequence[float], up: Scale) -> None:
    for tick in ticks:
        drawing.line("grid", (LEFT, up(tick)), (RIGHT, up(tick)))
        drawing.text("tick end", LEFT - 6, up(tick) + 4, percent(tick, 0))


def confusion_map(confusions: Sequence[Confusion], intents: Sequence[IntentFigures]) -> Markup:
    """Which intents (rows) were taken for which others (columns), most mistakes first; the others are left out."""
    in_row, in_column = Counter[str](), Counter[str]()
    for one in confusions:
        in_row[one.intent] += len(one.sentences)
        in_column[one.guessed] += len(one.sentences)
    down = {name: HEADS + CELL * at for at, (name, _) in enumerate(in_row.most_common())}
    across = {name: LABELS + CELL * at for at, (name, _) in enumerate(in_column.most_common())}
    width, height = LABELS + CELL * len(across) + 1, HEADS + CELL * len(down) + 1
    drawing = Drawing(width, height, "Which intents were taken for which others", scales=False)
    _map_frame(drawing, down, across)
    sentences = {intent.name: intent.sentences for intent in intents}
    most = max(len(one.sentences) for one in confusions)
    for one in confusions:
        told = f"{one.intent} taken for {one.guessed}: {len(one.sentences)} of {sentences[one.intent]}"
        _cell(drawing, (across[one.guessed], down[one.intent]), len(one.sentences), most, told)
    return drawing.markup()


def _map_frame(drawing: Drawing, down: dict[str, float], across: dict[str, float]) -> None:
    """The names of rows and columns, and lines between them."""
    right, bottom = LABELS + CELL * len(across), HEADS + CELL * len(down)
    for name, y in down.items():
        drawing.line("grid", (LABELS, y), (right, y))
        drawing.text("name end", LABELS - 8, y + CELL / 2 + 4, name)
    for name, x in across.items():
        drawing.line("grid", (x, HEADS), (x, bottom))
        shown = "rejected" if name == REJECTED else name
        drawing.text("name", x + CELL / 2 + 4, HEADS - 8, shown, turned=True)
    drawing.line("grid", (LABELS, bottom), (right, bottom))
    drawing.line("grid", (right, HEADS), (right, bottom))


def _cell(drawing: Drawing, place: tuple[float, float], count: int, most: int, told: str) -> None:
    x, y = place
    strength = FAINTEST + (1 - FAINTEST) * count / most
    drawing.rect("bad", x + 1, y + 1, CELL - 2, CELL - 2, told=told).set("fill-opacity", f"{strength:.2f}")
    drawing.text("count dark" if strength > DARK else "count", x + CELL / 2, y + CELL / 2 + 4, str(count))
