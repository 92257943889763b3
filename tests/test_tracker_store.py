"""The tracker store: appends, loads a bounded window, keeps slots and form (invariant 10)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bot.nlu.without_tensorflow import keep_out_tensorflow

keep_out_tensorflow()

from rasa.shared.core.domain import Domain  # noqa: E402
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, SlotSet, UserUttered  # noqa: E402
from rasa.shared.core.trackers import DialogueStateTracker  # noqa: E402

from bot import database  # noqa: E402
from bot.engine.tracker_store import MOST_TURNS, PortalTrackerStore  # noqa: E402

DOMAIN = Domain.from_yaml(
    """
    version: "3.1"
    intents: [inform]
    slots:
      mood: {type: any, mappings: [{type: custom}]}
    forms:
      a_form: {required_slots: [mood]}
    responses:
      utter_hello: [{text: hello}]
    """
)


@pytest.fixture
def store(tmp_path: Path) -> PortalTrackerStore:
    url = f"sqlite:///{tmp_path / 'trackers.db'}"
    database.migrate(url)
    return PortalTrackerStore(DOMAIN, url=url)


def turn(tracker: DialogueStateTracker, number: int) -> None:
    ranking = [{"name": f"intent_{at}", "confidence": 0.01} for at in range(40)]
    parsed = {"text": f"turn {number}", "intent": {"name": "inform", "confidence": 1.0}, "intent_ranking": ranking}
    tracker.update(UserUttered(f"turn {number}", {"name": "inform"}, [], parsed, message_id=f"id-{number}"), DOMAIN)
    tracker.update(ActionExecuted("utter_hello"), DOMAIN)
    tracker.update(BotUttered(f"answer {number}"), DOMAIN)
    tracker.update(SlotSet("mood", number), DOMAIN)
    tracker.update(ActionExecuted("action_listen"), DOMAIN)


async def talk(store: PortalTrackerStore, turns: int) -> DialogueStateTracker:
    for number in range(turns):
        tracker = await store.get_or_create_tracker("c")
        if number == 0:
            tracker.update(ActiveLoop("a_form"), DOMAIN)
        turn(tracker, number)
        await store.save(tracker)
    found = await store.retrieve("c")
    assert found is not None
    return found


def user_turns(tracker: DialogueStateTracker) -> list[str]:
    return [event.text or "" for event in tracker.events if isinstance(event, UserUttered)]


@pytest.mark.parametrize("turns", [1, 5, 8, 9, 60])
def test_the_window_is_bounded_and_keeps_the_newest_turns(store: PortalTrackerStore, turns: int) -> None:
    tracker = asyncio.run(talk(store, turns))
    kept = user_turns(tracker)
    assert len(kept) <= MOST_TURNS
    assert kept == [f"turn {n}" for n in range(turns - len(kept), turns)]


def test_slots_and_form_outlive_the_window(store: PortalTrackerStore) -> None:
    tracker = asyncio.run(talk(store, 60))
    assert tracker.get_slot("mood") == 59
    assert tracker.active_loop_name == "a_form"
    assert "turn 0" not in user_turns(tracker)


def test_every_event_is_kept_once(store: PortalTrackerStore) -> None:
    asyncio.run(talk(store, 30))
    full = asyncio.run(store.retrieve_full_tracker("c"))
    assert full is not None
    assert user_turns(full) == [f"turn {n}" for n in range(30)]


def test_saving_again_writes_nothing(store: PortalTrackerStore, tmp_path: Path) -> None:
    tracker = asyncio.run(talk(store, 3))
    engine = create_engine(f"sqlite:///{tmp_path / 'trackers.db'}")
    with engine.connect() as connection:
        before = connection.execute(text("select count(*) from tracker_events")).scalar()
    asyncio.run(store.save(tracker))
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from tracker_events")).scalar() == before


def test_an_unknown_conversation_has_no_tracker(store: PortalTrackerStore) -> None:
    assert asyncio.run(store.retrieve("nobody")) is None


def test_a_conversation_can_be_forgotten(store: PortalTrackerStore) -> None:
    asyncio.run(talk(store, 3))
    asyncio.run(store.delete("c"))
    assert asyncio.run(store.retrieve("c")) is None
