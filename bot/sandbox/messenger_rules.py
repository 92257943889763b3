"""Messenger's rules for what is sent, each with the Send API's error code.

| code / subcode | meaning |
|---|---|
| 100 | a parameter is wrong: schema, lengths, counts, equal titles |
| 100 / 2018001 | nobody there with this id |
| 10 / 2018278 | the 24 hours are over |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.sandbox.spec import messenger_problem
from bot.sandbox.violations import Broken, require, require_titles
from bot.sandbox.world import Option, Person, Shown, World

WRONG = 100
LONGEST_TITLE = 20
NOBODY = 2018001
WINDOW_CLOSED = 2018278
ACTIONS_ALONE = ("message", "messaging_type", "tag")
Body = Mapping[str, Any]


class MessengerRules:
    """Checks what is sent against schema, rules and the state of its customer."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check(self, body: Any) -> Person:
        """The customer addressed; raises `Broken`. The 24 hours are not checked here."""
        problem = messenger_problem(body)
        require(problem is None, WRONG, problem or "")
        if "sender_action" in body:
            require(not body.keys() & set(ACTIONS_ALONE), WRONG, "sender_action does not go with a message")
        require((body.get("messaging_type") == "MESSAGE_TAG") == ("tag" in body), WRONG, "MESSAGE_TAG goes with a tag")
        person = self._world.find("messenger", body["recipient"]["id"])
        if person is None:
            raise Broken(WRONG, "nobody there with this id", subcode=NOBODY)
        return person

    def shown(self, message: Body) -> Shown:
        """What the customer will see of a message; raises `Broken`."""
        replies = message.get("quick_replies", [])
        require_titles([reply["title"] for reply in replies], LONGEST_TITLE, WRONG)
        options = tuple(Option(reply["title"], reply["payload"], "quick_reply") for reply in replies)
        if "text" in message:
            require(message["text"].strip(), WRONG, "text is empty")
            return Shown(text=message["text"], options=options)
        payload = message["attachment"]["payload"]
        if message["attachment"]["type"] != "template":
            return Shown(options=options, image=payload["url"])
        if payload["template_type"] == "button":
            return Shown(text=payload["text"], options=(*_buttons(payload["buttons"]), *options))
        return _generic(payload["elements"], options)

    def require_window(self, body: Body, person: Person) -> None:
        """Raise `Broken` when the customer has not written within 24 hours; a human may write by tag for longer."""
        if body.get("tag") != "HUMAN_AGENT" and not self._world.window_is_open(person):
            raise Broken(10, "This message is sent outside of allowed window.", subcode=WINDOW_CLOSED)


def _buttons(buttons: list[Body]) -> tuple[Option, ...]:
    require_titles([button["title"] for button in buttons], LONGEST_TITLE, WRONG)
    return tuple(
        Option(button["title"], button.get("payload", ""), "postback" if button["type"] == "postback" else "link", "",
               button.get("url", ""))
        for button in buttons
    )  # fmt: skip


def _generic(elements: list[Body], options: tuple[Option, ...]) -> Shown:
    texts = [part for element in elements for part in (element["title"], element.get("subtitle", "")) if part]
    buttons = tuple(option for element in elements for option in _buttons(element.get("buttons", [])))
    image = next((element["image_url"] for element in elements if "image_url" in element), "")
    return Shown(text="\n".join(texts), options=(*buttons, *options), image=image)
