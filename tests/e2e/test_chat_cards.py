"""Links, images and places in the web chat: shown to press, never as markup, and https alone.

The page comes from the project's files and its API from this test, so that answers can be what no portal would send.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from bot.channels.web import STATIC, _entry_data
from bot.store import Entry
from bot.turns import Link, Location, utc_now

SITE = "http://chat.test"
MAP = "https://www.openstreetmap.org/?mlat=51.33920&mlon=12.37420#map=17/51.33920/12.37420"
PLACE = Location(51.3392, 12.3742, "Nordwind Leipzig", "Petersstraße 4, 04109 Leipzig")
MARKUP = '<img src=x onerror="document.title=1"><b>fett</b>'
Show = Callable[..., Page]


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    """Open the chat with one answer of the bot in it."""
    context = browser.new_context(locale="de-DE")

    def opened(text: str = "Hier ist es.", **parts: Any) -> Page:
        entry = _entry_data(Entry(1, "bot", "1", text, "de", utc_now()))
        page = context.new_page()
        page.route("**/*", lambda route, request: answer(route, request, {**entry, **parts}))
        page.goto(f"{SITE}/chat")
        expect(page.get_by_role("listitem")).to_have_count(1)
        return page

    yield opened
    context.close()


def answer(route: Route, request: Request, entry: dict[str, Any]) -> None:
    path = request.url.removeprefix(SITE).partition("?")[0]
    if path == "/chat/api/visits":
        visit = {"token": "t", "conversation": "c", "language": "de", "company": "Nordwind", "entries": [entry]}
        route.fulfill(status=201, body=json.dumps(visit), content_type="application/json")
    elif path == "/chat/api/events":
        route.fulfill(status=503, body="{}")
    elif path.startswith("/chat/api/"):
        route.fulfill(body=json.dumps({"entries": [], "typing": False}), content_type="application/json")
    elif not request.url.startswith(SITE):
        route.abort()
    else:
        file = STATIC / ("chat.html" if path == "/chat" else path.removeprefix("/chat/static/"))
        route.fulfill(path=file, content_type=mimetypes.guess_type(file)[0] or "text/plain")


def own_data(**parts: Any) -> dict[str, Any]:
    """The parts as the portal's own API gives them."""
    data = _entry_data(Entry(1, "bot", "1", "", "de", utc_now(), **parts))
    return {name: data[name] for name in parts}


def test_a_place_is_shown_with_its_name_and_a_map_to_open(show: Show) -> None:
    page = show("Petersstraße 4, 04109 Leipzig ist die Adresse.", **own_data(location=PLACE))
    card = page.locator(".place")
    expect(card).to_contain_text("Nordwind Leipzig")
    expect(card).not_to_contain_text("Petersstraße")
    link = card.get_by_role("link", name="Auf der Karte zeigen")
    assert link.get_attribute("href") == MAP
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert page.locator("iframe, script[src^=http]").count() == 0


def test_a_link_is_shown_by_its_title(show: Show) -> None:
    page = show(**own_data(link=Link("Sendung verfolgen", "https://x.example/1?a=1&b=2")))
    link = page.get_by_role("link", name="Sendung verfolgen")
    assert link.get_attribute("href") == "https://x.example/1?a=1&b=2"
    assert link.get_attribute("target") == "_blank"


@pytest.mark.parametrize(
    "url",
    [
        "http://x.example/",
        "javascript:alert(1)",
        "data:text/html,<b>x</b>",
        "//user:word@x.example/",
        "https://user:word@x.example/",
        "https://",
    ],
)
def test_other_addresses_are_not_links(show: Show, url: str) -> None:
    page = show(link={"title": "Hier", "url": url}, location={"name": "Da", "address": "", "url": url}, image=url)
    assert page.locator(".bubble a, .bubble img").count() == 0


def test_markup_in_any_part_is_shown_as_it_stands(show: Show) -> None:
    place = {"name": MARKUP, "address": MARKUP, "url": MAP}
    page = show("Hallo", link={"title": MARKUP, "url": "https://x.example/"}, location=place)
    assert page.locator(".bubble b, .bubble img").count() == 0
    assert page.locator(".bubble").inner_text().count(MARKUP) == 3
    assert page.title() != "1"


def test_an_image_that_cannot_be_loaded_becomes_a_link(show: Show) -> None:
    page = show(image="https://x.example/laden.jpg")
    link = page.get_by_role("link", name="Bild ansehen")
    expect(link).to_have_attribute("href", "https://x.example/laden.jpg")


def test_a_saved_transcript_tells_link_and_place(show: Show) -> None:
    page = show(**own_data(link=Link("Weg", "https://x.example/weg"), location=PLACE))
    page.get_by_role("button", name="Menü").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Verlauf speichern").click()
    text = download.value.path().read_text("utf-8")
    assert "Weg: https://x.example/weg" in text
    assert f"Auf der Karte zeigen: {MAP}" in text
