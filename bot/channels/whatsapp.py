"""WhatsApp by Meta's Cloud API: its webhook, and delivery within its limits.

Limits: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages (text 4096, text with
buttons, a list or an image 1024, three buttons of 20, ten rows of 24).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import msgspec

from bot.channels.events import Event, Intake
from bot.channels.forms import (
    ANSWER_BY_NUMBER,
    LIST_BUTTON,
    PLEASE_CHOOSE,
    ChoiceLimits,
    link_line,
    list_rows,
    numbered,
    showing,
    split_before,
    utf16,
)
from bot.channels.meta import PLAIN_ID, MetaChannel, Update, media_hosts
from bot.channels.meta_graph import Graph, error_of
from bot.channels.outlet import Delivery, DeliveryError, Form, Refused, Template, Unclear, choice_id, split
from bot.channels.whatsapp_events import CHANNEL, USER_ID, read_update
from bot.media import Located
from bot.messaging_settings import ProviderSettings
from bot.texts import Texts
from bot.turns import Attachment, Choice, Location, Reply

LONGEST_TEXT = 4096
LONGEST_BODY = 1024
LONGEST_CAPTION = 1024
LIMITS = ChoiceLimits(buttons=3, button_title=20, rows=10, row_title=24, row_description=72)


class SentMessage(msgspec.Struct):
    """A message as Meta took it."""

    id: str


class Sent(msgspec.Struct):
    """The answer to a message."""

    messages: list[SentMessage]


class MediaAnswer(msgspec.Struct):
    """Where a medium is; `sha256` in hex or base64."""

    url: str
    sha256: str | None = None


class WhatsApp(MetaChannel):
    """The channel and its outlet; `texts` has what the channel says itself, `http` replaces the connections."""

    name = CHANNEL

    def __init__(
        self, settings: ProviderSettings, intake: Intake, texts: Texts, *, http: httpx.Client | None = None
    ) -> None:
        super().__init__(secret=settings.meta_secret, verify_token=settings.meta_verify_token, intake=intake)
        self._number_id = settings.whatsapp_number_id
        self._token = settings.whatsapp_token
        self._api = settings.meta_api
        self._graph = Graph(self.name, settings.meta_api, settings.whatsapp_token, http)
        self._texts = texts

    def events(self, update: Update) -> Iterator[Event]:
        """The delivery's events, those of our number."""
        return read_update(update, self._number_id)

    def forms(self, reply: Reply, reference: str) -> list[Form]:
        """The reply as messages without addressee: image, texts, location; what can be pressed comes last."""
        image, text = self._image_and_rest(reply)
        place = [_location(reply.location)] if reply.location else []
        if showing(reply.choices, LIMITS) in ("buttons", "list"):
            *before, last = split_before(text or self._say(PLEASE_CHOOSE, reply), LONGEST_TEXT, LONGEST_BODY, utf16)
            return [*image, *map(_text, before), *place, self._interactive(reply, last, reference)]
        if reply.choices:
            text = numbered(text, reply.choices, self._say(ANSWER_BY_NUMBER, reply))
        return [*image, *map(_text, split_before(text, LONGEST_TEXT, LONGEST_TEXT, utf16)), *place]

    def numbers_choices(self, reply: Reply) -> bool:
        """Whether the choices fit neither buttons nor a list."""
        return showing(reply.choices, LIMITS) == "numbers"

    def template_form(self, template: Template, language: str, variables: Mapping[str, str]) -> Form | None:
        """The approved template with its variables in order; Meta takes no line breaks in them."""
        name = template.names.get(language)
        if not name:
            return None
        parameters = [{"type": "text", "text": " ".join(variables[key].split())} for key in template.variables]
        components = [{"type": "body", "parameters": parameters}] if parameters else []
        content = {"name": name, "language": {"code": language}, "components": components}
        return {"type": "template", "template": content}

    def send(self, delivery: Delivery) -> str:
        """Hand the message to Meta; its `wamid`. Raises `DeliveryError`."""
        ours, theirs = split(delivery.address)
        body = {**_addressed(theirs), **delivery.form, "biz_opaque_callback_data": delivery.id}
        try:
            return msgspec.convert(self._graph.post(f"{ours}/messages", body), Sent).messages[0].id
        except (msgspec.ValidationError, IndexError) as error:
            raise Unclear("Meta's answer names no message", "no_id") from error

    def error_of(self, code: str) -> DeliveryError:
        """What Meta's code means in a status."""
        return error_of(code)

    def show_typing(self, address: str, provider_id: str) -> None:
        """Mark the turn as read, and show that we write, for 25 s at most; one request does both."""
        ours, _theirs = split(address)
        body = {"messaging_product": "whatsapp", "status": "read", "message_id": provider_id}
        self._graph.post(f"{ours}/messages", {**body, "typing_indicator": {"type": "text"}})

    def locate(self, attachment: Attachment, address: str) -> Located:
        """Where a medium can be fetched for some minutes, with our token; asks Meta. Raises `DeliveryError`."""
        if not PLAIN_ID.fullmatch(attachment.source):
            raise Refused("the medium has no id", "no_id")
        try:
            found = msgspec.convert(self._graph.get(attachment.source), MediaAnswer)
        except msgspec.ValidationError as error:
            raise Unclear("Meta's answer names no address", "no_url") from error
        token = {"Authorization": f"Bearer {self._token}"}
        return Located(found.url, media_hosts(self._api), token, found.sha256)

    def _image_and_rest(self, reply: Reply) -> tuple[list[Form], str]:
        """The image, and the text that does not go below it; nothing does when there are choices."""
        text = "\n\n".join(part for part in (reply.text.strip(), link_line(reply)) if part)
        if not reply.image:
            return [], text
        goes_along = not reply.choices and 0 < utf16(text) <= LONGEST_CAPTION
        content = {"link": reply.image, **({"caption": text} if goes_along else {})}
        return [{"type": "image", "image": content}], "" if goes_along else text

    def _interactive(self, reply: Reply, body: str, reference: str) -> Form:
        rows = list_rows(reply.choices, LIMITS.rows, LIMITS.row_title, LIMITS.row_description) or []
        if showing(reply.choices, LIMITS) == "buttons":
            action: dict[str, Any] = {"buttons": _buttons(reply.choices, reference)}
            return {"type": "interactive", "interactive": {"type": "button", "body": {"text": body}, "action": action}}
        told = [
            {"id": choice_id(reference, index), "title": row.title}
            | ({"description": row.description} if row.description else {})
            for index, row in enumerate(rows)
        ]
        action = {"button": self._say(LIST_BUTTON, reply), "sections": [{"rows": told}]}
        return {"type": "interactive", "interactive": {"type": "list", "body": {"text": body}, "action": action}}

    def _say(self, name: str, reply: Reply) -> str:
        return self._texts.say(name, reply.language)


def _addressed(theirs: str) -> dict[str, str]:
    """A user id has a field of its own; a number goes in `to`."""
    addressee = {"recipient": theirs} if USER_ID.fullmatch(theirs) else {"to": theirs}
    return {"messaging_product": "whatsapp", "recipient_type": "individual", **addressee}


def _text(body: str) -> Form:
    return {"type": "text", "text": {"body": body, "preview_url": "https://" in body}}


def _buttons(choices: tuple[Choice, ...], reference: str) -> list[dict[str, Any]]:
    return [
        {"type": "reply", "reply": {"id": choice_id(reference, index), "title": choice.title}}
        for index, choice in enumerate(choices)
    ]


def _location(place: Location) -> Form:
    """The place; Meta's interface takes degrees as text."""
    words = {"name": place.name, "address": place.address}
    degrees = {"latitude": str(place.latitude), "longitude": str(place.longitude)}
    return {"type": "location", "location": {**degrees, **{key: word for key, word in words.items() if word}}}
