"""Tables of which nothing is cut: a terminal folds what is too wide, elsewhere each row is one line."""

from __future__ import annotations

import sys
from collections.abc import Collection

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table

WITHOUT_END = 10_000
NARROWEST = 8


def new_table(*heads: str, whole: Collection[str] = ()) -> Table:
    """An empty table; the columns with the heads `whole` are folded only when there is no other way."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head in heads:
        table.add_column(head, overflow="fold", no_wrap=head in whole)
    return table


def console() -> Console:
    """Standard output: as wide as the terminal; a file or a pipe has no end."""
    return Console(width=None if sys.stdout.isatty() else WITHOUT_END, highlight=False)


def show(table: Table, where: Console | None = None) -> None:
    """Print a table."""
    where = where or console()
    if sum(map(_least, table.columns)) > where.width:
        for column in table.columns:
            column.no_wrap = False
    where.print(table)


def _least(column: Column) -> int:
    """How wide it must be, with the gap beside it."""
    longest = max(cell_len(str(cell)) for cell in (column.header, *column.cells))
    return 2 + (longest if column.no_wrap else min(longest, NARROWEST))
