"""Each step of a call is answered once, whatever is delivered twice, late, out of order or by strangers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from bot.app import Portal, create_app
from bot.database import transaction
from bot.tables import CallRow, ConversationRow
from tests.caller import (  # noqa: F401 - fixtures
    ACCOUNT,
    CALLER,
    NUMBER,
    PUBLIC,
    Caller,
    deliver,
    greeted_caller,
    healthy_engine,
    portal_with,
    ready_portal,
    settings_for,
    told,
)
from tests.fakes import FakeEngine


def test_repeated_delivery_gets_the_same_answer_and_one_turn(engine: FakeEngine, caller: Caller) -> None:
    first = caller.answers[-1].data
    assert caller.again().data == first
    caller.speak("wo ist mein paket")
    again = [caller.again().data for _ in range(3)]
    assert again == [caller.answers[-1].data] * 3
    assert told(engine) == [("wo ist mein paket", "")]


def in_parallel(portal: Portal, url: str, form: dict[str, str]) -> list[bytes]:
    """The same delivery six times at once."""
    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(lambda _: deliver(portal, url, form).data, range(6)))


def test_parallel_deliveries_get_the_same_answer_and_one_turn(portal: Portal, engine: FakeEngine) -> None:
    caller = Caller(portal)
    form = {"CallSid": caller.sid, "AccountSid": ACCOUNT, "From": CALLER, "To": NUMBER, "CallStatus": "ringing"}
    assert len(set(in_parallel(portal, caller.url, form))) == 1
    with transaction(portal.conversations.store._url) as session:
        assert len(session.scalars(select(CallRow)).all()) == 1
        assert len(session.scalars(select(ConversationRow)).all()) == 1
    step = {**form, "CallStatus": "in-progress", "SpeechResult": "wo ist mein paket"}
    assert len(set(in_parallel(portal, f"{PUBLIC}/webhooks/voice?step=1", step))) == 1
    assert told(engine) == [("wo ist mein paket", "")]


def test_step_out_of_place_hears_the_present_words(engine: FakeEngine, caller: Caller) -> None:
    start = caller.url
    caller.speak("eins")
    present = caller.speak("zwei")
    caller.url = start
    assert caller.speak("drei") == present
    caller.url = f"{PUBLIC}/webhooks/voice?step=77"
    assert caller.speak("vier") == present
    caller.url = f"{PUBLIC}/webhooks/voice?step=x%20y"
    assert caller.speak("fünf") == present
    assert [text for text, _ in told(engine)] == ["eins", "zwei"]


def test_status_in_any_order_never_opens_an_ended_call(caller: Caller) -> None:
    for status in ("in-progress", "completed", "ringing", "completed", "failed", "queued"):
        assert caller.hang_up(status) == 204
    assert b"<Hangup" in caller.again().data


def test_status_of_an_unknown_call_leaves_no_trace(portal: Portal) -> None:
    assert Caller(portal).hang_up() == 204
    with transaction(portal.conversations.store._url) as session:
        assert session.scalars(select(CallRow)).all() == []


def test_gather_after_hang_up_ends_the_call(engine: FakeEngine, caller: Caller) -> None:
    before = len(told(engine))
    caller.post(CallStatus="completed", SpeechResult="hallo")
    assert caller.verbs() == ["Hangup"]
    assert len(told(engine)) == before


BASE = {"CallSid": "CA" + "d" * 32, "AccountSid": ACCOUNT, "From": CALLER, "To": NUMBER, "CallStatus": "ringing"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"CallSid": ""}, 400),
        ({"CallSid": "CA" + "D" * 32}, 400),
        ({"CallSid": "CA" + "d" * 33}, 400),
        ({"CallSid": "../../etc"}, 400),
        ({"AccountSid": ""}, 403),
        ({"AccountSid": "AC" + "2" * 32}, 403),
        ({"From": ["+491713920011", "+491713920012"]}, 400),
        ({"Digits": ["1", "2"]}, 400),
    ],
)
def test_ambiguous_and_foreign_requests_are_refused(
    portal: Portal, engine: FakeEngine, change: dict[str, str | list[str]], status: int
) -> None:
    form = MultiDict({**BASE, **change})
    for path in ("/webhooks/voice", "/webhooks/voice/status"):
        answer = deliver(portal, PUBLIC + path, form)
        assert (answer.status_code, answer.data) == (status, b"")
    assert engine.turns == []


def test_the_phone_is_off_without_its_token(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(settings_for(f"sqlite:///{tmp_path / 'x.db'}"), twilio_token="")
    portal = portal_with(FakeEngine(), tmp_path)
    app = create_app(settings, portal.conversations).app
    assert app.test_client().post("/webhooks/voice").status_code == 404
    portal.stop()
