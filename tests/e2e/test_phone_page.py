"""The simulated phone in a real browser, with the demo portal and the real model behind it; and in the terminal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.conftest import ROOT, SECRET_KEY, Running, free_port, wait_until_ready

ARTEFACTS = Path("var/test-artefacts")
PATIENCE_MS = 20_000
POSTCODE = re.compile("Postleitzahl")

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def demo(model: Path, demo_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running demo: it answers calls and shows the phone page."""
    folder = tmp_path_factory.mktemp("demo-portal")
    shutil.copy(demo_database, folder / "portal.db")
    url, port, log = f"sqlite:///{folder / 'portal.db'}", free_port(), folder / "log.txt"
    given = {**os.environ, "DATABASE_URL": url, "SPRACHPORTAL_SECRET_KEY": SECRET_KEY}
    command = [sys.executable, "-m", "bot.cli", "run", "--demo", "--port", str(port)]
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=given, cwd=ROOT, stdout=out, stderr=out)
    running = Running(f"http://127.0.0.1:{port}", url, process, log)
    wait_until_ready(running)
    yield running
    running.stop()


class Caller:
    """Somebody in front of the phone page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.text = page.get_by_label("Was ich sage")
        self.log = page.get_by_role("log")

    def ring(self) -> None:
        self.page.get_by_role("button", name="Anrufen", exact=True).click()
        self.hears("kein Mensch")
        expect(self.page.locator("#state")).to_have_text("Hört Ihnen zu")

    def say(self, words: str) -> None:
        self.text.fill(words)
        self.text.press("Enter")

    def press(self, keys: str) -> None:
        for key in keys:
            self.page.locator(f"[data-key='{key}']").click()

    def hears(self, words: str | re.Pattern[str]) -> None:
        expect(self.lines("portal").filter(has_text=words).last).to_be_visible()

    def lines(self, kind: str) -> Locator:
        return self.log.locator(f"li.{kind}")


Open = Callable[..., Caller]


@pytest.fixture
def phone(browser: Browser, demo: Running, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open the phone page as a newcomer; what it looks like in the end is kept as a picture."""
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Caller:
        context = browser.new_context(**{"locale": "de-DE", **options})
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{demo.url}/phone")
        expect(page.get_by_role("heading", name="Nordwind Versand")).to_be_visible()
        return Caller(page)

    yield open_page
    for number, context in enumerate(contexts):
        picture(context.pages[0], f"{request.node.name}-{number}")
        context.close()


def picture(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"phone-{name.removeprefix('test_')}.png", full_page=True)


def test_caller_learns_where_the_order_is_by_speech_and_keys(phone: Open) -> None:
    caller = phone()
    caller.ring()
    caller.say("wo ist meine bestellung eins null vier acht zwei neun eins sieben")
    caller.hears(POSTCODE)
    caller.press("22765#")
    caller.hears("unterwegs")
    expect(caller.lines("me")).to_have_text([re.compile("wo ist meine"), re.compile("Tasten 22765#")])


def test_keys_are_sent_after_a_pause_too(phone: Open) -> None:
    caller = phone()
    caller.ring()
    caller.press("9")
    expect(caller.page.locator("#pressed")).to_have_text("9")
    caller.hears("English")
    expect(caller.page.locator("#pressed")).to_be_empty()
    expect(caller.lines("portal").last.locator(".words")).to_have_attribute("lang", "en-GB")


def test_silence_is_answered(phone: Open) -> None:
    caller = phone()
    caller.ring()
    caller.page.get_by_role("button", name="Schweigen").click()
    caller.hears("nichts gehört")


def test_hanging_up_ends_the_call_and_another_can_begin(phone: Open) -> None:
    caller = phone()
    caller.ring()
    caller.page.get_by_role("button", name="Auflegen").click()
    expect(caller.lines("event").last).to_have_text("Das Gespräch ist beendet")
    expect(caller.page.get_by_role("button", name="Anrufen", exact=True)).to_be_focused()
    caller.say("hallo")
    expect(caller.page.get_by_role("alert")).to_have_text("Rufen Sie zuerst an.")
    caller.ring()
    expect(caller.lines("event")).to_have_count(0)


def test_call_needs_no_mouse(phone: Open) -> None:
    caller = phone()
    page = caller.page
    page.get_by_role("button", name="Anrufen", exact=True).press("Enter")
    caller.hears("kein Mensch")
    expect(caller.text).to_be_focused()
    page.keyboard.type("Wo ist meine Bestellung 10482917?")
    page.keyboard.press("Enter")
    caller.hears(POSTCODE)
    page.locator("[data-key='1']").focus()
    page.keyboard.type("22765#")
    caller.hears("unterwegs")


def test_example_is_put_into_the_text_field(phone: Open) -> None:
    caller = phone()
    caller.page.get_by_role("button", name="Wann hat der Laden in Leipzig auf?").click()
    expect(caller.text).to_have_value("Wann hat der Laden in Leipzig auf?")
    expect(caller.text).to_be_focused()


def test_html_is_shown_as_text(phone: Open) -> None:
    caller = phone()
    caller.ring()
    markup = '<img src="x" onerror="window.broken = true"><b>fett</b>'
    caller.say(markup)
    expect(caller.lines("me").locator(".words")).to_have_text(markup)
    assert caller.page.evaluate("window.broken") is None


def test_page_speaks_english_too(phone: Open) -> None:
    caller = phone()
    caller.page.get_by_role("button", name="English", exact=True).click()
    expect(caller.page.get_by_label("What I say")).to_be_visible()
    expect(caller.page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 800, "light"), (390, 844, "light"), (320, 568, "dark")])
def test_page_fits_every_screen(phone: Open, width: int, height: int, scheme: str) -> None:
    caller = phone(viewport={"width": width, "height": height}, color_scheme=scheme)
    caller.ring()
    caller.say("wo ist mein paket")
    caller.hears("Bestellnummer")
    assert not caller.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    for button in caller.page.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24


def test_page_calls_without_an_error(browser: Browser, demo: Running) -> None:
    page = browser.new_page(locale="de-DE")
    errors: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{demo.url}/phone")
    caller = Caller(page)
    caller.ring()
    caller.say("Wann hat der Laden in Leipzig auf?")
    caller.hears("Leipzig")
    page.close()
    assert errors == []


def test_phone_is_off_outside_the_demo(portal_url: str) -> None:
    for path in ("/phone", "/phone/api/line", "/phone/static/phone.js"):
        assert httpx.get(portal_url + path).status_code == 404


def call_in_terminal(demo: Running, *lines: str, url: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot.cli", "call", "--url", url or demo.url]
    given = {**os.environ, "SPRACHPORTAL_SECRET_KEY": SECRET_KEY, "DATABASE_URL": demo.database_url}
    typed = "".join(f"{line}\n" for line in lines)
    return subprocess.run(command, env=given, cwd=ROOT, input=typed, capture_output=True, text=True, timeout=60)


def test_call_in_the_terminal(demo: Running) -> None:
    said = call_in_terminal(demo, "wo ist mein paket", "#10482917#", "", "zwei zwei sieben sechs fünf", "/hangup")
    assert said.returncode == 0, said.stdout + said.stderr
    for words in (
        "kein Mensch",
        "Bestellnummer",
        "Postleitzahl",
        "nichts gehört",
        "unterwegs",
        "The call has ended",
    ):
        assert words in said.stdout


def test_terminal_says_when_nobody_answers(demo: Running) -> None:
    said = call_in_terminal(demo, url=f"http://127.0.0.1:{free_port()}")
    assert said.returncode == 2
    assert "no portal answers" in said.stderr
    assert "What to do: start one" in said.stderr
