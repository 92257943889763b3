"""SVG drawings as elements that the page's style colours: no colour stands in them, all text is escaped."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup


class Drawing:
    """A drawing of `width` by `height` units that scales with its place in the page; `label` says what it shows."""

    def __init__(self, width: float, height: float, label: str, *, scales: bool = True) -> None:
        self._root = Element("svg", {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": label})
        if not scales:
            self._root.attrib |= {"width": f"{width:g}", "height": f"{height:g}"}

    def rect(self, kind: str, x: float, y: float, width: float, height: float, *, told: str = "") -> Element:
        """A rectangle of the class `kind`; `told` is shown when it is pointed at."""
        return self._add("rect", kind, told, x=x, y=y, width=width, height=height)

    def line(self, kind: str, start: tuple[float, float], end: tuple[float, float]) -> Element:
        """A straight line."""
        return self._add("line", kind, "", x1=start[0], y1=start[1], x2=end[0], y2=end[1])

    def lines(self, kind: str, points: list[tuple[float, float]]) -> Element:
        """Lines from point to point."""
        element = self._add("polyline", kind, "")
        element.set("points", " ".join(f"{_number(x)},{_number(y)}" for x, y in points))
        return element

    def area(self, kind: str, points: list[tuple[float, float]]) -> Element:
        """A filled area with corners at the points."""
        element = self._add("polygon", kind, "")
        element.set("points", " ".join(f"{_number(x)},{_number(y)}" for x, y in points))
        return element

    def dot(self, kind: str, x: float, y: float, radius: float, *, told: str) -> Element:
        """A dot."""
        return self._add("circle", kind, told, cx=x, cy=y, r=radius)

    def text(self, kind: str, x: float, y: float, words: str, *, turned: bool = False) -> Element:
        """A line of text; `turned` reads upwards."""
        element = self._add("text", kind, "", x=x, y=y)
        element.text = words
        if turned:
            element.set("transform", f"rotate(-90 {_number(x)} {_number(y)})")
        return element

    def markup(self) -> Markup:
        """The drawing as it stands in HTML."""
        return Markup(tostring(self._root, encoding="unicode"))  # noqa: S704 - ElementTree escapes

    def _add(self, tag: str, kind: str, told: str, **places: float) -> Element:
        element = SubElement(self._root, tag, {"class": kind, **{name: _number(at) for name, at in places.items()}})
        if told:
            SubElement(element, "title").text = told
        return element


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` at places from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
