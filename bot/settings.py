"""Every setting, checked at start.

Secrets and addresses come from the environment and a `.env` file; everything else stands in
`portal.yml`. All problems are told at once.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from dotenv import dotenv_values
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from twilio.request_validator import HMAC_SHA1, HMAC_SHA256

from bot.errors import SettingsError
from bot.messaging_settings import MessagingSettings, ProviderSettings, check_messaging, read_providers

PORTAL_FILE = Path("portal.yml")
SECRET_FILE = Path("var/secret_key")
DEMO_TOKEN_FILE = Path("var/demo_phone_token")
DEMO_ACCOUNT = "AC" + "0" * 32
DEMO_NUMBER = "+494066969000"
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
WAYS_OUT = ("way_out", "goodbye")
MOST_HINTS = 400
LONGEST_HINT = 100
DEFAULT_DATABASE = "sqlite:///var/sprachportal.db"
SHORTEST_SECRET = 16
LANGUAGES = ("de", "en")
THREADS_FOR_ALL = 16


class CompanySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who speaks."""

    name: str
    timezone: str = "Europe/Berlin"


class TurnSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a turn is answered; `deadline_seconds` is for the engine alone."""

    deadline_seconds: float = 20.0
    waiting_at_most: int = 10


class WebChatSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The web chat. Visits are counted by the client's address, turns and streams by visitor."""

    frame_ancestors: list[str] = msgspec.field(default_factory=lambda: ["*"])
    visit_days: int = 30
    visits_at_once: int = 60
    visits_per_minute: int = 120
    turns_at_once: int = 20
    turns_per_minute: int = 60
    streams_per_visitor: int = 4


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The web server; each open stream and each waiting REST request holds a thread.

    `trusted_proxies` is how many proxies in front write `X-Forwarded-For`; without any it is ignored.
    """

    threads: int = 96
    streams_at_most: int = 64
    trusted_proxies: int = 0

    @property
    def rest_at_most(self) -> int:
        """How many REST requests wait at once: the rest of the threads is for everything else."""
        return max(4, self.threads - self.streams_at_most - THREADS_FOR_ALL)


class SpeakerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a language is heard and spoken: BCP 47 code, Twilio's name of the voice, a recogniser or Twilio's choice."""

    code: str
    voice: str
    speech_model: str | None = None


class QuestionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a question on the phone is listened to.

    `keys` is what can be typed; `timeout` how many seconds nothing may be said; `pause` how many seconds of silence end
    an answer; `ladder` what follows one miss after the other; `hints` by language are for the recogniser.
    """

    keys: Literal["open", "number", "date", "time", "yes_no", "choice", "text"] = "open"
    timeout: int = 6
    pause: int = 2
    ladder: list[Literal["rephrase", "keys", "more", "way_out", "goodbye"]] = msgspec.field(
        default_factory=lambda: ["rephrase", "keys", "way_out"]
    )
    hints: dict[str, list[str]] = msgspec.field(default_factory=dict)


class VoiceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The telephone. Times in seconds; `human_number` (E.164) is dialled when a human is wanted, empty for nobody.

    `questions` are by the need that is asked for; `open` is any other question, `done` an answer without one.
    """

    speakers: dict[str, SpeakerSettings] = msgspec.field(
        default_factory=lambda: {
            "de": SpeakerSettings("de-DE", "Polly.Vicki-Neural"),
            "en": SpeakerSettings("en-GB", "Polly.Amy-Neural"),
        }
    )
    human_number: str = ""
    ring_seconds: int = 25
    wait_seconds: float = 1.5
    fillers: int = 6
    sure_from: float = 0.4
    language_key: str = "9"
    longest_minutes: int = 30
    most_steps: int = 200
    questions: dict[str, QuestionSettings] = msgspec.field(default_factory=dict)

    def question(self, need: str) -> QuestionSettings:
        """The settings for this need; those of `open` when it has none of its own."""
        return self.questions.get(need) or self.questions.get("open") or QuestionSettings()


class GateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What keeps a model from being promoted: how far, from 0 to 1, its figures may be below the live model's.

    `margin` is for all sentences and for those of a language and channel, `intent_margin` for one intent.
    """

    margin: float = 0.01
    intent_margin: float = 0.1


class MistakeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What went wrong is kept for `sprachportal inbox`, masked, for `days_kept` days; with `collect: false` nothing is.

    With `need_consent` only what customers say who agreed to it. An understood turn counts as unsure below the
    confidence `unsure_below`.
    """

    collect: bool = True
    need_consent: bool = False
    days_kept: int = 90
    unsure_below: float = 0.7


class PortalFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`portal.yml`."""

    company: CompanySettings
    languages: list[str] = msgspec.field(default_factory=lambda: ["de", "en"])
    turn: TurnSettings = msgspec.field(default_factory=TurnSettings)
    web_chat: WebChatSettings = msgspec.field(default_factory=WebChatSettings)
    server: ServerSettings = msgspec.field(default_factory=ServerSettings)
    voice: VoiceSettings = msgspec.field(default_factory=VoiceSettings)
    messaging: MessagingSettings = MessagingSettings()
    gate: GateSettings = GateSettings()
    mistakes: MistakeSettings = MistakeSettings()


class Settings(msgspec.Struct, frozen=True):
    """All settings. URLs have no trailing slash; an empty secret means that its channel is off."""

    portal: PortalFile
    public_url: str
    secret_key: str
    rest_token: str
    database_url: str
    rasa_url: str
    rasa_token: str
    twilio_account: str
    twilio_token: str
    twilio_number: str
    providers: ProviderSettings = ProviderSettings()
    redis_url: str = ""
    twilio_webhook_key: str = ""

    @property
    def phone_is_on(self) -> bool:
        """Whether calls can be answered."""
        return bool(self.twilio_token and self.public_url)

    @property
    def twilio_signing(self) -> tuple[str, str]:
        """Key and algorithm of Twilio's signatures: SHA-256 with the shared key if there is one.

        Never what a request says of itself.
        """
        if self.twilio_webhook_key:
            return self.twilio_webhook_key, HMAC_SHA256
        return self.twilio_token, HMAC_SHA1


def load_settings(environment: Mapping[str, str] | None = None, portal_file: Path = PORTAL_FILE) -> Settings:
    """Read and check everything; raises `SettingsError` that names every problem."""
    given = dict(environment) if environment is not None else {**_dotenv(), **os.environ}
    problems: list[str] = []
    portal = _read_portal(portal_file, problems)
    _check_secret(given, "SPRACHPORTAL_SECRET_KEY", problems)
    _check_secret(given, "SPRACHPORTAL_REST_TOKEN", problems)
    _check_secret(given, "TWILIO_WEBHOOK_KEY", problems)
    for name in ("SPRACHPORTAL_PUBLIC_URL", "RASA_URL"):
        _check_url(given, name, problems)
    if given.get("RASA_URL") and not given.get("RASA_TOKEN"):
        problems.append("RASA_TOKEN is missing; RASA_URL needs it")
    _check_twilio(given, problems)
    providers = read_providers(given, problems)
    _check_redis(given, problems)
    _check_database(given, problems)
    if problems or portal is None:
        raise SettingsError("; ".join(problems), "correct the environment, .env or portal.yml (see docs/settings.md)")
    return Settings(
        portal=portal,
        public_url=given.get("SPRACHPORTAL_PUBLIC_URL", "").rstrip("/"),
        secret_key=given.get("SPRACHPORTAL_SECRET_KEY") or _own_secret(),
        rest_token=given.get("SPRACHPORTAL_REST_TOKEN", ""),
        database_url=_database(given.get("DATABASE_URL") or DEFAULT_DATABASE),
        rasa_url=given.get("RASA_URL", "").rstrip("/"),
        rasa_token=given.get("RASA_TOKEN", ""),
        twilio_account=given.get("TWILIO_ACCOUNT_SID", ""),
        twilio_token=given.get("TWILIO_AUTH_TOKEN", ""),
        twilio_number=given.get("TWILIO_PHONE_NUMBER", ""),
        providers=providers,
        redis_url=given.get("REDIS_URL", ""),
        twilio_webhook_key=given.get("TWILIO_WEBHOOK_KEY", ""),
    )


def for_demo(settings: Settings, url: str) -> Settings:
    """With what a demo at `url` lacks made up, so that the simulated phone can sign its calls.

    The made-up token is kept like the secret key; account and number belong to nobody.
    """
    public_url = settings.public_url or url.rstrip("/")
    if settings.twilio_token:
        return msgspec.structs.replace(settings, public_url=public_url)
    return msgspec.structs.replace(
        settings,
        public_url=public_url,
        twilio_account=DEMO_ACCOUNT,
        twilio_token=_own_secret(DEMO_TOKEN_FILE),
        twilio_number=settings.twilio_number or DEMO_NUMBER,
    )


def _dotenv() -> dict[str, str]:
    return {name: value for name, value in dotenv_values(".env").items() if value is not None}


def _read_portal(file: Path, problems: list[str]) -> PortalFile | None:
    try:
        portal = msgspec.yaml.decode(file.read_bytes(), type=PortalFile)
    except FileNotFoundError:
        problems.append(f"{file} is missing; run in the project's folder")
        return None
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        problems.append(f"{file}: {error}")
        return None
    _check_portal(portal, file, problems)
    return portal


def _check_portal(portal: PortalFile, file: Path, problems: list[str]) -> None:
    unknown = [language for language in portal.languages if language not in LANGUAGES]
    if unknown or not portal.languages:
        problems.append(f"{file}: languages may be {', '.join(LANGUAGES)}, not {', '.join(unknown) or 'none'}")
    try:
        ZoneInfo(portal.company.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        problems.append(f"{file}: company.timezone is no time zone")
    _check_numbers(portal, file, problems)
    if portal.server.streams_at_most >= portal.server.threads:
        problems.append(f"{file}: server.streams_at_most must be below server.threads")
    _check_voice(portal.voice, portal.languages, file, problems)
    problems += check_messaging(portal.messaging, portal.languages, f"{file}: messaging")


def _check_numbers(portal: PortalFile, file: Path, problems: list[str]) -> None:
    turn, chat, server = portal.turn, portal.web_chat, portal.server
    limits = (
        ("gate.margin", portal.gate.margin, 0, 1),
        ("gate.intent_margin", portal.gate.intent_margin, 0, 1),
        ("mistakes.days_kept", portal.mistakes.days_kept, 1, 3650),
        ("mistakes.unsure_below", portal.mistakes.unsure_below, 0, 1),
        ("turn.deadline_seconds", turn.deadline_seconds, 0.1, 600),
        ("turn.waiting_at_most", turn.waiting_at_most, 1, 1000),
        ("web_chat.visit_days", chat.visit_days, 1, 3650),
        ("web_chat.visits_at_once", chat.visits_at_once, 1, 100_000),
        ("web_chat.visits_per_minute", chat.visits_per_minute, 1, 100_000),
        ("web_chat.turns_at_once", chat.turns_at_once, 1, 100_000),
        ("web_chat.turns_per_minute", chat.turns_per_minute, 1, 100_000),
        ("web_chat.streams_per_visitor", chat.streams_per_visitor, 1, 100),
        ("server.threads", server.threads, 8, 1000),
        ("server.streams_at_most", server.streams_at_most, 0, 1000),
        ("server.trusted_proxies", server.trusted_proxies, 0, 10),
    )
    for name, number, least, most in limits:
        if not least <= number <= most:
            problems.append(f"{file}: {name} may be {least} to {most}")


def _check_voice(voice: VoiceSettings, languages: list[str], file: Path, problems: list[str]) -> None:
    missing = [language for language in languages if language not in voice.speakers]
    if missing:
        problems.append(f"{file}: voice.speakers lacks {', '.join(missing)}")
    if voice.human_number and not E164.fullmatch(voice.human_number):
        problems.append(f"{file}: voice.human_number must look like +494012345678")
    if not 0.1 <= voice.wait_seconds <= 3 or not 1 <= voice.fillers <= 8:
        problems.append(f"{file}: voice.wait_seconds may be 0.1 to 3, voice.fillers 1 to 8")
    if voice.language_key not in tuple("123456789") or voice.most_steps < 10:
        problems.append(f"{file}: voice.language_key must be a key from 1 to 9, voice.most_steps at least 10")
    for language, speaker in voice.speakers.items():
        _check_speaker(language, speaker, f"{file}: voice.speakers.{language}", problems)
    for need, question in voice.questions.items():
        _check_question(question, f"{file}: voice.questions.{need}", problems)


def _check_speaker(language: str, speaker: SpeakerSettings, where: str, problems: list[str]) -> None:
    if not speaker.code.startswith(f"{language}-"):
        problems.append(f"{where}.code must begin with {language}-, not {speaker.code}")
    if language == "de" and speaker.speech_model == "phone_call":
        problems.append(f"{where}.speech_model: phone_call knows no German; leave it out or take another one")


def _check_question(question: QuestionSettings, where: str, problems: list[str]) -> None:
    if not 1 <= len(question.ladder) <= 3 or question.ladder[-1] not in WAYS_OUT:
        problems.append(f"{where}.ladder has 1 to 3 rungs, the last one {' or '.join(WAYS_OUT)}")
    if len(set(question.ladder)) < len(question.ladder):
        problems.append(f"{where}.ladder says the same twice")
    if not 1 <= question.timeout <= 30 or not 1 <= question.pause <= 10:
        problems.append(f"{where}: timeout may be 1 to 30 and pause 1 to 10 seconds")
    hints = [hint for words in question.hints.values() for hint in words]
    if len(hints) > MOST_HINTS or any(len(hint) > LONGEST_HINT or "," in hint for hint in hints):
        problems.append(f"{where}: at most {MOST_HINTS} hints of {LONGEST_HINT} characters without a comma")


def _check_twilio(given: Mapping[str, str], problems: list[str]) -> None:
    users = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_WHATSAPP_NUMBER", "TWILIO_WEBHOOK_KEY")
    if not any(given.get(name) for name in users):
        return
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        if not given.get(name):
            problems.append(f"{name} is missing; Twilio needs it")


def _check_redis(given: Mapping[str, str], problems: list[str]) -> None:
    if given.get("REDIS_URL") and not given["REDIS_URL"].startswith(("redis://", "rediss://", "unix://")):
        problems.append("REDIS_URL must begin with redis://, rediss:// or unix://")


def _check_database(given: Mapping[str, str], problems: list[str]) -> None:
    """Each connection would have an in-memory database of its own."""
    try:
        url = make_url(given.get("DATABASE_URL") or DEFAULT_DATABASE)
    except ArgumentError:
        problems.append(f"DATABASE_URL must look like {DEFAULT_DATABASE} or postgresql://user:password@host/name")
        return
    in_memory = not url.database or ":memory:" in url.database or url.query.get("mode") == "memory"
    if url.get_backend_name() == "sqlite" and in_memory:
        problems.append(f"DATABASE_URL names no file, as {DEFAULT_DATABASE} does; SQLite in memory cannot serve")


def _check_secret(given: Mapping[str, str], name: str, problems: list[str]) -> None:
    if 0 < len(given.get(name, "")) < SHORTEST_SECRET:
        problems.append(f"{name} is shorter than {SHORTEST_SECRET} characters")


def _check_url(given: Mapping[str, str], name: str, problems: list[str]) -> None:
    if given.get(name) and not given[name].startswith(("http://", "https://")):
        problems.append(f"{name} must begin with http:// or https://")


def _database(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _own_secret(file: Path = SECRET_FILE) -> str:
    """A random key kept in `var/`, so that visits outlive a restart; several machines need the setting."""
    if file.exists() and len(file.read_text()) < SHORTEST_SECRET:
        file.unlink()  # a full disk left it unwritten
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=file.parent) as whole, suppress(FileExistsError):
            whole.write(secrets.token_hex(32))
            whole.flush()
            os.link(whole.name, file)
    return file.read_text()
