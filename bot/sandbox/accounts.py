"""The accounts at the providers, with invented secrets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

NUMBER = "+494066969000"
WHATSAPP_NUMBER = "+494066969001"
API_VERSION = "v23.0"


@dataclass(frozen=True)
class Accounts:
    """Who the portal is at Twilio and Meta, and the secrets they share."""

    twilio_account: str
    twilio_token: str
    meta_secret: str
    meta_verify_token: str
    whatsapp_token: str
    messenger_token: str
    twilio_number: str = NUMBER
    twilio_whatsapp: str = WHATSAPP_NUMBER
    whatsapp_number_id: str = "106540352242922"
    whatsapp_number: str = "494066969002"
    business: str = "102290129340398"
    messenger_page: str = "104512345678901"
    app: str = "263900000000000"

    @classmethod
    def made_up(cls) -> Accounts:
        """Accounts with fresh random secrets."""
        return cls(
            twilio_account="AC" + secrets.token_hex(16),
            twilio_token=secrets.token_hex(16),
            meta_secret=secrets.token_hex(16),
            meta_verify_token=secrets.token_hex(16),
            whatsapp_token="EAA" + secrets.token_hex(24),
            messenger_token="EAA" + secrets.token_hex(24),
        )

    def environment(self, sandbox_url: str, public_url: str) -> dict[str, str]:
        """The settings with which a portal at `public_url` uses the stand-ins at `sandbox_url`."""
        return {
            "SPRACHPORTAL_PUBLIC_URL": public_url,
            "TWILIO_ACCOUNT_SID": self.twilio_account,
            "TWILIO_AUTH_TOKEN": self.twilio_token,
            "TWILIO_PHONE_NUMBER": self.twilio_number,
            "TWILIO_WHATSAPP_NUMBER": self.twilio_whatsapp,
            "TWILIO_API_URL": sandbox_url,
            "META_APP_SECRET": self.meta_secret,
            "META_VERIFY_TOKEN": self.meta_verify_token,
            "META_API_URL": f"{sandbox_url}/{API_VERSION}",
            "WHATSAPP_PHONE_NUMBER_ID": self.whatsapp_number_id,
            "WHATSAPP_ACCESS_TOKEN": self.whatsapp_token,
            "MESSENGER_PAGE_ID": self.messenger_page,
            "MESSENGER_ACCESS_TOKEN": self.messenger_token,
        }

    @classmethod
    def from_environment(cls, given: dict[str, str]) -> Accounts:
        """The accounts that `environment` wrote; KeyError when a setting is missing."""
        return cls(
            twilio_account=given["TWILIO_ACCOUNT_SID"],
            twilio_token=given["TWILIO_AUTH_TOKEN"],
            meta_secret=given["META_APP_SECRET"],
            meta_verify_token=given["META_VERIFY_TOKEN"],
            whatsapp_token=given["WHATSAPP_ACCESS_TOKEN"],
            messenger_token=given["MESSENGER_ACCESS_TOKEN"],
            twilio_number=given["TWILIO_PHONE_NUMBER"],
            twilio_whatsapp=given["TWILIO_WHATSAPP_NUMBER"],
            whatsapp_number_id=given["WHATSAPP_PHONE_NUMBER_ID"],
            messenger_page=given["MESSENGER_PAGE_ID"],
        )
