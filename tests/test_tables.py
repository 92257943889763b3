"""Tables show all of what they hold, in a narrow terminal and in a pipe."""

from __future__ import annotations

import io
import json
from datetime import datetime

import pytest
from rich.console import Console

from bot.cli.tables import new_table, show
from bot.models import Disagreement, Register
from tests.model_copies import FIGURES, FIRST, add, copies, register, typed

__all__ = ["copies", "register"]
SENTENCE = "könnt ihr das bitte ganz schnell einpacken annika.brandt.mit.einem.sehr.langen.namen@example.org"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_terminal_folds_and_cuts_nothing(width: int) -> None:
    screen = io.StringIO()
    row = {"Id": "1234567", "Text": SENTENCE, "Taken": "request_data_deletion", "Why": "rejected, three_tries, shadow"}
    table = new_table(*row, whole=("Id", "Taken"))
    table.add_row(*row.values())
    show(table, Console(file=screen, width=width))
    heads, _, *lines = screen.getvalue().splitlines()[1:]
    assert all(len(line) <= width for line in lines)
    begins = [*map(heads.index, row), width]
    for name, begin, end in zip(row, begins, begins[1:], strict=False):
        assert "".join(line[begin:end] for line in lines).replace(" ", "") == row[name].replace(" ", "")
    assert width == 40 or row["Taken"] in screen.getvalue()


def test_in_a_pipe_each_model_is_one_line_with_its_local_time_and_figures(register: Register) -> None:
    add(register, FIRST)
    register.set_figures(FIRST, FIGURES)
    trained = next(json.loads(line)["trained_at"] for line in typed("models", "--json").stdout.splitlines())
    (line,) = [line for line in typed("models").stdout.splitlines() if FIRST in line]
    local = f"{datetime.fromisoformat(trained).astimezone():%Y-%m-%d %H:%M}"
    assert f"{FIRST}  trained  {local} Kim" in line
    assert "95.0%  94.0% de chat  100/100" in line


def test_the_shadows_report_gives_whole_ids_of_turns(register: Register) -> None:
    add(register, FIRST)
    register.set_shadow(FIRST)
    turns = [f"{number:032x}" for number in range(3)]
    found = [Disagreement(turn, "ask_order_status", 0.9, "request_data_deletion", 0.5, False) for turn in turns]
    register.add_compared(FIRST, 4, 0, found)
    told = typed("shadow", "--report").stdout.splitlines()
    assert "ask_order_status 0.90, shadow: request_data_deletion 0.50: 3 turns" in told
    assert {f"    {turn}" for turn in turns} < set(told)
