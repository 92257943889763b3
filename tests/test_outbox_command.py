"""`sprachportal outbox` as the ops team uses it: what it shows, sends anew and drops, and what it refuses."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from bot import database
from bot.channels.outlet import NotTaken, Refused, Unclear
from bot.cli.outbox import outbox
from bot.tables import DeliveryRow
from tests.messenger_stage import Stage


@pytest.fixture
def stage(database_url: str) -> Stage:
    """A stage with a delivery of each state: sent, failed, unclear, queued and held."""
    stage = Stage(database_url)
    for number, error in enumerate((None, Refused("no such number", "131026"), Unclear("cut off"), NotTaken("down"))):
        stage.outlet.outcomes = [error]
        stage.say("Hallo", address=f"15550001/49155{number:06}")
        stage.work()
    stage.say("Hallo", address="15550001/49155000009")
    stage.conversations.handle(stage.woken[0])
    stage.last_wrote(30)
    stage.work()
    assert stage.states() == ["sent", "failed", "unclear", "queued", "held"]
    return stage


def command(*words: str, says: str | None = None) -> Result:
    return CliRunner().invoke(outbox, words, catch_exceptions=False, input=says)


def ids(stage: Stage) -> dict[str, str]:
    return {row.state: row.id for row in stage.rows()}


def test_what_did_not_arrive_is_shown_with_short_ids_and_without_words(stage: Stage) -> None:
    shown = command()
    assert shown.exit_code == 0
    for state in ("failed", "unclear", "held"):
        assert ids(stage)[state][:8] in shown.output
        assert ids(stage)[state] not in shown.output
    assert "131026 no such number" in shown.output
    assert "customer writes" in shown.output
    assert "Hallo" not in shown.output
    assert "4915" not in shown.output
    assert "1 queued, 1 unclear, 1 held, 1 failed" in shown.output
    assert "2 more: --limit 3" in command("--limit", "1").output


def test_the_table_shows_signs_of_a_provider_as_they_are(stage: Stage) -> None:
    with database.transaction(stage.url) as session:
        session.execute(update(DeliveryRow).values(why="[/red] [bold]x[/] [link=http://x]", code="[1]"))
    shown = command("--state", "failed")
    assert "[1] [/red] [bold]x[/] [link=http://x]" in " ".join(shown.output.split())


def test_a_program_gets_a_line_of_json_for_each(stage: Stage) -> None:
    lines = [json.loads(line) for line in command("--json", "--state", "queued", "--state", "held").output.splitlines()]
    assert [line["state"] for line in lines] == ["queued", "held"]
    assert lines[0]["id"] == ids(stage)["queued"]


@pytest.mark.parametrize("state", ["failed", "held", "queued", "unclear"])
def test_what_waits_can_be_dropped_after_a_yes(stage: Stage, state: str) -> None:
    own = ids(stage)[state]
    refused = command("drop", own[:8], says="n\n")
    assert (refused.exit_code, ids(stage)[state]) == (1, own)
    dropped = command("drop", own[:8], says="y\n")
    assert dropped.exit_code == 0
    assert f"1 {state}: customers do not get what is dropped" in dropped.output
    assert "1 delivery dropped." in dropped.output
    (row,) = (row for row in stage.rows() if row.id == own)
    assert (row.state, row.why) == ("dropped", "dropped by hand")
    assert len(stage.outlet.sent) == 1
    stage.time_passes()
    stage.woken.append(row.conversation_id)
    stage.work()
    assert own not in [delivery.id for delivery in stage.outlet.sent]


def test_without_anybody_to_ask_nothing_is_dropped_unless_that_is_said(stage: Stage) -> None:
    before = stage.states()
    silent = command("drop", "--all", says="")
    assert (silent.exit_code, stage.states()) == (2, before)
    assert "add --yes" in silent.output
    spoken = command("drop", "--state", "queued", "--yes", "--json")
    assert (spoken.exit_code, json.loads(spoken.stdout)) == (0, {"done": 1, "wanted": 1})
    assert stage.states() == ["sent", "failed", "unclear", "dropped", "held"]
    assert command("drop", "--all", "--yes").exit_code == 0
    assert stage.states() == ["sent", "dropped", "unclear", "dropped", "dropped"]
    again = command("drop", "--all")
    assert (again.exit_code, again.output) == (0, "0 deliveries dropped.\n")


def test_what_is_queued_failed_or_held_is_sent_anew_and_what_may_have_arrived_is_not(stage: Stage) -> None:
    stage.last_wrote(1)
    assert command("retry", "--all").output == "2 deliveries sent anew.\n"
    assert command("retry", ids(stage)["unclear"]).exit_code == 1
    assert command("retry", "--state", "unclear").exit_code == 2
    assert command("retry", "--state", "queued").exit_code == 0
    stage.woken += [row.conversation_id for row in stage.rows()]
    stage.work()
    assert stage.states() == ["sent", "sent", "unclear", "sent", "sent"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["drop"], 2),
        (["retry"], 2),
        (["drop", "--all", "abcd"], 2),
        (["drop", "x"], 2),
        (["drop", "abc"], 2),
        (["drop", "ABCD"], 2),
        (["drop", "%%%%"], 2),
        (["drop", "____"], 2),
        (["retry", "\x1b[31mabcd"], 2),
        (["retry", "a" * 33], 2),
        (["retry", "a" * 100_000], 2),
        (["drop", "--state", "sending"], 2),
        (["--limit", "0"], 2),
        (["--state", "nothing"], 2),
        (["--state", "queued", "drop", "--yes"], 2),
        (["--json", "retry", "--all"], 2),
        (["retry", "0000000000"], 1),
        (["drop", "0000000000", "--yes"], 1),
    ],
)
def test_what_is_not_clear_is_refused_in_two_lines_and_changes_nothing(
    stage: Stage, words: list[str], code: int
) -> None:
    before = stage.states()
    refused = command(*words)
    assert refused.exit_code == code
    assert "Error: " in refused.output
    assert "\x1b" not in refused.output
    assert len(refused.output) < 600
    assert stage.states() == before


def test_one_wrong_id_among_good_ones_changes_nothing(stage: Stage) -> None:
    before = stage.states()
    assert command("drop", ids(stage)["failed"], "0000000000", "--yes").exit_code == 1
    assert stage.states() == before
    twice = command("drop", ids(stage)["failed"], ids(stage)["failed"][:6], "--yes")
    assert twice.output == "1 delivery dropped.\n"


def test_an_id_that_begins_like_another_must_be_longer(stage: Stage) -> None:
    with database.transaction(stage.url) as session:
        for row, digit in zip(stage.rows(), "01234", strict=True):
            own = DeliveryRow.number == row.number
            session.execute(update(DeliveryRow).where(own).values(id="abcdabcdabcd" + digit * 20))
    refused = command("drop", "abcdabcd", "--yes")
    assert (refused.exit_code, "several ids begin with" in refused.output) == (2, True)
    assert "abcdabcdabcd1" in command().output
    assert command("drop", "abcdabcdabcd1", "--yes").exit_code == 0


def test_a_settled_delivery_is_left_alone(stage: Stage) -> None:
    refused = command("drop", ids(stage)["sent"], "--yes")
    assert (refused.exit_code, stage.states()[0]) == (1, "sent")


@given(st.lists(st.text(max_size=40).filter(lambda word: not word.startswith("-")), max_size=4), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rubbish_is_never_an_id(database_url: str, words: list[str], drops: bool) -> None:
    result = CliRunner().invoke(outbox, ["drop" if drops else "retry", "--", *words])
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("url", ["sqlite:////proc/nowhere/portal.db", "postgresql://127.0.0.1:1/none", "rubbish"])
def test_a_database_that_cannot_be_opened_is_told_in_two_lines(url: str) -> None:
    asked = [sys.executable, "-m", "bot.cli", "outbox"]
    run = subprocess.run(asked, env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 2
    assert "Traceback" not in run.stderr


def test_help_needs_no_database() -> None:
    asked = [sys.executable, "-m", "bot.cli", "outbox", "drop", "--help"]
    env = {**os.environ, "DATABASE_URL": "sqlite:////proc/nowhere/portal.db"}
    run = subprocess.run(asked, env=env, capture_output=True, text=True, check=False)
    assert (run.returncode, "Asks before" in run.stdout) == (0, True)


def test_two_who_drop_and_a_worker_who_sends_at_once_agree(stage: Stage) -> None:
    own = ids(stage)["queued"]
    (conversation,) = (row.conversation_id for row in stage.rows() if row.id == own)
    for _ in range(10):
        with database.transaction(stage.url) as session:
            fresh = {"state": "queued", "next_at": stage.rows()[0].created_at, "tries": 0}
            session.execute(update(DeliveryRow).where(DeliveryRow.id == own).values(**fresh))
        stage.outlet.sent.clear()
        with ThreadPoolExecutor(3) as pool:
            dropped = [pool.submit(stage.outbox.drop, [own]) for _ in range(2)]
            pool.submit(stage.deliveries.deliver, conversation).result()
        arrived = own in [delivery.id for delivery in stage.outlet.sent]
        assert sum(each.result() for each in dropped) + arrived == 1
        assert next(row.state for row in stage.rows() if row.id == own) == ("sent" if arrived else "dropped")


def test_in_a_terminal_a_yes_is_asked_for(stage: Stage) -> None:
    ours, theirs = pty.openpty()
    asked = [sys.executable, "-m", "bot.cli", "outbox", "drop", ids(stage)["queued"]]
    run = subprocess.Popen(asked, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    os.write(ours, b"y\n")
    said, _ = run.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert (run.returncode, "Drop 1 delivery? [y/N]" in said) == (0, True)
    assert stage.states()[3] == "dropped"
