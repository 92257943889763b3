"""Every setting, checked at start.

Secrets and addresses come from the environment and a `.env` file; everything else stands in
`portal.yml`. All problems are told at once.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from dotenv import dotenv_values

from bot.errors import SettingsError

PORTAL_FILE = Path("portal.yml")
SECRET_FILE = Path("var/secret_key")
DEFAULT_DATABASE = "sqlite:///var/sprachportal.db"
SHORTEST_SECRET = 16
LANGUAGES = ("de", "en")


class CompanySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who speaks."""

    name: str
    timezone: str = "Europe/Berlin"


class TurnSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a turn is answered; `deadline_seconds` is for the engine alone."""

    deadline_seconds: float = 20.0
    waiting_at_most: int = 10


class WebChatSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The web chat."""

    frame_ancestors: list[str] = msgspec.field(default_factory=lambda: ["*"])
    visit_days: int = 30


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The web server."""

    threads: int = 96
    streams_at_most: int = 64


class PortalFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`portal.yml`."""

    company: CompanySettings
    languages: list[str] = msgspec.field(default_factory=lambda: ["de", "en"])
    turn: TurnSettings = msgspec.field(default_factory=TurnSettings)
    web_chat: WebChatSettings = msgspec.field(default_factory=WebChatSettings)
    server: ServerSettings = msgspec.field(default_factory=ServerSettings)


class Settings(msgspec.Struct, frozen=True):
    """All settings. URLs have no trailing slash; an empty secret means that its channel is off."""

    portal: PortalFile
    public_url: str
    secret_key: str
    rest_token: str
    database_url: str
    rasa_url: str
    rasa_token: str


def load_settings(environment: Mapping[str, str] | None = None, portal_file: Path = PORTAL_FILE) -> Settings:
    """Read and check everything; raises `SettingsError` that names every problem."""
    given = dict(environment) if environment is not None else {**_dotenv(), **os.environ}
    problems: list[str] = []
    portal = _read_portal(portal_file, problems)
    _check_secret(given, "SPRACHPORTAL_SECRET_KEY", problems)
    _check_secret(given, "SPRACHPORTAL_REST_TOKEN", problems)
    for name in ("SPRACHPORTAL_PUBLIC_URL", "RASA_URL"):
        _check_url(given, name, problems)
    if given.get("RASA_URL") and not given.get("RASA_TOKEN"):
        problems.append("RASA_TOKEN is missing; RASA_URL needs it")
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
    if portal.server.streams_at_most >= portal.server.threads:
        problems.append(f"{file}: server.streams_at_most must be below server.threads")


def _check_secret(given: Mapping[str, str], name: str, problems: list[str]) -> None:
    if 0 < len(given.get(name, "")) < SHORTEST_SECRET:
        problems.append(f"{name} is shorter than {SHORTEST_SECRET} characters")


def _check_url(given: Mapping[str, str], name: str, problems: list[str]) -> None:
    if given.get(name) and not given[name].startswith(("http://", "https://")):
        problems.append(f"{name} must begin with http:// or https://")


def _database(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _own_secret() -> str:
    """A random key kept in `var/`, so that visits outlive a restart; several machines need the setting."""
    if not SECRET_FILE.exists():
        SECRET_FILE.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(SECRET_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return SECRET_FILE.read_text()
