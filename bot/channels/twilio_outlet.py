"""SMS, WhatsApp and Messenger through Twilio, the side that delivers.

Forms are JSON objects with `body` (text), and one of: `media` (an image's URL), `place` (what Twilio calls a persistent
action), `buttons`, `rows` with the `button` that opens them; or a `content` (ContentSid) with its `variables`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

import msgspec

from bot.channels.forms import (
    ANSWER_BY_NUMBER,
    LIST_BUTTON,
    PLEASE_CHOOSE,
    ChoiceLimits,
    as_text,
    for_sms,
    list_rows,
    map_url,
    showing,
    split_before,
    utf16,
)
from bot.channels.outlet import Delivery, DeliveryError, Form, Refused, Template, Unclear, choice_id, split
from bot.channels.twilio_api import SECONDS, Parameters, TwilioApi
from bot.channels.twilio_codes import CONTENT_CODES, error_of
from bot.channels.twilio_contents import Contents, filled
from bot.texts import Texts
from bot.turns import Location, Reply

LONGEST_BODY = 1600
LONGEST_WITH_MORE = 1024
# So that the rows fit into the text when they must be spelled out.
LONGEST_WITH_LIST = 800
LONGEST_LABEL = 100
FIND_SECONDS = 3600.0
STATUS_PATH = "/webhooks/twilio/status"
# A status that we did not take is told again: it only moves a state forward.
OVERRIDES = "#rc=5&rp=all"

Known = Callable[[str, str], bool]


@dataclass(frozen=True)
class Kind:
    """What one of Twilio's channels is called and can show; `prefix` stands before its addresses."""

    name: str
    prefix: str
    has_window: bool
    choices: ChoiceLimits
    is_sms: bool = False
    has_places: bool = False
    has_templates: bool = False


# SMS has no pictures: hardly any network outside North America delivers Twilio's MMS.
SMS = Kind("sms", "", has_window=False, choices=ChoiceLimits(), is_sms=True)
WHATSAPP = Kind(
    "twilio_whatsapp", "whatsapp:", True, ChoiceLimits(buttons=3, rows=10), has_places=True, has_templates=True
)
# Twilio sends lists to WhatsApp only, and has no approved templates for Messenger.
MESSENGER = Kind("twilio_messenger", "messenger:", True, ChoiceLimits(buttons=10))


class TwilioOutlet:
    """The `Outlet` of one of Twilio's channels.

    `public_url` is our base as Twilio knows it. `known` says whether a delivery of a channel has this provider's id.
    """

    def __init__(self, kind: Kind, api: TwilioApi, *, texts: Texts, public_url: str, known: Known) -> None:
        self.name = kind.name
        self.has_window = kind.has_window
        self._kind = kind
        self._api = api
        self._contents = Contents(api)
        self._texts = texts
        self._status_url = public_url + STATUS_PATH
        self._known = known

    def forms(self, reply: Reply, reference: str) -> list[Form]:
        """The reply in as many forms as it needs; what is pressed comes last, so that nothing pushes it away."""
        if self._kind.is_sms:
            return _texts(for_sms(as_text(reply, self._say(ANSWER_BY_NUMBER, reply))))
        shown = showing(reply.choices, self._kind.choices)
        place = reply.location if self._kind.has_places else None
        words = as_text(self._without_extras(reply), self._say(ANSWER_BY_NUMBER, reply))
        forms: list[Form] = [_place_form(place)] if place else []
        if shown in ("nothing", "numbers"):
            return forms + _with_image(words, reply.image)
        if reply.image:
            forms.append({"media": reply.image})
        return forms + self._with_choices(words, reply, reference, as_list=shown == "list")

    def numbers_choices(self, reply: Reply) -> bool:
        """Whether the choices stand as numbers in the text."""
        return showing(reply.choices, self._kind.choices) == "numbers"

    def template_form(self, template: Template, language: str, variables: Mapping[str, str]) -> Form | None:
        """WhatsApp's approved template filled in; the other channels have none."""
        sid = template.names.get(language)
        if not sid or not self._kind.has_templates:
            return None
        # WhatsApp takes no line breaks and no more than four blanks in a row within a variable.
        values = [" ".join(variables[name].split()) for name in template.variables]
        return {"content": sid, "variables": {str(number): value for number, value in enumerate(values, start=1)}}

    def send(self, delivery: Delivery) -> str:
        """Hand the form over; the message's sid. Choices go as plain text when Twilio takes no content for them."""
        until = time.monotonic() + SECONDS
        addressed, form = self._addressed(delivery), delivery.form
        if "buttons" in form or "rows" in form:
            return self._send_choices(addressed, form, until)
        return self._api.send({**addressed, **_parameters(form)}, until)

    def find(self, delivery: Delivery) -> str | None:
        """The only message with these words of the last hour that belongs to no delivery; None for others or several.

        Raises `Unclear` when Twilio cannot be asked.
        """
        form, addressed = delivery.form, self._addressed(delivery)
        bodies = {form.get("body", "").strip(), _spelled_out(form).strip()} - {""}
        try:
            sent = self._api.list_sent(addressed["From"], addressed["To"])
        except DeliveryError as error:
            raise Unclear("Twilio cannot be asked what it has taken", error.code) from error
        recent = [message for message in sent if message.age < FIND_SECONDS and (message.body or "").strip() in bodies]
        fitting = [message.sid for message in recent if not self._known(self.name, message.sid)]
        return fitting[0] if len(fitting) == 1 else None

    def error_of(self, code: str) -> DeliveryError:
        """What Twilio's code means in a status callback."""
        return error_of(code)

    def show_typing(self, address: str, provider_id: str) -> None:
        """Nothing: Twilio's stable API has neither read receipts nor typing indicators."""

    def _send_choices(self, addressed: Parameters, form: Form, until: float) -> str:
        content = filled(form)
        try:
            sid = self._contents.sid(content, until)
        except Refused:
            return self._api.send({**addressed, "Body": _spelled_out(form)}, until)
        variables = msgspec.json.encode(content.variables).decode()
        try:
            return self._api.send({**addressed, "ContentSid": sid, "ContentVariables": variables}, until)
        except Refused as error:
            if error.code not in CONTENT_CODES:
                raise
            self._contents.forget(content)
            return self._api.send({**addressed, "Body": _spelled_out(form)}, until)

    def _addressed(self, delivery: Delivery) -> dict[str, str]:
        ours, theirs = split(delivery.address)
        return {
            "From": self._kind.prefix + ours,
            "To": self._kind.prefix + theirs,
            "StatusCallback": f"{self._status_url}?delivery={quote(delivery.id, safe='')}{OVERRIDES}",
        }

    def _without_extras(self, reply: Reply) -> Reply:
        """The reply without what goes as a form of its own or with one."""
        numbers = self.numbers_choices(reply)
        place = None if self._kind.has_places else reply.location
        return replace(reply, image=None, location=place, choices=reply.choices if numbers else ())

    def _with_choices(self, words: str, reply: Reply, reference: str, *, as_list: bool) -> list[Form]:
        last_most = LONGEST_WITH_LIST if as_list else LONGEST_WITH_MORE
        pieces = split_before(words or self._say(PLEASE_CHOOSE, reply), LONGEST_BODY, last_most, utf16)
        ids = [choice_id(reference, index) for index in range(len(reply.choices))]
        last: Form = {"body": pieces[-1]}
        rows = list_rows(reply.choices) if as_list else None
        if rows is None:
            titles = [choice.title for choice in reply.choices]
            last["buttons"] = [{"id": id_, "title": title} for id_, title in zip(ids, titles, strict=True)]
        else:
            last["button"] = self._say(LIST_BUTTON, reply)
            last["rows"] = [
                {"id": id_, "title": row.title, "description": row.description}
                for id_, row in zip(ids, rows, strict=True)
            ]
        return [*({"body": piece} for piece in pieces[:-1]), last]

    def _say(self, name: str, reply: Reply) -> str:
        return self._texts.say(name, reply.language)


def _texts(words: str, last_most: int = LONGEST_BODY) -> list[Form]:
    return [{"body": piece} for piece in split_before(words, LONGEST_BODY, last_most, utf16)]


def _with_image(words: str, image: str | None) -> list[Form]:
    """The text, with the image at its end: its caption is what fits."""
    if not image:
        return _texts(words)
    forms: list[Form] = _texts(words, LONGEST_WITH_MORE) or [{}]
    forms[-1]["media"] = image
    return forms


def _place_form(place: Location) -> Form:
    """A place as WhatsApp shows it: https://www.twilio.com/docs/whatsapp/message-features."""
    label = (place.address or place.name).replace("|", " ")[:LONGEST_LABEL]
    point = f"geo:{place.latitude:.6f},{place.longitude:.6f}"
    return {"body": place.name or place.address or map_url(place), "place": f"{point}|{label}" if label else point}


def _parameters(form: Form) -> Parameters:
    """The form as Twilio's parameters."""
    if "content" in form:
        variables = msgspec.json.encode(form["variables"]).decode()
        return {"ContentSid": form["content"], **({"ContentVariables": variables} if form["variables"] else {})}
    names = {"body": "Body", "media": "MediaUrl", "place": "PersistentAction"}
    return {names[part]: form[part] for part in form}


def _spelled_out(form: Form) -> str:
    """The text with its choices as lines; without numbers, since `numbers_choices` has said that there are none."""
    titles = [row.get("description") or row["title"] for row in form.get("rows") or form.get("buttons") or []]
    return "\n".join([form.get("body", ""), *(f"- {title}" for title in titles)])
