"""A customer on one channel: writes, presses, sends files and places, and sees what the portal answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from bot.sandbox.accounts import Accounts
from bot.sandbox.courier import Courier, Webhook, meta_webhook, twilio_webhook
from bot.sandbox.inbound import (
    OPT_IN_WORDS,
    OPT_OUT_WORDS,
    Event,
    MessengerSpeech,
    Speech,
    TwilioSpeech,
    WhatsAppSpeech,
    agents_echo,
)
from bot.sandbox.world import PROVIDERS, Message, Option, Person, Place, Uttered, World

STATIC = Path(__file__).parent / "static"
PHOTO = STATIC / "sample.jpg"
VOICE_NOTE = STATIC / "sample.ogg"
WHERE = Place(53.5507, 9.9930, "Hamburg")
SECONDS = 10.0


class Network:
    """What all customers share: the memory, the accounts, and the way to the portal."""

    def __init__(self, world: World, accounts: Accounts, courier: Courier, sandbox_url: str) -> None:
        self.world = world
        self.accounts = accounts
        self._courier = courier
        self._speeches: dict[str, Speech] = {
            "twilio": TwilioSpeech(accounts, sandbox_url),
            "whatsapp": WhatsAppSpeech(accounts),
            "messenger": MessengerSpeech(accounts, sandbox_url),
        }
        self.twilio_overrides = "#rc=5&rp=all"

    def speech(self, channel: str) -> Speech:
        """How this channel's provider words things."""
        return self._speeches[PROVIDERS[channel]]

    def send(self, event: Event) -> int:
        """Post an event's webhook; the status of the first attempt (`courier.NO_CONNECTION`, `courier.CUT`)."""
        return self._courier.post(self.webhook(event))

    def webhook(self, event: Event) -> Webhook:
        """The signed request of an event."""
        base, told = self._courier.public_url, self._told(event.id)
        if PROVIDERS[event.channel] == "twilio":
            url = f"{base}/webhooks/twilio{self.twilio_overrides}"
            return twilio_webhook(url, event.payload, self.accounts.twilio_token, told)
        return meta_webhook(f"{base}/webhooks/{event.channel}", event.payload, self.accounts.meta_secret, told)

    def _told(self, name: str) -> Callable[[int], None]:
        """Notes the portal's answer with what the customer did."""

        def told(status: int) -> None:
            person = self.world.speakers.get(name)
            for uttered in reversed(person.uttered if person else []):
                if uttered.id == name:
                    uttered.status = status
                    break
            self.world.touch()

        return told


class Customer:
    """One customer. Each deed is an event that is sent at once, unless `event_of_*` only makes it."""

    def __init__(self, network: Network, person: Person) -> None:
        self._network = network
        self._world = network.world
        self._speech = network.speech(person.channel)
        self.person = person

    def says(self, text: str) -> Event:
        """Write words."""
        return self._send(self.event_of_text(text))

    def stops(self) -> Event:
        """Opt out."""
        return self.says("STOP")

    def presses(self, title: str) -> Event:
        """Press the latest option with this title; ValueError when there is none."""
        for message in reversed(self.received()):
            for option in message.shown.options:
                if option.title == title and option.kind != "link":
                    return self.chooses(message, option)
        raise ValueError(f"nothing to press is called {title!r}")

    def chooses(self, message: Message, option: Option) -> Event:
        """Press this option of this message."""
        event = self._speech.press(self.person, message, option, self._now)
        return self._send(self._uttered(event, option.title, "choice"))

    def sends_photo(self, caption: str = "") -> Event:
        """Send the built-in picture."""
        return self.sends_file("image", PHOTO.read_bytes(), "image/jpeg", caption=caption)

    def sends_voice_note(self) -> Event:
        """Send the built-in voice note: one second of silence."""
        return self.sends_file("voice", VOICE_NOTE.read_bytes(), "audio/ogg; codecs=opus")

    def sends_file(self, kind: str, data: bytes, media_type: str, *, name: str = "", caption: str = "") -> Event:
        """Send a file; `kind` is image, document, audio, voice, video or sticker."""
        medium = self._world.keep(data, media_type, name)
        event = self._speech.file(self.person, kind, medium, caption, self._now)
        return self._send(self._uttered(event, caption, kind))

    def shares_place(self, place: Place = WHERE) -> Event:
        """Share a location."""
        event = self._speech.place(self.person, place, self._now)
        return self._send(self._uttered(event, place.name, "place"))

    def is_answered_by_agent(self, text: str) -> int:
        """Somebody answers in the Messenger inbox on Facebook: the portal gets an echo that is not its own."""
        return self._network.send(agents_echo(self._network.accounts, self.person, text, self._now))

    def stays_silent(self, hours: float) -> None:
        """So many hours pass since the customer wrote last."""
        if self.person.last_wrote:
            self.person.last_wrote -= timedelta(hours=hours)
        self._world.touch()

    def event_of_text(self, text: str) -> Event:
        """Words, kept as written by the customer but not sent."""
        if self.person.channel == "sms":
            self._note_opt_out(text)
        return self._uttered(self._speech.text(self.person, text, self._now), text, "text")

    def received(self) -> list[Message]:
        """What the portal sent, in order."""
        return self.person.received

    def wait_for(
        self, text: str = "", *, count: int = 0, state: str = "", seconds: float = SECONDS
    ) -> Message:  # fmt: skip
        """The first message, after the first `count`, that contains the text and reached the state.

        AssertionError, with what came instead, when there is none within the time.
        """
        self._world.wait(lambda: self._found(text, count, state) is not None, seconds)
        found = self._found(text, count, state)
        if found is None:
            came = [(message.shown.text, message.states) for message in self.received()]
            raise AssertionError(f"no message {text!r} {state} after {count} within {seconds} s, but {came}")
        return found

    def _found(self, text: str, count: int, state: str) -> Message | None:
        fitting = (
            message
            for message in self.received()[count:]
            if text in message.shown.text and (not state or state in message.states)
        )
        return next(fitting, None)

    def _note_opt_out(self, text: str) -> None:
        """Twilio's own opt-out, by SMS."""
        word = text.strip().upper()
        if word in OPT_OUT_WORDS or word in OPT_IN_WORDS:
            self.person.opted_out = word in OPT_OUT_WORDS

    def _uttered(self, event: Event, text: str, kind: str) -> Event:
        self._world.utter(self.person, Uttered(event.id, text, self._now, kind=kind))
        return event

    def _send(self, event: Event) -> Event:
        self._network.send(event)
        return event

    @property
    def _now(self) -> datetime:
        return self._world.clock()
