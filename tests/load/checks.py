"""What became of every event: the portal's database beside what customers sent and what providers accepted."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.channels.outlet import split
from bot.database import connect
from bot.sandbox import Message, Sandbox
from bot.tables import DeliveryRow, ReplyRow, TrackerEventRow, TurnRow
from tests.load.crowd import Crowd, Talker

OPEN = ("queued", "sending", "unclear", "held")
LOOK_SECONDS = 1.0
FIRST_WORDS = 40
NO_WORD = re.compile("[^A-Za-z0-9]")


@dataclass
class Findings:
    """What is wrong, ids by kind; figures; and seconds from acknowledgement to the first answer."""

    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    figures: dict[str, int] = field(default_factory=dict)
    answer_seconds: list[float] = field(default_factory=list)

    def count(self, *kinds: str) -> int:
        """How often one of these happened."""
        return sum(len(self.wrong[kind]) for kind in kinds)

    @property
    def lost(self) -> int:
        """Events not kept, not answered, or with an answer that reached nobody."""
        return self.count("not kept", "not answered", "answered with an apology", "answer not delivered")

    @property
    def twice(self) -> int:
        """Events kept, handled or answered more than once."""
        return self.count("kept unasked", "handled twice", "delivered twice", "delivered and unknown")

    @property
    def out_of_order(self) -> int:
        """Events or answers that overtook another of the same customer."""
        return self.count("kept out of order", "kept in two conversations", "delivered out of order")

    @property
    def elsewhere(self) -> int:
        """Answers that somebody else got."""
        return self.count("delivered to somebody else")


def open_work(database_url: str) -> tuple[int, int]:
    """How many turns and deliveries wait."""
    with Session(connect(database_url)) as session:
        turns = select(func.count()).select_from(TurnRow).where(TurnRow.state == "waiting")
        deliveries = select(func.count()).select_from(DeliveryRow).where(DeliveryRow.state.in_(OPEN))
        return session.scalar(turns) or 0, session.scalar(deliveries) or 0


def wait_until_done(database_url: str, sandbox: Sandbox, seconds: float) -> bool:
    """Wait until nothing waits any more: neither turns nor deliveries nor news; False when it takes longer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(open_work(database_url)) and sandbox.wait_until_told(LOOK_SECONDS):
            return not any(open_work(database_url))
        time.sleep(LOOK_SECONDS)
    return False


class Check:
    """Joins the portal's database at `url` with the crowd and the sandbox."""

    def __init__(self, url: str, crowd: Crowd, sandbox: Sandbox) -> None:
        self.findings = Findings()
        self._crowd = crowd
        with Session(connect(url)) as session:
            self._turns = {turn.id: turn for turn in session.scalars(select(TurnRow))}
            self._replies = {reply.id: reply for reply in session.scalars(select(ReplyRow))}
            self._deliveries = {each.id: each for each in session.scalars(select(DeliveryRow))}
            self._handled = Counter(filter(None, map(_handled, session.scalars(select(TrackerEventRow.data)))))
        self._by_event = {(turn.channel, turn.provider_id): turn for turn in self._turns.values()}
        self._places = {name: self._place(delivery) for name, delivery in self._deliveries.items()}
        self._accepted: dict[str, list[Message]] = defaultdict(list)
        self._of_turn: dict[str | None, list[Message]] = defaultdict(list)
        for message in sandbox.messages:
            self._accepted[message.delivery].append(message)
            if message.delivery in self._deliveries:
                reply = self._replies[self._deliveries[message.delivery].reply_id or 0]
                self._of_turn[reply.turn_id].append(message)

    def run(self) -> Findings:
        """All checks."""
        for talker in self._crowd.talkers:
            self._check_kept(talker)
            self._check_order_of_answers(talker)
            self._take_times(talker)
        self._check_turns()
        self._check_deliveries()
        self._count()
        return self.findings

    def _check_kept(self, talker: Talker) -> None:
        """Every acknowledged event is a turn, in the order sent, all in one conversation."""
        channel, sent = talker.customer.person.channel, list(talker.acknowledged)
        self._note("not kept", (event for event in sent if (channel, event) not in self._by_event))
        kept = [self._by_event[channel, event] for event in sent if (channel, event) in self._by_event]
        self._note("kept out of order", (b.provider_id for a, b in pairwise(kept) if a.seq >= b.seq))
        others = {turn.conversation_id for turn in kept[1:]} - {turn.conversation_id for turn in kept[:1]}
        self._note("kept in two conversations", others)

    def _check_turns(self) -> None:
        sent = {(each.customer.person.channel, event) for each in self._crowd.talkers for event in each.acknowledged}
        answered = {reply.turn_id for reply in self._replies.values()}
        self._note("kept unasked", (turn.id for key, turn in self._by_event.items() if key not in sent))
        self._note("handled twice", (turn for turn, times in self._handled.items() if times > 1))
        self._note("not answered", self._turns.keys() - answered)
        self._note("answered with an apology", (turn.id for turn in self._turns.values() if turn.state == "failed"))

    def _check_deliveries(self) -> None:
        """Each delivery was accepted exactly once by the provider, for the right customer."""
        self._note(
            "answer not delivered", (str(reply.id) for reply in self._replies.values() if not self._has_arrived(reply))
        )
        self._note("answer not delivered", self._deliveries.keys() - self._accepted.keys())
        self._note("delivered and unknown", self._accepted.keys() - self._deliveries.keys())
        for name, messages in self._accepted.items():
            if len(messages) > 1:
                self._note("delivered twice", [name])
            theirs = split(self._deliveries[name].address)[1] if name in self._deliveries else ""
            self._note("delivered to somebody else", (name for each in messages if each.recipient != theirs))

    def _has_arrived(self, reply: ReplyRow) -> bool:
        """Whether the provider took the reply's first words; several replies may go out as one message."""
        words = _plain(reply.text)[:FIRST_WORDS]
        return any(words in _plain(message.shown.text) for message in self._of_turn[reply.turn_id])

    def _check_order_of_answers(self, talker: Talker) -> None:
        """A customer's answers come in the order of their turns and, within one, of what was said."""
        received = [message.delivery for message in talker.customer.received() if message.delivery in self._places]
        self._note("delivered out of order", (b for a, b in pairwise(received) if self._places[a] > self._places[b]))

    def _place(self, delivery: DeliveryRow) -> tuple[int, int, int]:
        """Which turn it answers, with which reply, in which of its forms."""
        reply = self._replies[delivery.reply_id or 0]
        return self._turns[reply.turn_id or ""].seq, reply.position, delivery.number

    def _take_times(self, talker: Talker) -> None:
        """Seconds from each acknowledgement to the first answer that the provider accepted."""
        for event, at in talker.acknowledged.items():
            turn = self._by_event.get((talker.customer.person.channel, event))
            for message in self._of_turn[turn.id][:1] if turn else []:
                self.findings.answer_seconds.append(max(0.0, (message.at - at).total_seconds()))

    def _count(self) -> None:
        states = Counter(each.state for each in self._deliveries.values())
        self.findings.figures |= {
            "turns kept": len(self._turns),
            "turns done": sum(turn.state == "done" for turn in self._turns.values()),
            "turns begun more than once": sum(turn.tries > 1 for turn in self._turns.values()),
            "replies": len(self._replies),
            "deliveries": len(self._deliveries),
            "deliveries tried more than once": sum(each.tries > 1 for each in self._deliveries.values()),
            "messages the providers took": sum(map(len, self._accepted.values())),
            **{f"deliveries {state} at the end": number for state, number in sorted(states.items())},
        }

    def _note(self, kind: str, ids: Iterable[str]) -> None:
        self.findings.wrong[kind] += ids


def _plain(text: str) -> str:
    """Letters and digits only: a channel may show other signs in other ways."""
    return NO_WORD.sub("", text)


def _handled(data: str) -> str | None:
    """The turn of a customer's event in Rasa's tracker."""
    event = msgspec.json.decode(data)
    name = event.get("message_id") if event["event"] == "user" else None
    return str(name) if name else None
