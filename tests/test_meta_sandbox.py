"""Both channels against the stand-in of Meta: what it accepts, tells and signs by its own reading of the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from bot.channels.events import Noted, SeenUntil, Status
from bot.channels.messenger import Messenger
from bot.channels.outlet import Delivery, NotTaken, Unclear, WindowClosed, choice_id
from bot.channels.whatsapp import WhatsApp
from bot.messaging_settings import read_providers
from bot.sandbox import FaultSettings, Sandbox
from bot.sandbox.faults import FaultKind
from bot.turns import Choice, Incoming, Location, Reply
from tests.meta_wire import Wire

CUSTOMERS = {"whatsapp": "491715550101", "messenger": "7305550102030405"}
YES_NO = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))


@dataclass
class Line:
    """A customer and the portal on two ends of Meta."""

    sandbox: Sandbox
    wire: Wire

    def channel(self, name: str) -> WhatsApp | Messenger:
        return self.wire.whatsapp if name == "whatsapp" else self.wire.messenger

    def turns(self) -> list[Incoming]:
        return [event for event in self.wire.intake.events if isinstance(event, Incoming)]

    def statuses(self) -> list[Status]:
        assert self.sandbox.wait_until_told()
        return [event for event in self.wire.intake.events if isinstance(event, Status)]

    def answer(self, reply: Reply, delivery: str = "d1") -> list[str]:
        """Send a reply to the customer who wrote last; Meta's ids."""
        turn = self.turns()[-1]
        channel = self.channel(turn.channel)
        forms = channel.forms(reply, "t1.0")
        return [channel.send(Delivery(delivery, turn.channel, turn.address, form)) for form in forms]


@pytest.fixture
def line() -> Iterator[Line]:
    wires: list[Wire] = []
    to_portal = httpx.WSGITransport(app=lambda environ, start: wires[0].app(environ, start))
    with Sandbox(transport=to_portal) as sandbox:
        problems: list[str] = []
        wires.append(Wire(read_providers(sandbox.environment(), problems)))
        assert problems == []
        yield Line(sandbox, wires[0])
        assert not any(isinstance(event, Noted) for event in wires[0].intake.events)


@pytest.fixture(params=["whatsapp", "messenger"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_meta_can_verify_the_webhook(line: Line, name: str) -> None:
    assert line.sandbox.handshake(name).status_code == 200
    assert line.sandbox.handshake(name, "wrong").status_code == 403


def test_a_customer_asks_is_answered_and_presses(line: Line, name: str) -> None:
    customer = line.sandbox.customer(name, CUSTOMERS[name])
    customer.says("Wo ist mein Paket?")
    (provider_id,) = line.answer(Reply("Ist es dieses?", YES_NO))
    assert customer.received()[0].sid == provider_id
    customer.presses("Nein")
    pressed = line.turns()[-1]
    assert (pressed.choice, pressed.text) == (choice_id("t1.0", 1), "Nein")
    assert pressed.address == line.turns()[0].address
    assert line.sandbox.violations == ()


def test_what_meta_took_is_told_with_our_id(line: Line, name: str) -> None:
    line.sandbox.customer(name, CUSTOMERS[name]).says("Hallo")
    (provider_id,) = line.answer(Reply("Guten Tag"), "d7")
    told = line.statuses()
    assert ("d7", provider_id) in [(status.delivery, status.provider_id) for status in told]
    seen = [event.state for event in line.wire.intake.events if isinstance(event, SeenUntil)]
    assert {"delivered", "read"} <= {status.state for status in told} | set(seen)


def test_everything_an_answer_can_have_is_accepted(line: Line, name: str) -> None:
    customer = line.sandbox.customer(name, CUSTOMERS[name])
    customer.says("Hallo")
    many = tuple(Choice(f"Antwort {number}", f"/answer_{number}") for number in range(1, 10))
    shop = Location(53.5511, 9.9937, "Nordwind Hamburg", "Mönckebergstraße 7, 20095 Hamburg")
    for reply in (
        Reply("Ein Satz mit einigen Wörtern. " * 200, many, image="https://shop.example.com/a.jpg", location=shop),
        Reply("Worum geht es?", (*many, *many)),
        Reply("So sieht er aus.", image="https://shop.example.com/a.jpg"),
    ):
        line.answer(reply)
    assert line.sandbox.violations == ()


def test_photos_places_and_voice_notes_arrive(line: Line, name: str) -> None:
    customer = line.sandbox.customer(name, CUSTOMERS[name])
    customer.sends_photo("So kam es an")
    customer.sends_voice_note()
    customer.shares_place()
    photo, note, place = line.turns()[-3:]
    assert [attachment.kind for attachment in (*photo.attachments, *note.attachments)] == ["image", "voice"]
    assert place.intent is not None
    assert place.intent.name == "location_shared"
    located = line.channel(name).locate(photo.attachments[0], photo.address)
    fetched = httpx.get(located.url, headers=dict(located.headers))
    assert fetched.status_code == 200
    assert line.sandbox.url in located.allowed_hosts


def test_reading_and_writing_are_shown(line: Line, name: str) -> None:
    customer = line.sandbox.customer(name, CUSTOMERS[name])
    customer.says("Hallo")
    turn = line.turns()[-1]
    line.channel(name).show_typing(turn.address, turn.provider_id)
    assert customer.person.uttered[-1].read
    assert customer.person.typing_until > 0
    assert line.sandbox.violations == ()


def test_after_24_hours_the_window_is_closed(line: Line, name: str) -> None:
    customer = line.sandbox.customer(name, CUSTOMERS[name])
    customer.says("Hallo")
    customer.stays_silent(25)
    with pytest.raises(WindowClosed):
        line.answer(Reply("Guten Tag"))
    assert customer.received() == []


@pytest.mark.parametrize(
    ("fault", "error", "received"),
    [
        ("busy", NotTaken, 0),
        ("error_before", Unclear, 0),
        ("error_after", Unclear, 1),
        ("cut_before", Unclear, 0),
        ("cut_after", Unclear, 1),
    ],
)
def test_faults_say_what_is_known_of_the_message(
    line: Line, name: str, fault: FaultKind, error: type[Exception], received: int
) -> None:
    customer = line.sandbox.customer(name, CUSTOMERS[name])
    customer.says("Hallo")
    line.sandbox.faults.set(FaultSettings(sequence=(fault,)))
    with pytest.raises(error):
        line.answer(Reply("Guten Tag"), "d8")
    assert len(customer.received()) == received
    assert any(status.delivery == "d8" for status in line.statuses()) == bool(received)


def test_a_customer_without_a_number_is_answered(line: Line) -> None:
    customer = line.sandbox.customer("whatsapp", "DE.13495550100")
    customer.says("Hallo")
    line.answer(Reply("Guten Tag"))
    assert customer.wait_for("Guten Tag").recipient == "DE.13495550100"
    assert line.turns()[-1].phone_hint is None
