"""The web chat as a customer meets it: the running portal with its trained model in a real browser.

Invariants 2 (answered once), 3 (nothing acknowledged is lost) and 6 (what people type is never markup).
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route, expect

ARTEFACTS = Path("var/test-artefacts")
ORDER_DE, POSTCODE_DE = "Wo ist meine Bestellung 10482917?", re.compile("Postleitzahl|PLZ")
TOMORROW_DE = re.compile(r"\bmorgen\b")
ORDER_EN, POSTCODE_EN = (
    "Where is my order 10482917?",
    re.compile("postcode|postal code|zip code", re.IGNORECASE),
)
TURNS, EVENTS = "**/chat/api/turns", "**/chat/api/events"
PATIENCE_MS = 20_000

expect.set_options(timeout=PATIENCE_MS)


class Customer:
    """Somebody in front of the chat page."""

    def __init__(self, page: Page, field: str = "Ihre Nachricht") -> None:
        self.page = page
        self.field = page.get_by_label(field, exact=True)
        self.log = page.get_by_role("log")

    def say(self, text: str) -> None:
        """Write and send."""
        self.field.fill(text)
        self.field.press("Enter")

    def sees(self, text: str | re.Pattern[str], times: int = 1) -> None:
        """Wait until exactly so many entries contain the text."""
        expect(self.entries(text)).to_have_count(times)

    def entries(self, text: str | re.Pattern[str]) -> Locator:
        """Find the entries that contain the text."""
        return self.log.get_by_role("listitem").filter(has_text=text)


Visit = Callable[..., Customer]


@pytest.fixture
def visit(browser: Browser, portal_url: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Open the chat page as a new customer; what the page looks like in the end is kept as a picture."""
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/chat", field: str = "Ihre Nachricht", **options: Any) -> Customer:
        context = browser.new_context(**{"locale": "de-DE", **options})
        contexts.append(context)
        page = context.new_page()
        page.goto(portal_url + path)
        expect(page.locator("li.bot").first).to_be_visible()
        return Customer(page, field)

    yield open_page
    for number, context in enumerate(contexts):
        picture(context.pages[0], f"{request.node.name}-{number}")
        context.close()


def picture(page: Page, name: str) -> None:
    """Keep what the page looks like."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"chat-{name.removeprefix('test_')}.png")


def test_german_customer_learns_when_the_order_arrives(visit: Visit) -> None:
    customer = visit()
    customer.say(ORDER_DE)
    customer.sees(POSTCODE_DE)
    customer.say("22765")
    customer.sees(TOMORROW_DE)


def test_english_customer_is_served_in_english(visit: Visit) -> None:
    customer = visit(locale="en-GB", field="Your message")
    expect(customer.page.locator("html")).to_have_attribute("lang", "en")
    customer.say(ORDER_EN)
    customer.sees(POSTCODE_EN)
    customer.say("22765")
    customer.sees("tomorrow")
    expect(customer.entries("tomorrow").locator("[lang=en]").first).to_be_visible()


def test_chat_needs_no_mouse(visit: Visit) -> None:
    customer = visit()
    page = customer.page
    tab_to(page, customer.field)
    page.keyboard.type("Guten Tag")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type(ORDER_DE)
    page.keyboard.press("Enter")
    customer.sees(POSTCODE_DE)
    expect(customer.entries(ORDER_DE)).to_contain_text(f"Guten Tag\n{ORDER_DE}")
    tab_to(page, page.get_by_role("button", name="Menü"), key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Neues Gespräch")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Neues Gespräch")).to_be_hidden()
    expect(page.get_by_role("button", name="Menü")).to_be_focused()


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Go there key by key; whatever has the focus on the way shows it."""
    for _ in range(30):
        page.keyboard.press(key)
        assert page.evaluate(
            "(e => e === document.body || getComputedStyle(e).outlineStyle !== 'none'"
            " || getComputedStyle(e.parentElement).outlineStyle !== 'none')(document.activeElement)"
        ), "focus is not visible"
        if target.evaluate("element => element === document.activeElement"):
            return
    pytest.fail("the target cannot be reached by keyboard")


def test_reload_keeps_the_conversation(visit: Visit) -> None:
    customer = visit()
    customer.say(ORDER_DE)
    customer.sees(POSTCODE_DE)
    customer.page.reload()
    customer.sees(ORDER_DE)
    customer.sees(POSTCODE_DE)
    customer.say("22765")
    customer.sees(TOMORROW_DE)


def test_answer_missed_without_connection_is_caught_up(visit: Visit) -> None:
    phone = visit()
    phone.say("Hallo")
    phone.sees("Hallo")
    laptop = visit(storage_state=phone.page.context.storage_state())
    phone.page.context.set_offline(True)
    expect(phone.page.get_by_role("status")).to_contain_text("Keine Verbindung")
    laptop.say(ORDER_DE)
    laptop.sees(POSTCODE_DE)
    phone.sees(POSTCODE_DE, times=0)
    phone.page.context.set_offline(False)
    phone.sees(POSTCODE_DE)
    expect(phone.page.get_by_role("status")).to_be_empty()


def test_message_written_without_connection_is_sent_later(visit: Visit) -> None:
    customer = visit()
    customer.page.context.set_offline(True)
    customer.say(ORDER_DE)
    expect(customer.entries(ORDER_DE)).to_contain_text("Nicht gesendet")
    customer.page.context.set_offline(False)
    customer.sees(POSTCODE_DE)
    customer.sees(ORDER_DE)
    expect(customer.entries(ORDER_DE)).not_to_contain_text("Nicht gesendet")


def test_message_refused_for_now_is_sent_again_under_its_id(visit: Visit) -> None:
    customer = visit()
    busy = '{"error": {"code": "busy", "message": "Gerade ist viel los."}}'
    customer.page.route(TURNS, lambda route: route.fulfill(status=503, body=busy), times=1)
    with customer.page.expect_request(TURNS) as first:
        customer.say(ORDER_DE)
    expect(customer.entries(ORDER_DE)).to_contain_text("Gerade ist viel los.")
    with customer.page.expect_request(TURNS) as second:
        customer.page.get_by_role("button", name="Erneut versuchen").click()
    assert turn_id(first.value) == turn_id(second.value)
    customer.sees(POSTCODE_DE)


def test_message_whose_receipt_got_lost_is_answered_once(visit: Visit) -> None:
    customer = visit()
    customer.page.route(TURNS, lose_receipt, times=1)
    customer.say(ORDER_DE)
    customer.sees(POSTCODE_DE)
    customer.sees(ORDER_DE)
    expect(customer.entries(ORDER_DE)).not_to_contain_text("Nicht gesendet")


def lose_receipt(route: Route) -> None:
    """Let the portal have the turn, and the customer not hear of it."""
    route.fetch()
    route.abort()


def turn_id(request: Request) -> str:
    """Read the id under which a turn was sent."""
    return str(json.loads(request.post_data or "")["id"])


def test_chat_works_where_the_event_stream_is_refused(visit: Visit) -> None:
    customer = visit()
    customer.page.route(EVENTS, lambda route: route.fulfill(status=503, body="{}"))
    customer.page.reload()
    customer.say(ORDER_DE)
    customer.sees(POSTCODE_DE)


def test_quick_reply_is_sent_and_cannot_be_taken_twice(visit: Visit) -> None:
    customer = visit()
    customer.say("Was kannst du?")
    choices = customer.log.get_by_role("group", name="Antwortmöglichkeiten")
    button = choices.get_by_role("button", disabled=False).first
    title = button.inner_text()
    button.click()
    expect(customer.log.locator("li.customer").last.locator(".bubble")).to_have_text(title)
    expect(customer.log.locator("li.customer .state")).to_have_count(0)
    expect(choices.get_by_role("button", name=title, exact=True).first).to_be_disabled()
    expect(customer.field).to_be_focused()
    expect(customer.log.get_by_role("listitem").last).not_to_have_class(re.compile("customer"))


def test_forged_token_gets_a_fresh_conversation(visit: Visit) -> None:
    customer = visit()
    customer.say(ORDER_DE)
    customer.sees(ORDER_DE)
    customer.page.evaluate("localStorage.setItem('sprachportal.token', 'forged')")
    customer.page.reload()
    expect(customer.log).to_have_attribute("aria-busy", "false")
    customer.sees(ORDER_DE, times=0)
    customer.say(ORDER_DE)
    customer.sees(POSTCODE_DE)


def test_token_that_lapses_while_chatting_is_replaced_and_the_customer_told(visit: Visit) -> None:
    customer = visit()
    customer.page.route(TURNS, lambda route: route.fulfill(status=401, body="{}"), times=1)
    customer.say(ORDER_DE)
    expect(customer.page.get_by_role("alert")).to_contain_text("abgelaufen")
    customer.page.get_by_role("button", name="Erneut versuchen").click()
    expect(customer.field).to_be_focused()
    customer.sees(POSTCODE_DE)


def test_html_is_shown_as_text(visit: Visit) -> None:
    customer = visit()
    markup = '<b>fett</b><img src="x" onerror="window.broken = true"><script>window.broken = true</script>'
    customer.say(markup)
    expect(customer.log.locator("li.customer .text")).to_have_text(markup)
    expect(customer.log.locator("li.bot").last).to_be_visible()
    expect(customer.log.locator("b, img[src=x], script")).to_have_count(0)
    assert customer.page.evaluate("window.broken") is None


def test_message_over_the_limit_is_not_sent(visit: Visit) -> None:
    customer = visit()
    customer.field.fill("ä" * 1990)
    expect(customer.page.get_by_text("Noch 10 Zeichen")).to_be_visible()
    customer.say("ä" * 2001)
    expect(customer.page.get_by_role("alert")).to_have_text("1 Zeichen zu lang")
    expect(customer.log.locator("li.customer")).to_have_count(0)


def test_interface_changes_its_language_and_keeps_it(visit: Visit) -> None:
    customer = visit()
    customer.page.get_by_role("button", name="English").click()
    expect(customer.page.get_by_label("Your message", exact=True)).to_be_visible()
    customer.page.reload()
    expect(customer.page.locator("html")).to_have_attribute("lang", "en")
    expect(customer.page.get_by_role("button", name="Send", exact=True)).to_be_visible()


def test_new_conversation_begins_after_a_question(visit: Visit) -> None:
    customer = visit()
    customer.say(ORDER_DE)
    customer.sees(POSTCODE_DE)
    for answer, left in (("Abbrechen", 1), ("Neu beginnen", 0)):
        customer.page.get_by_role("button", name="Menü").click()
        customer.page.get_by_role("button", name="Neues Gespräch").click()
        customer.page.get_by_role("button", name=answer).click()
        customer.sees(ORDER_DE, times=left)


def test_transcript_can_be_saved(visit: Visit) -> None:
    customer = visit()
    customer.say(ORDER_DE)
    customer.sees(POSTCODE_DE)
    customer.page.get_by_role("button", name="Menü").click()
    with customer.page.expect_download() as download:
        customer.page.get_by_role("button", name="Verlauf speichern").click()
    text = Path(download.value.path()).read_text("utf-8")
    assert ORDER_DE in text
    assert POSTCODE_DE.search(text)


def test_new_answers_are_announced_and_history_is_not(visit: Visit) -> None:
    customer = visit()
    customer.page.reload()
    expect(customer.log.locator("li.bot").first).to_be_visible()
    announcer = customer.page.locator("[aria-live=polite]")
    expect(announcer).to_be_empty()
    customer.say(ORDER_DE)
    expect(announcer).to_contain_text(POSTCODE_DE)
    expect(announcer).not_to_contain_text(ORDER_DE)


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 800, "light"), (390, 844, "light"), (320, 256, "dark")])
def test_page_fits_every_screen(visit: Visit, width: int, height: int, scheme: str) -> None:
    customer = visit(viewport={"width": width, "height": height}, color_scheme=scheme)
    customer.say(ORDER_DE)
    customer.sees(POSTCODE_DE)
    assert not customer.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    expect(customer.page.get_by_role("heading", level=1)).to_have_count(1)
    expect(customer.field).to_be_in_viewport(ratio=1)
    for button in customer.page.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24


def complaints(page: Page) -> list[str]:
    """Collect what the page complains about from now on."""
    errors: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def test_page_loads_and_chats_without_an_error(browser: Browser, portal_url: str) -> None:
    page = browser.new_page(locale="de-DE")
    errors = complaints(page)
    page.goto(f"{portal_url}/chat")
    customer = Customer(page)
    customer.say(ORDER_DE)
    customer.sees(POSTCODE_DE)
    page.close()
    assert errors == []


def test_event_stream_is_read_wherever_it_is_cut(visit: Visit) -> None:
    stream = ': hi\r\nretry: 900\r\nid: 7\r\nevent: entry\r\ndata: {"a":\ndata:"ü"}\r\r\nid\ndata\n\nevent: x\n\n'
    read = customer_reads(visit(), stream)
    assert read == [
        {"type": "entry", "data": '{"a":\n"ü"}', "id": "7"},
        {"type": "message", "data": "", "id": ""},
    ]


def customer_reads(customer: Customer, stream: str) -> object:
    """Read the events of a stream in three pieces, cut at every pair of places: always the same."""
    return customer.page.evaluate(
        """async (stream) => {
          const { EventParser } = await import("/chat/static/feed.js");
          const read = (...pieces) => {
            const parser = new EventParser();
            return pieces.flatMap((piece) => parser.push(piece));
          };
          const whole = read(stream);
          for (let a = 0; a <= stream.length; a += 1) for (let b = a; b <= stream.length; b += 1) {
            const cut = read(stream.slice(0, a), stream.slice(a, b), stream.slice(b));
            if (JSON.stringify(cut) !== JSON.stringify(whole)) return { a, b, cut };
          }
          return whole;
        }""",
        stream,
    )


@contextmanager
def company_site(portal_url: str) -> Iterator[str]:
    """Serve a company's own page on another host; it loads the widget twice by mistake. Yields its URL."""
    script = f'<script src="{portal_url}/chat/widget.js" data-language="de" async></script>'
    body = f'<!doctype html><html lang="de"><title>Laden</title><h1>Laden</h1><a href="#">Mehr</a>{script * 2}'

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("width", [1280, 390])
def test_widget_opens_and_closes_on_a_foreign_page(browser: Browser, portal_url: str, width: int) -> None:
    with company_site(portal_url) as address:
        page = browser.new_page(locale="de-DE", viewport={"width": width, "height": 844})
        errors = complaints(page)
        page.goto(address)
        launcher = page.get_by_role("button", name="Kundenservice-Chat", include_hidden=True)
        expect(launcher).to_have_attribute("aria-expanded", "false")
        launcher.press("Enter")
        expect(launcher).to_have_attribute("aria-expanded", "true")
        frame = page.frame_locator("iframe[title='Kundenservice-Chat']")
        expect(frame.get_by_label("Ihre Nachricht", exact=True)).to_be_focused()
        page.keyboard.type(ORDER_DE)
        page.keyboard.press("Enter")
        expect(frame.get_by_role("log").get_by_text(POSTCODE_DE)).to_be_visible()
        picture(page, f"widget-{width}")
        page.keyboard.press("Escape")
        expect(page.locator("iframe")).to_be_hidden()
        expect(launcher).to_have_attribute("aria-expanded", "false")
        expect(launcher).to_be_focused()
        page.close()
        assert errors == []


def test_widget_remembers_that_it_was_open(browser: Browser, portal_url: str) -> None:
    with company_site(portal_url) as address:
        page = browser.new_page(locale="de-DE")
        page.goto(address)
        page.get_by_role("button", name="Kundenservice-Chat").click()
        page.reload()
        frame = page.frame_locator("iframe[title='Kundenservice-Chat']")
        frame.get_by_role("button", name="Chat schließen").click()
        expect(page.locator("iframe")).to_be_hidden()
        page.reload()
        expect(page.get_by_role("button", name="Kundenservice-Chat")).to_have_attribute("aria-expanded", "false")
        page.close()
