"""A stage for playing conversations: the whole portal on a database of its own with the demo company."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import TextClause, text

from actions.db import connect
from actions.load import load
from actions.models import Base
from bot.cli import wiring
from bot.dialogues import Dialogue, Failure, play
from bot.settings import load_settings

DEMO = Path("bot/demo/nordwind.yml")
DATABASE = "DATABASE_URL"


class Stage:
    """Use it in a `with`: a portal that is ready, whose shop is fresh for every conversation."""

    def __init__(self, model: Path | None = None) -> None:
        self._model = model

    def __enter__(self) -> Stage:
        with ExitStack() as stack:
            folder = TemporaryDirectory(prefix="sprachportal-stage-", ignore_cleanup_errors=True)
            self._folder = Path(stack.enter_context(folder))
            url = f"sqlite:///{self._folder / 'portal.db'}"
            stack.enter_context(_as_database(url))
            settings = load_settings({DATABASE: url, "SPRACHPORTAL_SECRET_KEY": "only-for-the-stage"})
            wiring.prepare_database(settings)
            load(DEMO, url)
            self._keep_fresh_copy(url)
            self.conversations = wiring.build_conversations(settings, self._model)
            stack.callback(self.conversations.engine.stop)
            self.conversations.engine.start()
            wiring.wait_until_ready(self.conversations)
            self._end = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()

    def play(self, dialogue: Dialogue) -> Failure | None:
        """Have the conversation with a fresh shop; the first thing that is not as expected."""
        self._refresh()
        return play(self.conversations, dialogue)

    def _keep_fresh_copy(self, url: str) -> None:
        with connect(url).connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(self._folder / "portal.db", self._folder / "fresh.db")

    def _refresh(self) -> None:
        with connect(os.environ[DATABASE]).connect() as connection:
            connection.execute(text("PRAGMA foreign_keys=OFF"))
            connection.execute(text("ATTACH DATABASE :file AS fresh"), {"file": str(self._folder / "fresh.db")})
            for statement in REFRESH:
                connection.execute(statement)
            connection.commit()
            connection.execute(text("DETACH DATABASE fresh"))
            connection.execute(text("PRAGMA foreign_keys=ON"))


def _refreshing() -> Iterator[TextClause]:
    """Statements that put the rows of the shop's tables in the database `fresh` in place of the present ones."""
    for table in Base.metadata.tables:
        yield text(f'DELETE FROM main."{table}"')  # noqa: S608 - a table of ours
        yield text(f'INSERT INTO main."{table}" SELECT * FROM fresh."{table}"')  # noqa: S608


REFRESH = tuple(_refreshing())


@contextmanager
def _as_database(url: str) -> Iterator[None]:
    """The actions read the database's URL from the environment."""
    before = os.environ.get(DATABASE)
    os.environ[DATABASE] = url
    try:
        yield
    finally:
        if before is None:
            del os.environ[DATABASE]
        else:
            os.environ[DATABASE] = before
