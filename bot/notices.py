"""The one way to write to a customer unasked: consent, quiet hours, a cap on frequency, and the 24-hour window.

Within the window a notice is the response of its template; outside of it, what the provider has approved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from bot.channels.outlet import Form, Outlet, Template
from bot.contacts import Contacts, Reach
from bot.errors import PortalError
from bot.messaging_settings import MessagingSettings, TemplateSettings, VariableType
from bot.outbox import OPTED_OUT, WINDOW_SECONDS, Objection, within_window
from bot.outbox_store import Taken
from bot.store import Store
from bot.texts import Texts
from bot.turns import Reply, utc_now

LOCALES = {"de": "de_DE", "en": "en_GB"}
LONGEST_VARIABLE = 200
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
DAY = timedelta(days=1)
QUIET, TOO_MANY = "quiet hours", "too many notices today"
NO_TEMPLATE = "the 24 hours are over and no approved template is set"


class NoticeError(PortalError):
    """A notice that cannot be: an unknown template, wrong variables, or nobody there."""


@dataclass(frozen=True)
class Notice:
    """What became of a notice: queued, held (until when) or refused, and why; `delivery` is None when refused."""

    state: str
    why: str = ""
    delivery: str | None = None
    until: datetime | None = None


@dataclass
class Notices:
    """Writes to contacts unasked; `zone` is where quiet hours hold; `company_language` is for those we never heard."""

    store: Store
    contacts: Contacts
    outlets: Mapping[str, Outlet]
    texts: Texts
    settings: MessagingSettings
    zone: ZoneInfo
    company_language: str
    wake_outbox: Callable[[str], None]

    def notify(self, contact: int, template: str, variables: Mapping[str, str]) -> Notice:
        """Say this template's text to a contact (`bot.contacts`); raises `NoticeError` when it cannot be."""
        wanted, reach = self._template(template), self._reach(contact)
        refusal = self._refusal(reach)
        return Notice("refused", refusal) if refusal else self._say(reach, template, wanted, variables)

    def reopen(self, conversation: str) -> None:
        """Ask a customer whose answer waits to write to us again; once, and not those who opted out."""
        contact = self.store.contact_of(conversation)
        reach = self._reach(contact)
        asked = self.store.said_unasked_since(conversation, reach.last_turn_at)
        if self.settings.reopen and not asked and reach.consent is not False:
            template = self._template(self.settings.reopen)
            form = self._approved(reach, self.settings.reopen, template, {})
            if form is not None:
                reply = self._worded(template, {}, reach)
                self._put(reach, reply, [form], "reopen", self._quiet_until(), QUIET)

    def objection(self, taken: Taken) -> Objection | None:
        """What speaks against sending this now, whenever it was queued; what began to go out goes on to its end."""
        reach = self._reach(self.store.contact_of(taken.conversation))
        is_request = taken.kind == "reopen"
        refusal = OPTED_OUT if reach.consent is False else "" if is_request else self._no_consent(reach)
        if refusal:
            return Objection(refusal)
        sent = self.contacts.notices_sent(taken.conversation, utc_now() - DAY)
        if taken.reply in sent:
            return None
        if until := self._quiet_until():
            return Objection(QUIET, until)
        return None if is_request else self._too_many(sorted(sent.values()))

    def _too_many(self, sent: Sequence[datetime]) -> Objection | None:
        """The cap, when notices went out at these moments of the last day, the oldest first."""
        most = self.settings.notices_per_day
        if len(sent) < most:
            return None
        return Objection(TOO_MANY, sent[-most] + DAY if most else None)

    def _template(self, name: str) -> TemplateSettings:
        if name not in self.settings.templates:
            raise NoticeError(f"there is no template {name!r}", "add it to messaging.templates in portal.yml")
        return self.settings.templates[name]

    def _reach(self, contact: int) -> Reach:
        reach = self.contacts.reach(contact, language=self.company_language)
        if reach is None:
            raise NoticeError("there is no such contact")
        return reach

    def _refusal(self, reach: Reach) -> str:
        if reach.channel not in self.outlets:
            return "nobody can be written to on this channel"
        if refusal := self._no_consent(reach):
            return refusal
        return TOO_MANY if reach.notices_today >= self.settings.notices_per_day else ""

    def _no_consent(self, reach: Reach) -> str:
        if reach.consent is False:
            return OPTED_OUT
        return "the customer has not agreed" if reach.consent is None and self.settings.notices_need_consent else ""

    def _say(self, reach: Reach, name: str, template: TemplateSettings, given: Mapping[str, str]) -> Notice:
        values = _in_words(template, given, reach.language)
        reply = self._worded(template, values, reach)
        until = self._quiet_until()
        outlet = self.outlets[reach.channel]
        if not outlet.has_window or within_window(reach.last_turn_at, self.settings, at=until or utc_now()):
            return self._put(reach, reply, outlet.forms(reply, "notice"), "notice", until, QUIET)
        form = self._approved(reach, name, template, values)
        if form is not None:
            return self._put(reach, reply, [form], "template", until, QUIET)
        waits = utc_now() + timedelta(seconds=WINDOW_SECONDS)
        return self._put(reach, reply, outlet.forms(reply, "notice"), "notice", waits, NO_TEMPLATE)

    def _worded(self, template: TemplateSettings, values: Mapping[str, str], reach: Reach) -> Reply:
        return Reply(_filled(self.texts.say(template.text, reach.language), values), language=reach.language)

    def _approved(self, reach: Reach, name: str, template: TemplateSettings, values: Mapping[str, str]) -> Form | None:
        names = template.whatsapp if reach.channel == "whatsapp" else template.twilio
        approved = Template(name, names, tuple(template.variables))
        return self.outlets[reach.channel].template_form(approved, reach.language, values)

    def _put(
        self, reach: Reach, reply: Reply, forms: list[Form], kind: str, until: datetime | None, why: str
    ) -> Notice:
        delivery = self.store.notice(reach.conversation, reply, forms, kind=kind, at=until, why=why)
        if until is None:
            self.wake_outbox(reach.conversation)
            return Notice("queued", "", delivery)
        return Notice("held", why, delivery, until)

    def _quiet_until(self) -> datetime | None:
        """When the quiet hours end, in UTC; None when it is not quiet."""
        here = utc_now().astimezone(self.zone)
        if not self.settings.quiet.holds(here.time()):
            return None
        end = datetime.combine(here, time.fromisoformat(self.settings.quiet.end), self.zone)
        return (end if end > here else end + timedelta(days=1)).astimezone(utc_now().tzinfo)


def _in_words(template: TemplateSettings, given: Mapping[str, str], language: str) -> dict[str, str]:
    """The variables as they are read, in the template's order."""
    if set(given) != set(template.variables):
        raise NoticeError(f"the variables are {', '.join(template.variables) or 'none'}")
    return {name: _in_word(name, kind, given[name], language) for name, kind in template.variables.items()}


def _in_word(name: str, kind: VariableType, given: str, language: str) -> str:
    """A variable's value as it is read; amounts are in euros, dates and times in ISO form."""
    locale = LOCALES[language]
    try:
        match kind:
            case "number":
                return str(format_decimal(Decimal(given), locale=locale))
            case "amount":
                return str(format_currency(Decimal(given), "EUR", locale=locale))
            case "date":
                return str(format_date(date.fromisoformat(given), "long", locale=locale))
            case "time":
                return time.fromisoformat(given).strftime("%H:%M")
            case _:
                return " ".join(given.split())[:LONGEST_VARIABLE]
    except (ValueError, InvalidOperation) as error:
        raise NoticeError(f"the variable {name} is no {kind}") from error


def _filled(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)
