"""Puts the messengers together: channels that are on, their webhooks' intake, the outbox, what is said unasked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from flask import Flask, Response, request

from bot.channels.messenger import Messenger
from bot.channels.meta import MetaChannel
from bot.channels.outlet import Outlet
from bot.channels.twilio import Twilio
from bot.channels.whatsapp import WhatsApp
from bot.contacts import Contacts
from bot.conversation import Conversations
from bot.database import despite_races
from bot.intake import PortalIntake
from bot.jobs import Jobs
from bot.media import Media, MediaSource, TwilioMedia
from bot.notices import Notices
from bot.outbox import Deliveries
from bot.outbox_store import Outbox
from bot.presence import Presence
from bot.scribe import Scribe
from bot.settings import Settings
from bot.texts import Texts

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Messengers:
    """The channels by webhook, and what works behind them."""

    jobs: Jobs
    notices: Notices
    twilio: Twilio | None
    meta: tuple[WhatsApp | Messenger, ...]


def build_messengers(settings: Settings, conversations: Conversations, *, works: bool = True) -> Messengers:
    """Everything around `conversations` that messengers need; `works`: this process answers and delivers.

    The outlets are known to all parts under their names once the channels are made.
    """
    outlets: dict[str, Outlet] = {}
    outbox, contacts, messaging = (
        Outbox(settings.database_url),
        Contacts(settings.database_url),
        settings.portal.messaging,
    )
    deliveries = Deliveries(outbox, outlets, conversations.locks, messaging)
    jobs = Jobs(conversations, deliveries, settings, works=works)
    intake = PortalIntake(
        conversations,
        deliveries,
        contacts,
        messaging,
        jobs.wake,
        jobs.wake_outbox,
        settings.portal.languages[0],
        Scribe(settings.database_url).write if settings.database_url.startswith("sqlite") else despite_races,
    )
    notices = Notices(
        conversations.store,
        contacts,
        outlets,
        conversations.texts,
        messaging,
        ZoneInfo(settings.portal.company.timezone),
        settings.portal.languages[0],
        jobs.wake_outbox,
    )
    deliveries.reopen = notices.reopen
    deliveries.objection = notices.objection
    deliveries.opted_out = partial(contacts.note_consent, source="provider")
    twilio = _twilio(settings, intake, conversations.texts, outbox)
    meta = tuple(_meta(settings, intake, conversations.texts))
    outlets.update({outlet.name: outlet for outlet in twilio.outlets} if twilio else {})
    outlets.update({channel.name: channel for channel in meta})
    conversations.outlets = outlets
    conversations.media = Media(settings, _sources(settings, twilio, meta), conversations.texts)
    conversations.presence = Presence(outlets)
    return Messengers(jobs, notices, twilio, meta)


def _twilio(settings: Settings, intake: PortalIntake, texts: Texts, outbox: Outbox) -> Twilio | None:
    if settings.phone_is_on:
        return Twilio(settings, intake, texts=texts, known=outbox.knows)
    log.info("channel twilio is off: TWILIO_AUTH_TOKEN or SPRACHPORTAL_PUBLIC_URL is not set")
    return None


def _meta(settings: Settings, intake: PortalIntake, texts: Texts) -> Iterator[WhatsApp | Messenger]:
    providers = settings.providers
    if providers.whatsapp_is_on:
        yield WhatsApp(providers, intake, texts)
    else:
        log.info("channel whatsapp is off: WHATSAPP_ACCESS_TOKEN is not set")
    if providers.messenger_is_on:
        yield Messenger(providers, intake, texts)
    else:
        log.info("channel messenger is off: MESSENGER_ACCESS_TOKEN is not set")


def _sources(
    settings: Settings, twilio: Twilio | None, meta: tuple[WhatsApp | Messenger, ...]
) -> dict[str, MediaSource]:
    sources: dict[str, MediaSource] = {channel.name: channel for channel in meta}
    if twilio:
        media = TwilioMedia(settings.twilio_account, settings.twilio_token, settings.providers.twilio_api)
        sources |= {outlet.name: media for outlet in twilio.outlets}
    return sources


def add_messengers(app: Flask, messengers: Messengers) -> None:
    """The webhooks of the channels that are on."""
    if messengers.twilio:
        _add_twilio(app, messengers.twilio)
    for channel in messengers.meta:
        _add_meta(app, channel)


def _add_twilio(app: Flask, twilio: Twilio) -> None:
    @app.post("/webhooks/twilio")
    def message() -> Response:
        return twilio.webhook(request)

    @app.post("/webhooks/twilio/status")
    def message_status() -> Response:
        return twilio.status(request)


def _add_meta(app: Flask, channel: MetaChannel) -> None:
    @app.route(f"/webhooks/{channel.name}", methods=["GET", "POST"], endpoint=channel.name)
    def delivery() -> Response:
        return channel.webhook(request)
