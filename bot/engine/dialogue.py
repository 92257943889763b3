"""One turn through Rasa's agent: the same in our process and in a Rasa server.

This is the only place that knows how a turn becomes Rasa's user message and how Rasa's bot events
become an answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any
from weakref import WeakValueDictionary

from rasa.core.agent import Agent
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME, REQUESTED_SLOT
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.engine.attachments import link_in, location_in
from bot.turns import Answer, Choice, Effect, Reply, Turn, read_effect

log = logging.getLogger(__name__)
LANGUAGE_SLOT = "language"
FRESH_START = [
    ActiveLoop(None),
    SlotSet(REQUESTED_SLOT, None),
    SlotSet("need", None),
    ActionExecuted(ACTION_LISTEN_NAME),
]


class Listening(OutputChannel):
    """An output channel that delivers nothing: its name chooses the `channel:` variants of responses."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:  # type: ignore[override]
        """The channel's name."""
        return self._name

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Nothing to do: the answer is read from the tracker's events."""


class Dialogues:
    """Runs turns through an agent: one after the other in a conversation, each once however often it is asked for."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._tasks: dict[str, asyncio.Task[Answer]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, turn: Turn) -> Answer:
        """Rasa's answer; a turn that is under way is waited for, also when who asked before has given up."""
        if turn.id not in self._tasks:
            task = asyncio.create_task(self._answer(turn))
            self._tasks[turn.id] = task
            task.add_done_callback(lambda _: self._tasks.pop(turn.id, None))
        return await asyncio.shield(self._tasks[turn.id])

    async def _answer(self, turn: Turn) -> Answer:
        lock = self._locks.setdefault(turn.conversation, asyncio.Lock())
        async with lock:
            return await answer_turn(self._agent, turn)


async def answer_turn(agent: Agent, turn: Turn) -> Answer:
    """Rasa's answer to a turn; a turn that the tracker already has is not handled again.

    These are the steps of Rasa's `handle_message`, with one load of the tracker instead of three.
    """
    processor = agent.processor
    if processor is None:
        raise RuntimeError("the agent has no model")
    tracker = await processor.get_tracker(turn.conversation)
    said = _said_after(tracker.events, turn.id)
    if said is None:
        channel = Listening("voice" if turn.channel == "voice" else "chat")
        await _open(processor, tracker, turn, channel)
        await processor._handle_message_with_tracker(_user_message(turn, channel), tracker)
        tracker = await processor.run_action_extract_slots(channel, tracker)
        await processor._run_prediction_loop(channel, tracker)
        runs_wild = tracker.latest_action_name != ACTION_LISTEN_NAME
        if runs_wild:
            log.error("turn %s: the dialogue did not come to an end", turn.id)
            tracker.update_with_events(FRESH_START, processor.domain)
        await processor.save_tracker(tracker)
        if runs_wild:
            return Answer()
        said = _said_after(tracker.events, turn.id) or []
    return _answer(said, tracker.get_slot(LANGUAGE_SLOT) or turn.language)


async def _open(processor: MessageProcessor, tracker: DialogueStateTracker, turn: Turn, channel: OutputChannel) -> None:
    """Set the language before the first word is said, then begin the session of a new conversation."""
    is_new = not tracker.events
    if is_new or tracker.get_slot(LANGUAGE_SLOT) != turn.language:
        tracker.update(SlotSet(LANGUAGE_SLOT, turn.language), processor.domain)
    if is_new:
        action = processor._get_action(ACTION_SESSION_START_NAME)
        prediction = PolicyPrediction.for_action_name(processor.domain, ACTION_SESSION_START_NAME)
        await processor._run_action(action, tracker, channel, processor.nlg, prediction)


def _user_message(turn: Turn, channel: OutputChannel) -> UserMessage:
    parsed = _structured(turn) if turn.intent else None
    text = f"/{turn.intent.name}" if turn.intent else turn.text
    return UserMessage(
        text=text,
        output_channel=channel,
        sender_id=turn.conversation,
        parse_data=parsed,
        input_channel=turn.channel,
        message_id=turn.id,
        metadata=turn.metadata,
    )


def _structured(turn: Turn) -> dict[str, Any]:
    assert turn.intent is not None
    return {
        "text": f"/{turn.intent.name}",
        "intent": {"name": turn.intent.name, "confidence": 1.0},
        "entities": [{"entity": name, "value": value} for name, value in turn.intent.data.items()],
        "metadata": turn.metadata,
    }


def _said_after(events: Iterable[Event], turn_id: str) -> list[BotUttered] | None:
    """What the bot said for the turn, with the words of a session that began just before; None if it is not there."""
    said: list[BotUttered] = []
    session_begins = found = False
    for event in events:
        if isinstance(event, UserUttered):
            if found:
                break
            found = event.message_id == turn_id
            said = said if found and session_begins else []
            session_begins = False
        elif isinstance(event, ActionExecuted) and event.action_name == ACTION_SESSION_START_NAME:
            session_begins, said = True, []
        elif isinstance(event, BotUttered):
            said.append(event)
    return said if found else None


def _answer(said: list[BotUttered], language: str) -> Answer:
    replies: list[Reply] = []
    effects: list[Effect] = []
    for event in said:
        custom = event.data.get("custom")
        if custom:
            effects.append(read_effect(custom))
        reply = _reply(event, language)
        if reply.text or reply.image or reply.link or reply.location:
            replies.append(reply)
    return Answer(tuple(replies), tuple(effects))


def _reply(event: BotUttered, language: str) -> Reply:
    attachment = event.data.get("attachment")
    return Reply(
        text=event.text or "",
        choices=tuple(Choice(b["title"], b.get("payload", "")) for b in event.data.get("buttons") or []),
        image=event.data.get("image"),
        language=language,
        link=link_in(attachment),
        location=location_in(attachment),
    )
