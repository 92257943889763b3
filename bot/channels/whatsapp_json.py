"""The parts of WhatsApp's webhook JSON (Cloud API) that we read; unknown fields are let by.

Lists are read item by item (`bot.channels.meta.each`), so that a broken one spoils no other: their type is open here.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Entry(msgspec.Struct):
    """The changes of one WhatsApp business account."""

    changes: Any = None


class Change(msgspec.Struct):
    """One change; `value` depends on the field."""

    field: str = ""
    value: Any = None


class Metadata(msgspec.Struct):
    """Which of our numbers it is about."""

    phone_number_id: str


class Value(msgspec.Struct):
    """What the fields `messages` and `user_preferences` hold."""

    metadata: Metadata
    contacts: Any = None
    messages: Any = None
    statuses: Any = None
    user_preferences: Any = None
    errors: Any = None


class Person(msgspec.Struct):
    """Somebody as Meta names them beside a message."""

    wa_id: str = ""
    user_id: str = ""


class Text(msgspec.Struct):
    """Words."""

    body: str = ""


class Pressed(msgspec.Struct):
    """A button or a list's row."""

    id: str = ""
    title: str = ""


class Interactive(msgspec.Struct):
    """The answer to buttons or to a list."""

    button_reply: Pressed | None = None
    list_reply: Pressed | None = None


class TemplateButton(msgspec.Struct):
    """A pressed button of a template."""

    payload: str = ""
    text: str = ""


class Place(msgspec.Struct):
    """A shared place, in degrees."""

    latitude: Any = None
    longitude: Any = None


class Medium(msgspec.Struct):
    """A photo, document, recording, video or sticker; `id` is for fetching it."""

    id: str = ""
    mime_type: str = ""
    filename: str = ""
    caption: str = ""
    voice: bool = False


class Content(msgspec.Struct):
    """What a message says, by its `type`."""

    type: str = ""
    text: Text | None = None
    interactive: Interactive | None = None
    button: TemplateButton | None = None
    location: Place | None = None
    image: Medium | None = None
    document: Medium | None = None
    audio: Medium | None = None
    video: Medium | None = None
    sticker: Medium | None = None


class Edit(msgspec.Struct):
    """A message's new content."""

    original_message_id: str
    message: Content | None = None


class Revoke(msgspec.Struct):
    """The customer took a message back."""

    original_message_id: str


class Message(Content, kw_only=True):
    """A message of a customer; `group_id` is set when it was written in a group."""

    id: str
    number: str = msgspec.field(name="from", default="")
    from_user_id: str = ""
    timestamp: Any = None
    group_id: str = ""
    edit: Edit | None = None
    revoke: Revoke | None = None


class StatusPart(msgspec.Struct):
    """What became of a message of ours."""

    id: str
    status: str = ""
    biz_opaque_callback_data: Any = None
    errors: Any = None


class ErrorPart(msgspec.Struct):
    """Why it failed."""

    code: int | str = ""


class Preference(msgspec.Struct):
    """Whether the customer wants marketing messages: `stop`, `resume` or `signup`."""

    value: str = ""
    wa_id: str = ""
    user_id: str = ""
    timestamp: Any = None
