"""Twilio's channels against the stand-in: customers write and press, and see answers within all of Twilio's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from bot.channels.events import Consent, Status
from bot.channels.outlet import Delivery, NotTaken, Unclear, WindowClosed
from bot.sandbox import Accounts, Customer, FaultSettings, Sandbox
from bot.turns import Choice, Incoming, Intent, Link, Location, Reply
from tests.twilio_wire import ACCOUNT, PUBLIC, THEIRS, TOKEN, Wire, delivery, settings_for

CHANNELS = {"sms": THEIRS, "twilio_whatsapp": THEIRS, "twilio_messenger": "4711004711"}
YES_NO = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))
MATTERS = tuple(
    Choice(title, "/x") for title in ("Bestellung", "Rückgabe", "Rechnung", "Filiale", "Etwas ganz anderes")
)
SHOP = Location(53.5503, 9.99, "Nordwind Hamburg", "Lange Reihe 7, 20099 Hamburg")
NOT_TOO_LONG = 5.0


@dataclass
class Talk:
    """The sandbox and the portal's channel, each knowing the other."""

    sandbox: Sandbox
    wire: Wire

    def customer(self, channel: str) -> Customer:
        """Somebody who has just written, so that they may be answered freely."""
        customer = self.sandbox.customer(channel, CHANNELS[channel])
        customer.says("Hallo")
        return customer

    def last(self) -> Incoming:
        """The latest turn."""
        event = self.wire.intake.events[-1]
        assert isinstance(event, Incoming)
        return event

    def answer(self, reply: Reply) -> list[Delivery]:
        """Deliver a reply to who wrote last."""
        turn = self.last()
        outlet = self.wire.outlets[turn.channel]
        made = [delivery(form, turn.channel, turn.address) for form in outlet.forms(reply, "r7")]
        for one in made:
            outlet.send(one)
        return made

    def set_faults(self, **settings: object) -> None:
        """From now on."""
        self.sandbox.faults.set(FaultSettings(**settings))  # type: ignore[arg-type]


@pytest.fixture
def talk() -> Iterator[Talk]:
    """Both, running; no rule of Twilio's may be broken unless the test expects it."""
    accounts = Accounts(ACCOUNT, TOKEN, *["unused-secret"] * 4)
    wires: list[Wire] = []
    to_portal = httpx.WSGITransport(app=lambda environ, start: wires[0].app(environ, start))
    with Sandbox(accounts, public_url=PUBLIC, transport=to_portal) as sandbox:
        wires.append(Wire(settings_for(sandbox.url)))
        yield Talk(sandbox, wires[0])


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_a_customer_writes_arrives(talk: Talk, channel: str) -> None:
    talk.customer(channel)
    turn = talk.last()
    assert (turn.channel, turn.text) == (channel, "Hallo")
    assert turn.address.endswith(f"/{CHANNELS[channel]}")


@pytest.mark.parametrize("choices", [(), YES_NO, MATTERS])
@pytest.mark.parametrize("channel", CHANNELS)
def test_every_answer_keeps_the_rules_and_its_states_come_back(
    talk: Talk, channel: str, choices: tuple[Choice, ...]
) -> None:
    customer = talk.customer(channel)
    link = Link("Sendung verfolgen", "https://track.example.com/1")
    image = "https://shop.example.com/zelt.jpg"
    made = talk.answer(Reply("Passt das? 🙂", choices, image=image, link=link, location=SHOP))
    assert talk.sandbox.violations == ()
    assert len(customer.received()) == len(made)
    assert talk.sandbox.wait_until_told(NOT_TOO_LONG)
    told = [event for event in talk.wire.intake.events if isinstance(event, Status)]
    assert {event.delivery for event in told} == {one.id for one in made}
    assert {"sent", "delivered"} <= {event.state for event in told}


@pytest.mark.parametrize(
    ("channel", "choices", "pressed"),
    [
        ("twilio_whatsapp", YES_NO, "Nein"),
        ("twilio_whatsapp", MATTERS, "Rechnung"),
        ("twilio_messenger", YES_NO, "Nein"),
    ],
)
def test_what_is_pressed_comes_back_as_our_id_and_its_label(
    talk: Talk, channel: str, choices: tuple[Choice, ...], pressed: str
) -> None:
    customer = talk.customer(channel)
    talk.answer(Reply("Passt das?", choices))
    customer.presses(pressed)
    turn, index = talk.last(), [choice.title for choice in choices].index(pressed)
    assert (turn.choice, turn.text) == (f"r7.{index}", pressed)


@pytest.mark.parametrize(("deed", "kind"), [(Customer.sends_photo, "image"), (Customer.sends_voice_note, "voice")])
def test_what_is_sent_is_an_attachment_at_twilio(talk: Talk, deed: Callable[[Customer], object], kind: str) -> None:
    deed(talk.customer("twilio_whatsapp"))
    (attachment,) = talk.last().attachments
    assert attachment.kind == kind
    assert attachment.source.startswith(f"{talk.sandbox.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/")


def test_a_shared_place_is_a_structured_turn(talk: Talk) -> None:
    talk.customer("twilio_whatsapp").shares_place()
    assert talk.last().intent == Intent("location_shared", {"latitude": "53.5507", "longitude": "9.993"})


def test_stop_by_text_message_is_consent_taken_back(talk: Talk) -> None:
    customer = talk.customer("sms")
    customer.stops()
    event = talk.wire.intake.events[-1]
    assert isinstance(event, Consent)
    assert not event.given


def test_after_a_lost_answer_the_message_is_found(talk: Talk) -> None:
    talk.customer("twilio_whatsapp")
    outlet, address = talk.wire.outlets["twilio_whatsapp"], talk.last().address
    for fault, is_taken in (("cut_after", True), ("error_after", True), ("cut_before", False)):
        talk.set_faults(sequence=[fault])
        made = delivery({"body": f"Gern: {fault}."}, "twilio_whatsapp", address)
        with pytest.raises(Unclear):
            outlet.send(made)
        assert outlet.find(made) == (talk.sandbox.messages[-1].sid if is_taken else None)


def test_too_many_requests_wait(talk: Talk) -> None:
    talk.customer("sms")
    talk.set_faults(sequence=["busy"], retry_after=7)
    with pytest.raises(NotTaken) as caught:
        talk.answer(Reply("Gern."))
    assert caught.value.retry_after == 7


def test_who_has_not_written_cannot_be_written_to_freely(talk: Talk) -> None:
    customer = talk.sandbox.customer("twilio_whatsapp", "+491713920099")
    outlet = talk.wire.outlets["twilio_whatsapp"]
    ours = talk.sandbox.accounts.twilio_whatsapp
    with pytest.raises(WindowClosed):
        outlet.send(delivery({"body": "Guten Tag"}, "twilio_whatsapp", f"{ours}/+491713920099"))
    assert customer.received() == []
