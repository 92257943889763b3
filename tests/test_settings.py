"""Settings complain in full and at start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import load_settings
from tests.full_disk import full_disk

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


@pytest.mark.parametrize("name", ["", "/", "/:memory:", "/file::memory:?uri=true", "/file:a?mode=memory&uri=true"])
def test_a_database_in_memory_is_told(tmp_path: Path, name: str) -> None:
    assert "DATABASE_URL names no file" in problems(tmp_path, {"DATABASE_URL": f"sqlite://{name}"})


def test_a_command_for_a_database_in_memory_leaves_no_file(tmp_path: Path) -> None:
    portal_file(tmp_path)
    command = [sys.executable, "-m", "bot.cli", "models"]
    asked = {**os.environ, "DATABASE_URL": "sqlite:///:memory:", "SPRACHPORTAL_SECRET_KEY": "x" * 20}
    ended = subprocess.run(command, cwd=tmp_path, env=asked, capture_output=True, text=True, check=False)
    assert (ended.returncode, "DATABASE_URL names no file" in ended.stderr) == (2, True)
    assert [file.name for file in tmp_path.iterdir()] == ["portal.yml"]


def test_what_is_no_address_of_a_database_is_told(tmp_path: Path) -> None:
    told = problems(tmp_path, {"DATABASE_URL": "var/secret-place.db"})
    assert "DATABASE_URL must look like sqlite:///var/" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("speaker", "told"),
    [
        ("code: en-GB, voice: x", "voice.speakers.de.code must begin with de-, not en-GB"),
        ("code: de, voice: x", "voice.speakers.de.code must begin with de-, not de"),
        ("code: de-DE, voice: x, speech_model: phone_call", "phone_call knows no German"),
        ("code: de-AT, voice: x, speech_model: phone_call", "phone_call knows no German"),
    ],
)
def test_a_language_is_heard_and_spoken_as_itself(tmp_path: Path, speaker: str, told: str) -> None:
    portal = f"company: {{name: X}}\nlanguages: [de]\nvoice: {{speakers: {{de: {{{speaker}}}}}}}\n"
    assert told in problems(tmp_path, {}, portal)


def test_german_of_any_country_and_an_english_phone_call_are_fine(tmp_path: Path) -> None:
    speakers = "de: {code: de-AT, voice: x}, en: {code: en-US, voice: y, speech_model: phone_call}"
    file = portal_file(tmp_path, f"company: {{name: X}}\nvoice: {{speakers: {{{speakers}}}}}\n")
    settings = load_settings({"SPRACHPORTAL_SECRET_KEY": "x" * 20}, file)
    assert settings.portal.voice.speakers["en"].speech_model == "phone_call"


TWILIO = {"SPRACHPORTAL_SECRET_KEY": "x" * 20, "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t" * 32}


def test_a_shared_key_takes_the_tokens_place_in_signatures(tmp_path: Path) -> None:
    with_token = load_settings(TWILIO, portal_file(tmp_path))
    with_key = load_settings({**TWILIO, "TWILIO_WEBHOOK_KEY": "k" * 32}, portal_file(tmp_path))
    assert with_token.twilio_signing == ("t" * 32, "HMAC_SHA1")
    assert with_key.twilio_signing == ("k" * 32, "HMAC_SHA256")


def test_a_shared_key_alone_or_too_short_is_told(tmp_path: Path) -> None:
    assert "TWILIO_AUTH_TOKEN is missing" in problems(tmp_path, {"TWILIO_WEBHOOK_KEY": "k" * 32})
    assert "TWILIO_WEBHOOK_KEY is shorter" in problems(tmp_path, {**TWILIO, "TWILIO_WEBHOOK_KEY": "k"})


def test_a_key_that_a_full_disk_left_unwritten_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = portal_file(tmp_path)
    key = load_settings({}, file).secret_key
    assert len(key) == 64
    assert Path("var/secret_key").stat().st_mode & 0o077 == 0
    assert load_settings({}, file).secret_key == key
    Path("var/secret_key").write_text("")
    made = load_settings({}, file).secret_key
    assert len(made) == 64
    assert [found.name for found in Path("var").iterdir()] == ["secret_key"]


def test_a_disk_that_is_full_leaves_no_key_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = portal_file(tmp_path)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        load_settings({}, file)
    assert list(Path("var").iterdir()) == []
