"""Contents: how Twilio sends buttons and lists to WhatsApp and Messenger.

A content is made once, and messages refer to it. Ours consist of variables alone, so that one of each shape serves all
answers and Twilio keeps none of their words. Within the 24 hours they need no approval. Sources:
https://www.twilio.com/docs/content/twilio-quick-reply, https://www.twilio.com/docs/content/twiliolist-picker and
https://www.twilio.com/docs/content/using-variables-with-content-api (every part may be a variable).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.channels.outlet import DeliveryError, Form
from bot.channels.twilio_api import TwilioApi

VERSION = "1"
# A content has a language; one of variables alone is in none.
LANGUAGE = "en"


@dataclass(frozen=True)
class Filled:
    """A content's name and definition, and the variables of one message."""

    name: str
    types: Mapping[str, Any]
    variables: Mapping[str, str]


def filled(form: Form) -> Filled:
    """The content for a form with `buttons`, or with `rows` and the `button` that opens them."""
    return _list_picker(form) if "rows" in form else _quick_reply(form)


def _quick_reply(form: Form) -> Filled:
    variables, actions = {"body": form["body"]}, []
    for number, button in enumerate(form["buttons"], start=1):
        variables |= {f"title{number}": button["title"], f"id{number}": button["id"]}
        actions.append({"type": "QUICK_REPLY", "title": _slot("title", number), "id": _slot("id", number)})
    types = {"twilio/quick-reply": {"body": _slot("body"), "actions": actions}}
    return Filled(f"sprachportal_buttons_{len(actions)}_v{VERSION}", types, variables)


def _list_picker(form: Form) -> Filled:
    """Some rows have a description: each pattern of those is a shape of its own, since no variable may be empty."""
    variables, items, shape = {"body": form["body"], "button": form["button"]}, [], ""
    for number, row in enumerate(form["rows"], start=1):
        variables |= {f"title{number}": row["title"], f"id{number}": row["id"]}
        item = {"item": _slot("title", number), "id": _slot("id", number)}
        if row.get("description"):
            variables[f"description{number}"] = row["description"]
            item["description"] = _slot("description", number)
        shape += "d" if "description" in item else "t"
        items.append(item)
    types = {"twilio/list-picker": {"body": _slot("body"), "button": _slot("button"), "items": items}}
    return Filled(f"sprachportal_list_{shape}_v{VERSION}", types, variables)


def _slot(name: str, number: int | str = "") -> str:
    return f"{{{{{name}{number}}}}}"


class Contents:
    """The contents that exist at Twilio, by name: asked for once, then remembered.

    Two processes may make the same one; each works.
    """

    def __init__(self, api: TwilioApi) -> None:
        self._api = api
        self._sids: dict[str, str] | None = None

    def sid(self, content: Filled, until: float) -> str:
        """The content's ContentSid; it is made if there is none. Raises `DeliveryError`, nothing is unclear then."""
        known = self._known(until)
        if content.name not in known:
            known[content.name] = self._api.make_content(_definition(content), until)
        return known[content.name]

    def forget(self, content: Filled) -> None:
        """It is no longer there, or not as we made it."""
        (self._sids or {}).pop(content.name, None)

    def _known(self, until: float) -> dict[str, str]:
        if self._sids is None:
            self._sids = {content.friendly_name or "": content.sid for content in self._listed(until)}
        return self._sids

    def _listed(self, until: float) -> list[Any]:
        """What Twilio lists; nothing when it does not, for a content may be made twice."""
        try:
            return list(self._api.list_contents(until))
        except DeliveryError:
            return []


def _definition(content: Filled) -> dict[str, Any]:
    """As Twilio wants it, with an example of each variable."""
    examples = {name: name for name in content.variables}
    return {"friendly_name": content.name, "language": LANGUAGE, "variables": examples, "types": content.types}
