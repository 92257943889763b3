"""Messenger by Meta's Send API: its webhook, and delivery within its limits.

Limits: https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages (text 2000,
thirteen quick replies of 20, text above a link's button 640).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import httpx
import msgspec

from bot.channels.events import Event, Intake
from bot.channels.forms import (
    ANSWER_BY_NUMBER,
    PLEASE_CHOOSE,
    ChoiceLimits,
    link_line,
    location_lines,
    numbered,
    showing,
    split_before,
    split_text,
    utf16,
)
from bot.channels.messenger_events import CHANNEL, read_update
from bot.channels.meta import MetaChannel, Update, media_hosts
from bot.channels.meta_graph import Graph, error_of
from bot.channels.outlet import Delivery, DeliveryError, Form, Template, Unclear, choice_id, split
from bot.media import Located
from bot.messaging_settings import ProviderSettings
from bot.texts import Texts
from bot.turns import Attachment, Link, Reply

LONGEST_TEXT = 2000
LONGEST_BODY = 640
LONGEST_TITLE = 20
LIMITS = ChoiceLimits(buttons=13, button_title=20)
PATH = "me/messages"


class Sent(msgspec.Struct):
    """The answer to a message."""

    message_id: str


class Messenger(MetaChannel):
    """The channel and its outlet; `texts` has what the channel says itself, `http` replaces the connections."""

    name = CHANNEL

    def __init__(
        self, settings: ProviderSettings, intake: Intake, texts: Texts, *, http: httpx.Client | None = None
    ) -> None:
        super().__init__(secret=settings.meta_secret, verify_token=settings.meta_verify_token, intake=intake)
        self._page = settings.messenger_page
        self._api = settings.meta_api
        self._graph = Graph(self.name, settings.meta_api, settings.messenger_token, http)
        self._texts = texts

    def events(self, update: Update) -> Iterator[Event]:
        """The delivery's events, those of our page."""
        return read_update(update, self._page)

    def forms(self, reply: Reply, reference: str) -> list[Form]:
        """The reply as messages: image, texts; what can be pressed comes last. A place is told as text with a map."""
        image = [_image(reply.image)] if reply.image else []
        if reply.link and _fits_button(reply.link) and not reply.choices:
            return [*image, *self._with_link(reply, reply.link)]
        text = _joined(reply.text, link_line(reply), _place(reply))
        if showing(reply.choices, LIMITS) == "buttons":
            *before, last = _texts(text or self._texts.say(PLEASE_CHOOSE, reply.language))
            return [*image, *before, {**last, "quick_replies": _quick_replies(reply, reference)}]
        if reply.choices:
            text = numbered(text, reply.choices, self._texts.say(ANSWER_BY_NUMBER, reply.language))
        return [*image, *_texts(text)]

    def numbers_choices(self, reply: Reply) -> bool:
        """Whether the choices do not fit quick replies."""
        return showing(reply.choices, LIMITS) == "numbers"

    def template_form(self, template: Template, language: str, variables: Mapping[str, str]) -> Form | None:
        """None: after 24 hours Messenger takes only what humans write."""
        return None

    def send(self, delivery: Delivery) -> str:
        """Hand the message to Meta; its id. Raises `DeliveryError`."""
        _page, person = split(delivery.address)
        message = {**delivery.form, "metadata": delivery.id}
        body = {"recipient": {"id": person}, "messaging_type": "RESPONSE", "message": message}
        try:
            return msgspec.convert(self._graph.post(PATH, body), Sent).message_id
        except msgspec.ValidationError as error:
            raise Unclear("Meta's answer names no message", "no_id") from error

    def error_of(self, code: str) -> DeliveryError:
        """What Meta's code means in a status."""
        return error_of(code)

    def show_typing(self, address: str, provider_id: str) -> None:
        """Mark everything as read, and show that we write, for 20 s at most; two requests."""
        _page, person = split(address)
        for action in ("mark_seen", "typing_on"):
            self._graph.post(PATH, {"recipient": {"id": person}, "sender_action": action})

    def locate(self, attachment: Attachment, address: str) -> Located:
        """Where a file is, as Meta named it; it needs no token."""
        return Located(attachment.source, media_hosts(self._api))

    def _with_link(self, reply: Reply, link: Link) -> list[Form]:
        """The last text goes above a button that opens the page."""
        *before, last = split_before(
            _joined(reply.text, _place(reply)) or link.title, LONGEST_TEXT, LONGEST_BODY, utf16
        )
        button = {"type": "web_url", "url": link.url, "title": link.title}
        template = {"template_type": "button", "text": last, "buttons": [button]}
        return [*({"text": text} for text in before), {"attachment": {"type": "template", "payload": template}}]


def _fits_button(link: Link) -> bool:
    return 0 < utf16(link.title) <= LONGEST_TITLE and link.url.startswith("https://")


def _joined(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _place(reply: Reply) -> str:
    return location_lines(reply.location) if reply.location else ""


def _texts(text: str) -> list[Form]:
    return [{"text": piece} for piece in split_text(text, LONGEST_TEXT, utf16)]


def _image(url: str) -> Form:
    return {"attachment": {"type": "image", "payload": {"url": url}}}


def _quick_replies(reply: Reply, reference: str) -> list[dict[str, str]]:
    return [
        {"content_type": "text", "title": choice.title, "payload": choice_id(reference, index)}
        for index, choice in enumerate(reply.choices)
    ]
