"""Twilio's messages: SMS, WhatsApp and Messenger come to one webhook, told apart by the prefix of their addresses.

A request is verified, read, kept, answered; nothing else happens within it. Twilio takes an empty answer as "no reply":
what the portal says is sent through the API.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import httpx
from flask import Request, Response

from bot.channels.events import Event, Intake
from bot.channels.twilio_api import TwilioApi
from bot.channels.twilio_events import message_events, status_events
from bot.channels.twilio_outlet import MESSENGER, SMS, WHATSAPP, Known, TwilioOutlet
from bot.channels.twilio_signature import Signature
from bot.errors import BadRequest, StoreError
from bot.settings import Settings
from bot.texts import Texts

log = logging.getLogger(__name__)
NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class Twilio:
    """The webhooks, and the `outlets` of the three channels.

    `known` says whether a delivery of a channel has this provider's id; `transport` replaces the network.
    """

    name = "twilio"

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        *,
        texts: Texts,
        known: Known,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        key, algorithm = settings.twilio_signing
        self._signature = Signature(key, settings.public_url, algorithm)
        self._account = settings.twilio_account
        self._intake = intake
        api = TwilioApi(settings.twilio_account, settings.twilio_token, settings.providers.twilio_api, transport)
        self.outlets = tuple(
            TwilioOutlet(kind, api, texts=texts, public_url=settings.public_url, known=known)
            for kind in (SMS, WHATSAPP, MESSENGER)
        )

    def webhook(self, request: Request) -> Response:
        """An incoming message."""
        return self._take(request, self._message, Response(NO_REPLY, content_type="text/xml"))

    def status(self, request: Request) -> Response:
        """What became of a message that we sent."""
        return self._take(request, self._status, Response(status=204))

    def _message(self, request: Request) -> list[Event]:
        return message_events(self._signature.verified(request), self._account)

    def _status(self, request: Request) -> list[Event]:
        form = self._signature.verified(request)
        return status_events(form, request.query_string.decode("ascii", "replace"), self._account)

    def _take(self, request: Request, read: Callable[[Request], list[Event]], answer: Response) -> Response:
        """Keep what the request says; a refusal has no body, and what is not kept shall be told again."""
        try:
            self._intake.take(read(request))
        except BadRequest as error:
            return Response(status=error.status)
        except StoreError as error:
            log.error("%s: not kept, Twilio may deliver it again: %s", self.name, error.what)
            return Response(status=503)
        return answer
