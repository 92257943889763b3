"""What we spare Rasa changes nothing: same events, and what our actions answer passes Rasa's own check."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.nlu.without_tensorflow import keep_out_tensorflow

keep_out_tensorflow()

from jsonschema import validate  # noqa: E402
from rasa.core.actions.action import RemoteAction  # noqa: E402
from rasa.shared.core.events import Event, SlotSet, UserUttered  # noqa: E402
from rasa.shared.utils.common import all_subclasses  # noqa: E402

from actions.executor import in_process  # noqa: E402
from bot.engine.lean import event_class  # noqa: E402


def test_every_event_has_the_class_that_rasa_finds() -> None:
    names = {cls.type_name for cls in all_subclasses(Event) if getattr(cls, "type_name", None)}
    assert len(names) > 15
    for name in names:
        assert event_class(name) is Event.resolve_by_type(name)


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        event_class("nonsense")


def test_events_come_back_as_they_were() -> None:
    for event in (SlotSet("x", {"a": [1, "ä"]}), UserUttered("hallo", {"name": "greet", "confidence": 0.9})):
        data = event.as_dict()
        assert event_class(data["event"])._from_parameters(data) == event


@pytest.mark.parametrize("intent", ["ask_order_status", "ask_store_hours", "request_callback"])
def test_answers_of_our_actions_pass_rasas_own_check(database_url: str, intent: str) -> None:
    message: dict[str, Any] = {"intent": {"name": intent, "confidence": 1.0}, "entities": [], "text": f"/{intent}"}
    call = {
        "next_action": "validate_matter_form",
        "sender_id": "s",
        "tracker": {
            "sender_id": "s",
            "slots": {"language": "de"},
            "latest_message": message,
            "events": [{"event": "user", "message_id": "1"}, {"event": "active_loop", "name": "matter_form"}],
            "active_loop": {"name": "matter_form"},
            "paused": False,
            "followup_action": None,
            "latest_action_name": "action_listen",
        },
        "domain": {},
    }
    answer = asyncio.run(in_process()(call))
    assert answer["events"]
    validate(answer, RemoteAction.action_response_format_spec())
