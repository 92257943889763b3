"""The sandbox's page in a browser: a person plays a customer, and sees states and broken rules."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from flask import Flask, Response
from playwright.sync_api import Browser, Locator, Page, expect

from bot.sandbox import FaultSettings, Sandbox

MARKUP = '<img src=x onerror="document.title=1">'


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose portal takes everything."""
    app = Flask(__name__, static_folder=None)
    app.post("/webhooks/<path:name>")(lambda name: Response(status=200))
    faults = FaultSettings(status_seconds=(0, 0.01))
    with Sandbox(transport=httpx.WSGITransport(app=app), faults=faults) as played:
        yield played


@pytest.fixture
def page(browser: Browser, sandbox: Sandbox) -> Iterator[Page]:
    context = browser.new_context(locale="de-DE")
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(sandbox.url)
    yield opened
    context.close()
    assert problems == []


@pytest.fixture
def telephone(page: Page) -> Locator:
    """A WhatsApp telephone that has written."""
    page.get_by_role("button", name="Telefon öffnen").click()
    opened = page.get_by_role("article")
    opened.get_by_label("Nachricht").fill("Hallo")
    opened.get_by_role("button", name="Senden").click()
    expect(opened.get_by_text("beim Portal")).to_be_visible()
    return opened


def reply(sandbox: Sandbox, **body: object) -> int:
    """Send as the portal would, to the telephone."""
    url = f"{sandbox.url}/v23.0/{sandbox.accounts.whatsapp_number_id}/messages"
    whole = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "491713920011", **body}
    token = {"Authorization": f"Bearer {sandbox.accounts.whatsapp_token}"}
    return httpx.post(url, json=whole, headers=token).status_code


def listed(*titles: str) -> dict[str, object]:
    rows = [{"id": f"r.{number}", "title": title} for number, title in enumerate(titles)]
    action = {"button": "Auswählen", "sections": [{"rows": rows}]}
    return {"type": "interactive", "interactive": {"type": "list", "body": {"text": "Welcher?"}, "action": action}}


def test_text_comes_as_text_with_its_state(sandbox: Sandbox, page: Page, telephone: Locator) -> None:
    assert reply(sandbox, type="text", text={"body": f"{MARKUP} https://shop.example.com/a"}) == 200
    expect(telephone.get_by_text(MARKUP)).to_be_visible()
    expect(telephone.get_by_role("link")).to_have_attribute("href", "https://shop.example.com/a")
    expect(telephone.get_by_text("✓✓ gelesen")).to_be_visible()
    assert page.title() == "Probe-Messenger"


def test_row_of_a_list_is_pressed(sandbox: Sandbox, telephone: Locator) -> None:
    reply(sandbox, **listed("Leipzig", "Kiel"))
    telephone.get_by_text("Auswählen").click()
    telephone.get_by_role("button", name="Kiel").click()
    expect(telephone.locator(".customer").get_by_text("Kiel")).to_be_visible()
    expect(telephone.get_by_role("button", name="Leipzig")).to_be_visible()


def test_broken_rule_is_shown(sandbox: Sandbox, page: Page, telephone: Locator) -> None:
    assert reply(sandbox, type="text", text={"body": ""}) == 400
    expect(page.get_by_text("whatsapp 131009 (400)")).to_be_visible()


def test_photo_place_and_the_passing_of_a_day_are_told(page: Page, telephone: Locator) -> None:
    expect(telephone.get_by_text("24 Stunden offen")).to_be_visible()
    for name, told in (("Foto", "📷 Foto"), ("Standort", "📍 Standort"), ("STOP", "STOP")):
        telephone.get_by_role("button", name=name).click()
        expect(telephone.locator(".customer .text").get_by_text(told)).to_be_visible()
    telephone.get_by_role("button", name="24 Stunden vergehen lassen").click()
    expect(telephone.get_by_text("24 Stunden vorbei")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(telephone.get_by_text("24 hours over")).to_be_visible()


def test_fault_is_set_for_the_next_message(sandbox: Sandbox, page: Page, telephone: Locator) -> None:
    page.get_by_label("Die nächste Nachricht des Portals").select_option("busy")
    page.get_by_role("button", name="Einstellen").click()
    expect(page.get_by_text("Eingestellt.")).to_be_visible()
    assert [reply(sandbox, type="text", text={"body": "a"}) for _ in range(2)] == [429, 200]
