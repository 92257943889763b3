"""Twilio's Content: what its rules say beyond the OpenAPI, filling in variables, and what a customer sees of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.sandbox.spec import content_problem
from bot.sandbox.violations import require, require_plain_ids, require_titles
from bot.sandbox.world import Option, Place, Shown

WRONG = 20001
WRONG_VARIABLES = 21656
NOT_SHOWN = 63021
LONGEST_TEXT = 1600
LONGEST_BODY = 1024
LONGEST_ID = 200
LONGEST_TITLE = 20
LONGEST_ITEM = 24
LONGEST_DESCRIPTION = 72
LONGEST_CALL = 25
MOST_ACTIONS = 10
MOST_ITEMS = 10
LANGUAGE = re.compile(r"[a-z]{2}(_[A-Z]{2})?")
PLACEHOLDER = re.compile(r"\{\{([0-9A-Za-z_]+)\}\}")
SHOWN_KINDS = (
    "twilio/quick-reply",
    "twilio/list-picker",
    "twilio/call-to-action",
    "twilio/media",
    "twilio/location",
    "twilio/text",
)


def check_content(body: Any) -> None:
    """Raises `Broken` when a Content cannot be created; what its variables will say is checked when it is sent."""
    problem = content_problem(body)
    require(problem is None, WRONG, problem or "")
    require(LANGUAGE.fullmatch(body["language"]), WRONG, "language is a code such as de")
    require(body["types"], WRONG, "types is empty")
    for kind, parts in body["types"].items():
        require(kind in SHOWN_KINDS, WRONG, f"the stand-in knows {', '.join(SHOWN_KINDS)}, not {kind}")
        require(parts, WRONG, f"{kind} is empty")
        _check_parts(kind, parts, WRONG)


def check_filled(content: Mapping[str, Any]) -> None:
    """Raises `Broken` when a Content breaks the channel's limits with its variables filled in."""
    for kind, parts in content["types"].items():
        _check_parts(kind, parts, NOT_SHOWN)


def kind_of(content: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The richest type of a Content with its parts."""
    types = content["types"]
    kind = next(each for each in SHOWN_KINDS if each in types)
    return kind, types[kind]


def rendered(content: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """The Content with its variables filled in, those not given by their defaults."""
    values = {**(content.get("variables") or {}), **variables}
    return {"types": _filled(content["types"], values)}


def shown_content(content: Mapping[str, Any]) -> Shown:
    """What the customer sees."""
    kind, parts = kind_of(content)
    text = parts.get("body", "")
    if kind == "twilio/quick-reply":
        options = tuple(Option(action["title"], action.get("id", ""), "button") for action in parts["actions"])
        return Shown(text=text, options=options)
    if kind == "twilio/list-picker":
        rows = tuple(Option(row["item"], row["id"], "row", row.get("description", "")) for row in parts["items"])
        return Shown(text=text, options=rows, list_title=parts["button"])
    if kind == "twilio/call-to-action":
        links = tuple(Option(action["title"], "", "link", url=action.get("url", "")) for action in parts["actions"])
        return Shown(text=text, options=links)
    if kind == "twilio/location":
        return Shown(place=Place(parts["latitude"], parts["longitude"], parts.get("label", "")))
    return Shown(text=text, image=next(iter(parts.get("media", [])), ""))


def _check_parts(kind: str, parts: Mapping[str, Any], code: int) -> None:
    longest = LONGEST_TEXT if kind in ("twilio/text", "twilio/media") else LONGEST_BODY
    if "body" in parts:
        require(parts["body"].strip(), code, f"{kind}: body is empty")
        require(len(parts["body"]) <= longest, code, f"{kind}: body has more than {longest} characters")
    checks = {
        "twilio/quick-reply": _check_quick_reply,
        "twilio/list-picker": _check_list,
        "twilio/call-to-action": _check_calls,
        "twilio/location": _check_location,
    }
    if kind in checks:
        checks[kind](parts, code)


def _check_quick_reply(parts: Mapping[str, Any], code: int) -> None:
    actions = parts["actions"]
    require(1 <= len(actions) <= MOST_ACTIONS, code, f"quick-reply has 1 to {MOST_ACTIONS} actions")
    require_titles([action["title"] for action in actions], LONGEST_TITLE, code)
    _check_ids([action.get("id", "") for action in actions], code)


def _check_list(parts: Mapping[str, Any], code: int) -> None:
    items = parts["items"]
    require(1 <= len(items) <= MOST_ITEMS, code, f"list-picker has 1 to {MOST_ITEMS} items")
    require_titles([parts["button"]], LONGEST_TITLE, code)
    require_titles([item["item"] for item in items], LONGEST_ITEM, code)
    _check_ids([item["id"] for item in items], code)
    short = all(len(item.get("description", "")) <= LONGEST_DESCRIPTION for item in items)
    require(short, code, f"a description is longer than {LONGEST_DESCRIPTION} characters")


def _check_calls(parts: Mapping[str, Any], code: int) -> None:
    actions = parts["actions"]
    require(1 <= len(actions) <= 2, code, "call-to-action has 1 or 2 actions")
    require_titles([action["title"] for action in actions], LONGEST_CALL, code)
    for action in actions:
        if action["type"] == "URL":
            require(action.get("url", "").startswith(("https://", "http://")), code, "an action's url is no URL")


def _check_location(parts: Mapping[str, Any], code: int) -> None:
    on_earth = abs(parts["latitude"]) <= 90 and abs(parts["longitude"]) <= 180
    require(on_earth, code, "the location is nowhere on earth")


def _check_ids(ids: list[str], code: int) -> None:
    require_plain_ids(ids, code)
    require(all(len(each) <= LONGEST_ID for each in ids), code, f"an id is longer than {LONGEST_ID} characters")


def _filled(part: Any, values: Mapping[str, str]) -> Any:
    if isinstance(part, str):
        missing = [name for name in PLACEHOLDER.findall(part) if name not in values]
        require(not missing, WRONG_VARIABLES, f"ContentVariables lacks {', '.join(missing)}")
        return PLACEHOLDER.sub(lambda found: values[found[1]], part)
    if isinstance(part, dict):
        return {name: _filled(each, values) for name, each in part.items()}
    return [_filled(each, values) for each in part] if isinstance(part, list) else part
