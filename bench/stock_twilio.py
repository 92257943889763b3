"""Rasa's own `twilio` channel, unchanged but for the address of Twilio's API: it is that of the sandbox."""

from __future__ import annotations

from typing import Any

from rasa.core.channels.channel import OutputChannel
from rasa.core.channels.twilio import TwilioInput, TwilioOutput
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response

API = "https://api.twilio.com"
CREDENTIALS = """\
bench.stock_twilio.StockTwilio:
  account_sid: "{account}"
  auth_token: "{token}"
  twilio_number: "{number}"
  api: "{api}"
"""


class AtStandIn(TwilioHttpClient):
    """Twilio's client, talking to `api`."""

    def __init__(self, api: str) -> None:
        super().__init__()
        self._api = api

    def request(self, method: str, url: str, *args: Any, **more: Any) -> Response:
        """The same request to another address."""
        return super().request(method, url.replace(API, self._api, 1), *args, **more)


class StockTwilio(TwilioInput):
    """Rasa's channel with another address of the API."""

    api = ""

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> StockTwilio:
        """As Rasa reads them; `api` is ours."""
        given = dict(credentials or {})
        api = given.pop("api", API)
        channel = cls(**given)
        channel.api = api
        return channel

    def get_output_channel(self) -> OutputChannel:
        """Rasa's output channel, which makes a client of Twilio's."""
        output: TwilioOutput = super().get_output_channel()
        output.http_client = AtStandIn(self.api)
        return output
