"""Settings of the messengers and of what is sent: `messaging` in `portal.yml`, and the providers' secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import time
from typing import Literal

import msgspec

CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
CONTENT_SID = re.compile(r"HX[0-9a-f]{32}")
TEMPLATE_NAME = re.compile(r"[a-z0-9_]{1,512}")
META_NAMES = ("META_APP_SECRET", "META_VERIFY_TOKEN")
WHATSAPP_NAMES = ("WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_ACCESS_TOKEN")
MESSENGER_NAMES = ("MESSENGER_PAGE_ID", "MESSENGER_ACCESS_TOKEN")
TWILIO_API = "https://api.twilio.com"
META_API = "https://graph.facebook.com/v23.0"
LOCAL = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/|$)")

VariableType = Literal["text", "number", "amount", "date", "time"]


class RetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a delivery is tried again; the pause doubles from `first_seconds` to `most_seconds`, with jitter.

    `unclear_seconds` is how long the provider has to tell that it took a delivery whose answer was lost.
    """

    tries: int = 12
    first_seconds: float = 1.0
    most_seconds: float = 300.0
    unclear_seconds: float = 20.0


class QuietSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When nobody is written to unasked, by the company's clock, such as 21:00 to 08:00."""

    begin: str = "21:00"
    end: str = "08:00"

    def holds(self, now: time) -> bool:
        """Whether it is quiet now."""
        begin, end = time.fromisoformat(self.begin), time.fromisoformat(self.end)
        return begin <= now < end if begin <= end else now >= begin or now < end


class TemplateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text we send unasked: the response `text` of the domain, and what the providers have approved of it.

    `variables` names each placeholder's type, in the order of the approved text; `whatsapp` is Meta's name of the
    template and `twilio` the ContentSid, by language.
    """

    text: str
    variables: dict[str, VariableType] = {}
    whatsapp: dict[str, str] = {}
    twilio: dict[str, str] = {}


class MediaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Photos, documents and voice notes of customers.

    `transcriber` makes text of voice notes: `package.module:function`, empty for none (see docs/messengers.md).
    """

    folder: str = "var/media"
    most_megabytes: int = 16
    seconds: float = 20.0
    transcriber: str = ""


class MessagingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Messengers and SMS.

    `reopen` is the template sent when an answer waits and the 24 hours are over, empty to hold it only.
    `turns_per_minute` of one customer are answered; what comes above that is kept, and the first told to wait.
    Photos, documents and voice notes are deleted after `media_days`.
    """

    retry: RetrySettings = RetrySettings()
    window_hours: float = 24.0
    opt_out_words: tuple[str, ...] = ("STOP", "STOPP", "STOPALL", "UNSUBSCRIBE", "ABMELDEN", "ABBESTELLEN")
    opt_in_words: tuple[str, ...] = ("START", "UNSTOP", "ANMELDEN")
    quiet: QuietSettings = QuietSettings()
    notices_per_day: int = 3
    notices_need_consent: bool = True
    reopen: str = ""
    turns_per_minute: int = 30
    templates: dict[str, TemplateSettings] = {}
    media: MediaSettings = MediaSettings()
    media_days: int = 30


class ProviderSettings(msgspec.Struct, frozen=True):
    """What the messengers' providers gave us; a channel without its secrets is off. URLs have no trailing slash."""

    twilio_whatsapp: str = ""
    twilio_api: str = TWILIO_API
    meta_secret: str = ""
    meta_verify_token: str = ""
    meta_api: str = META_API
    whatsapp_number_id: str = ""
    whatsapp_token: str = ""
    messenger_page: str = ""
    messenger_token: str = ""

    @property
    def whatsapp_is_on(self) -> bool:
        """Whether WhatsApp comes from Meta directly."""
        return bool(self.meta_secret and self.whatsapp_token)

    @property
    def messenger_is_on(self) -> bool:
        """Whether Messenger comes from Meta directly."""
        return bool(self.meta_secret and self.messenger_token)


def read_providers(given: Mapping[str, str], problems: list[str]) -> ProviderSettings:
    """The providers' secrets from the environment; what is missing or wrong is added to `problems`."""
    problems += _missing(given)
    for name in ("TWILIO_API_URL", "META_API_URL"):
        if given.get(name) and not given[name].startswith("https://") and not LOCAL.match(given[name]):
            problems.append(f"{name} must begin with https:// (http:// only on this machine)")
    if given.get("TWILIO_WHATSAPP_NUMBER") and not re.fullmatch(r"\+[1-9][0-9]{6,14}", given["TWILIO_WHATSAPP_NUMBER"]):
        problems.append("TWILIO_WHATSAPP_NUMBER must look like +494012345678")
    return ProviderSettings(
        twilio_whatsapp=given.get("TWILIO_WHATSAPP_NUMBER", ""),
        twilio_api=(given.get("TWILIO_API_URL") or TWILIO_API).rstrip("/"),
        meta_secret=given.get("META_APP_SECRET", ""),
        meta_verify_token=given.get("META_VERIFY_TOKEN", ""),
        meta_api=(given.get("META_API_URL") or META_API).rstrip("/"),
        whatsapp_number_id=given.get("WHATSAPP_PHONE_NUMBER_ID", ""),
        whatsapp_token=given.get("WHATSAPP_ACCESS_TOKEN", ""),
        messenger_page=given.get("MESSENGER_PAGE_ID", ""),
        messenger_token=given.get("MESSENGER_ACCESS_TOKEN", ""),
    )


def _missing(given: Mapping[str, str]) -> Iterator[str]:
    """Names without a value among those that belong together, when one of them has one."""
    whatsapp = any(given.get(name) for name in WHATSAPP_NAMES)
    messenger = any(given.get(name) for name in MESSENGER_NAMES)
    meta = any(given.get(name) for name in META_NAMES)
    wanted = [*(WHATSAPP_NAMES if whatsapp else ()), *(MESSENGER_NAMES if messenger else ())]
    if wanted or meta:
        wanted += META_NAMES
    for name in wanted:
        if not given.get(name):
            yield f"{name} is missing; Meta's channels need it"
    if meta and not whatsapp and not messenger:
        yield f"{' or '.join((WHATSAPP_NAMES[0], MESSENGER_NAMES[0]))} is missing; META_* alone switches nothing on"


def check_messaging(messaging: MessagingSettings, languages: list[str], where: str) -> Iterator[str]:
    """What is wrong with `messaging` in `portal.yml`."""
    retry = messaging.retry
    limits = (
        ("retry.tries", retry.tries, 1, 50),
        ("retry.first_seconds", retry.first_seconds, 0.05, 3600),
        ("retry.most_seconds", retry.most_seconds, retry.first_seconds, 86_400),
        ("retry.unclear_seconds", retry.unclear_seconds, 0.5, 3600),
        ("window_hours", messaging.window_hours, 0.01, 168),
        ("notices_per_day", messaging.notices_per_day, 0, 100),
        ("turns_per_minute", messaging.turns_per_minute, 1, 1000),
        ("media.most_megabytes", messaging.media.most_megabytes, 1, 100),
        ("media.seconds", messaging.media.seconds, 1, 120),
        ("media_days", messaging.media_days, 1, 3650),
    )
    for name, number, least, most in limits:
        if not least <= number <= most:
            yield f"{where}.{name} may be {least} to {most}"
    for clock in (messaging.quiet.begin, messaging.quiet.end):
        if not CLOCK.fullmatch(clock):
            yield f"{where}.quiet: {clock!r} is no time such as 21:00"
    if messaging.reopen and messaging.reopen not in messaging.templates:
        yield f"{where}.reopen names no template"
    elif messaging.reopen and messaging.templates[messaging.reopen].variables:
        yield f"{where}.reopen: this template may have no variables"
    for name, template in messaging.templates.items():
        yield from _check_template(template, languages, f"{where}.templates.{name}")


def _check_template(template: TemplateSettings, languages: list[str], where: str) -> Iterator[str]:
    for names in (template.whatsapp, template.twilio):
        if names and set(names) != set(languages):
            yield f"{where}: give a name in {', '.join(languages)}"
    if any(not TEMPLATE_NAME.fullmatch(name) for name in template.whatsapp.values()):
        yield f"{where}.whatsapp: Meta's names have small letters, digits and _"
    if any(not CONTENT_SID.fullmatch(sid) for sid in template.twilio.values()):
        yield f"{where}.twilio: a ContentSid is HX and 32 hex digits"
