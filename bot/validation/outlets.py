"""Every channel's outlet as it would be with all its secrets, to render what goes out; nothing can be sent with it."""

from __future__ import annotations

from bot.channels.events import Event
from bot.channels.messenger import Messenger
from bot.channels.outlet import Outlet
from bot.channels.twilio_api import TwilioApi
from bot.channels.twilio_outlet import MESSENGER, SMS, WHATSAPP, TwilioOutlet
from bot.channels.whatsapp import WhatsApp
from bot.messaging_settings import TWILIO_API, ProviderSettings
from bot.texts import Texts


class _NoIntake:
    """Nothing comes in here."""

    def take(self, events: list[Event]) -> None:
        raise RuntimeError("this channel is for rendering alone")


def every_outlet(texts: Texts) -> list[Outlet]:
    """SMS, WhatsApp and Messenger by Twilio, WhatsApp and Messenger by Meta."""
    api = TwilioApi("", "", TWILIO_API)
    providers, intake = ProviderSettings(), _NoIntake()
    by_twilio = (
        TwilioOutlet(kind, api, texts=texts, public_url="", known=lambda _channel, _id: False)
        for kind in (SMS, WHATSAPP, MESSENGER)
    )
    return [*by_twilio, WhatsApp(providers, intake, texts), Messenger(providers, intake, texts)]
