"""Settings complain in full and at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import load_settings

PORTAL = "company: {name: Nordwind}\n"


def portal_file(folder: Path, text: str = PORTAL) -> Path:
    file = folder / "portal.yml"
    file.write_text(text)
    return file


def problems(folder: Path, environment: dict[str, str], text: str = PORTAL) -> str:
    with pytest.raises(SettingsError) as told:
        load_settings(environment, portal_file(folder, text))
    return told.value.what


def test_defaults_are_enough(tmp_path: Path) -> None:
    settings = load_settings({"SPRACHPORTAL_SECRET_KEY": "x" * 20}, portal_file(tmp_path))
    assert settings.rest_token == ""
    assert settings.database_url.startswith("sqlite:///")


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    wrong = {"SPRACHPORTAL_SECRET_KEY": "short", "SPRACHPORTAL_PUBLIC_URL": "example.org", "RASA_URL": "http://r"}
    told = problems(tmp_path, wrong)
    assert all(name in told for name in ("SPRACHPORTAL_SECRET_KEY", "SPRACHPORTAL_PUBLIC_URL", "RASA_TOKEN"))
    assert "short" not in told.replace("shorter", "")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("company: {}\n", "name"),
        ("company: {name: X, colour: red}\n", "colour"),
        ("company: {name: X}\nlanguages: [fr]\n", "fr"),
        ("company: {name: X, timezone: Mars/Base}\n", "timezone"),
        ("company: {name: X}\nserver: {threads: 4, streams_at_most: 8}\n", "streams_at_most"),
        ("company: {name: X}\nturn: {deadline_seconds: 0}\n", "turn.deadline_seconds"),
        ("company: {name: X}\nturn: {deadline_seconds: .nan}\n", "turn.deadline_seconds"),
        ("company: {name: X}\nturn: {waiting_at_most: 0}\n", "turn.waiting_at_most"),
        ("company: {name: X}\nweb_chat: {visit_days: -1}\n", "web_chat.visit_days"),
        ("company: {name: X}\nweb_chat: {turns_per_minute: 0}\n", "web_chat.turns_per_minute"),
        ("company: {name: X}\nserver: {streams_at_most: -1}\n", "server.streams_at_most"),
        ("company: {name: X}\nserver: {threads: 7, streams_at_most: 1}\n", "server.threads"),
        ("company: {name: X}\nserver: {trusted_proxies: -1}\n", "server.trusted_proxies"),
        ("company: [\n", "portal.yml"),
    ],
)
def test_a_wrong_portal_file_is_told(tmp_path: Path, text: str, word: str) -> None:
    assert word in problems(tmp_path, {}, text)


def test_a_missing_portal_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yml is missing"):
        load_settings({}, tmp_path / "nowhere.yml")


def test_postgresql_gets_the_installed_driver(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://u@h/d", "SPRACHPORTAL_SECRET_KEY": "x" * 20}
    assert load_settings(given, portal_file(tmp_path)).database_url == "postgresql+psycopg://u@h/d"
