"""WhatsApp's rules for a message that Meta's OpenAPI does not state, each with the Cloud API's error code.

| code | meaning |
|---|---|
| 100 | a parameter is wrong (schema) |
| 131009 | a value is wrong: lengths, counts, equal titles or ids |
| 131026 | the addressee cannot be written to |
| 131047 | the 24 hours are over, and this is no template |
| 132000, 132001 | a template with another number of variables; an unknown one |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.sandbox.spec import whatsapp_problem
from bot.sandbox.violations import require, require_plain_ids, require_titles
from bot.sandbox.world import Option, Person, Place, Shown, World

WRONG = 131009
LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LONGEST_BUTTON = 20
LONGEST_ROW = 24
MOST_ROWS = 10
WA_ID = re.compile(r"\+?[1-9][0-9]{6,14}")
LINK = re.compile(r"https?://[^\s]+")
MEDIA = ("image", "document", "audio", "video", "sticker")
WITHOUT_BODY = ("product",)
ACTIONS = {"button": "buttons", "list": "button"}
Body = Mapping[str, Any]


class WhatsAppRules:
    """Checks a message against schema, rules and the state of its customer; `approved` counts templates' variables."""

    def __init__(self, world: World, approved: Mapping[tuple[str, str], int]) -> None:
        self._world = world
        self._approved = approved

    def check(self, body: Any) -> None:
        """Raises `Broken` when a message or a read receipt does not fit the schema."""
        problem = whatsapp_problem(body)
        require(problem is None, 100, problem or "")
        require(body["messaging_product"] == "whatsapp", 100, "messaging_product must be whatsapp")

    def shown(self, body: Body) -> Shown:
        """What the customer will see of a checked message; raises `Broken`. The 24 hours are not checked here."""
        if "to" in body:
            require(WA_ID.fullmatch(body["to"]), 131026, "to is no number such as 491701234567")
        return self._content(body)

    def recipient(self, body: Body) -> str:
        """The customer's address: digits of the number, or the business-scoped id."""
        return str(body["recipient"]) if "recipient" in body else str(body["to"]).lstrip("+")

    def require_window(self, body: Body, person: Person | None) -> None:
        """Raise `Broken` when the customer has not written within 24 hours, unless it is a template."""
        is_open = body["type"] == "template" or self._world.window_is_open(person)
        require(is_open, 131047, "more than 24 hours since the customer last wrote; only a template is taken")

    def _content(self, body: Body) -> Shown:
        kind = body["type"]
        if kind == "text":
            return _text(body["text"])
        if kind == "interactive":
            return _interactive(body["interactive"])
        if kind == "template":
            return self._template(body["template"])
        if kind == "location":
            return _location(body["location"])
        if kind in MEDIA:
            return _medium(body[kind])
        return Shown(text=f"({kind})")

    def _template(self, template: Body) -> Shown:
        name, code = template["name"], template["language"]["code"]
        require((name, code) in self._approved, 132001, f"no template {name} is approved in {code}")
        given = [
            parameter.get("text", "")
            for component in template.get("components", [])
            if component["type"] == "body"
            for parameter in component.get("parameters", [])
        ]
        count = self._approved[name, code]
        require(len(given) == count, 132000, f"{name} has {count} variables, {len(given)} were given")
        require(all(text.strip() for text in given), WRONG, "a template's variable is empty")
        plain = all("\n" not in text and "\t" not in text and "     " not in text for text in given)
        require(plain, 132018, "a template's variable has a new line, a tab, or more than four blanks")
        return Shown(text="\n".join(given), template=name)


def _text(text: Body) -> Shown:
    body = text.get("body", "")
    require(body.strip(), WRONG, "text.body is empty")
    require(len(body) <= LONGEST_TEXT, WRONG, f"text.body has {len(body)} characters, at most {LONGEST_TEXT}")
    return Shown(text=body)


def _medium(medium: Body) -> Shown:
    link, caption = medium.get("link", ""), medium.get("caption", "")
    require("id" in medium or LINK.fullmatch(link), WRONG, "link is no URL")
    require(len(caption) <= LONGEST_CAPTION, WRONG, f"caption is longer than {LONGEST_CAPTION} characters")
    return Shown(text=caption, image=link)


def _location(location: Body) -> Shown:
    try:
        place = Place(float(location["latitude"]), float(location["longitude"]), location.get("name", ""))
        on_earth = abs(place.latitude) <= 90 and abs(place.longitude) <= 180
    except (KeyError, ValueError):
        on_earth = False
    require(on_earth, WRONG, "location needs a latitude and a longitude on earth")
    return Shown(text=location.get("address", ""), place=place)


def _interactive(interactive: Body) -> Shown:
    kind, action = interactive["type"], interactive["action"]
    text = interactive.get("body", {}).get("text", "")
    require(kind in WITHOUT_BODY or text.strip(), WRONG, "interactive.body is missing or empty")
    fits = ACTIONS.get(kind, next(iter(action), "")) in action
    require(fits, WRONG, f"interactive.action does not fit the type {kind}")
    header = interactive.get("header", {})
    text = "\n\n".join(filter(None, (header.get("text", ""), text, interactive.get("footer", {}).get("text", ""))))
    image = header.get("image", {}).get("link", "")
    if kind == "button":
        return Shown(text=text, options=_buttons(action["buttons"]), image=image)
    if kind == "list":
        return Shown(text=text, options=_rows(action), image=image, list_title=action["button"])
    return Shown(text=text, image=image)


def _buttons(buttons: list[Body]) -> tuple[Option, ...]:
    replies = [button["reply"] for button in buttons]
    require_titles([reply["title"] for reply in replies], LONGEST_BUTTON, WRONG)
    require_plain_ids([reply["id"] for reply in replies], WRONG)
    return tuple(Option(reply["title"], reply["id"], "button") for reply in replies)


def _rows(action: Body) -> tuple[Option, ...]:
    sections = action["sections"]
    require_titles([action["button"]], LONGEST_BUTTON, WRONG)
    titled = all(section.get("title", "").strip() for section in sections)
    require(len(sections) == 1 or titled, WRONG, "with several sections each needs a title")
    rows = [row for section in sections for row in section.get("rows", [])]
    require(1 <= len(rows) <= MOST_ROWS, WRONG, f"a list has 1 to {MOST_ROWS} rows in all, not {len(rows)}")
    require_titles([row["title"] for row in rows], LONGEST_ROW, WRONG)
    require_plain_ids([row["id"] for row in rows], WRONG)
    return tuple(Option(row["title"], row["id"], "row", row.get("description", "")) for row in rows)
