"""What customers sent does not stay: after some days it is deleted, and at once when they took it back.

A file is deleted before its row says so: after a crash in between it is found and deleted again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Row, exists, select, update

from bot.database import transaction
from bot.media.files import MediaFiles
from bot.media.tables import KEPT, MediaRow
from bot.turns import utc_now

TAKEN_BACK, TOO_OLD = "taken_back", "too_old"
AT_ONCE = 200
DAY_SECONDS = 86_400


class Retention:
    """Deletes kept files after `days`, and those of turns that were taken back."""

    def __init__(self, url: str, files: MediaFiles, days: int) -> None:
        self._url = url
        self._files = files
        self._days = days
        self._last_tried = 0
        self._next_round = 0.0
        self._files.delete_parts()

    def forget(self, turn: str) -> bool:
        """Delete what came with a turn, and what its voice notes say; False when a file cannot be deleted now."""
        theirs = MediaRow.turn_id == turn
        with transaction(self._url) as session:
            rows = session.execute(select(MediaRow.id, MediaRow.file).where(KEPT, theirs)).all()
        deleted = self._delete(rows, TAKEN_BACK)
        strays = [self._files.delete(name) for name in self._files.of_turn(turn)]
        with transaction(self._url) as session:
            session.execute(update(MediaRow).where(theirs).values(text="", sha256=""))
        return deleted and all(strays)

    def delete_old(self) -> None:
        """Delete some of what is too old, and once a day what a crash left without a row."""
        too_old = MediaRow.at < utc_now() - timedelta(days=self._days)
        wanted = select(MediaRow.id, MediaRow.file).where(KEPT, too_old, MediaRow.id > self._last_tried)
        with transaction(self._url) as session:
            rows = session.execute(wanted.order_by(MediaRow.id).limit(AT_ONCE)).all()
        self._delete(rows, TOO_OLD)
        # What cannot be deleted now is tried again after all others.
        self._last_tried = rows[-1].id if len(rows) == AT_ONCE else 0
        if time.monotonic() > self._next_round:
            self._next_round = time.monotonic() + DAY_SECONDS
            self.delete_strays()

    def delete_strays(self) -> None:
        """Delete old files that no row names, and unfinished ones."""
        self._files.delete_parts()
        for name in self._files.older_than(self._days * DAY_SECONDS):
            if not self._is_written_down(name):
                self._files.delete(name)

    def _delete(self, rows: Sequence[Row[tuple[int, str]]], why: str) -> bool:
        """Delete these files and say so; whether all are gone."""
        deleted = [self._delete_one(row.id, row.file, why) for row in rows]
        return all(deleted)

    def _delete_one(self, media: int, file: str, why: str) -> bool:
        """A file that another row keeps stays: files were once named by what is in them, and shared."""
        others = exists().where(KEPT, MediaRow.file == file, MediaRow.id != media)
        with transaction(self._url) as session:
            is_shared = bool(session.scalar(select(others)))
        if not is_shared and not self._files.delete(file):
            return False
        with transaction(self._url) as session:
            gone = {"state": "gone", "why": why, "file": "", "sha256": ""}
            session.execute(update(MediaRow).where(MediaRow.id == media).values(**gone))
        return True

    def _is_written_down(self, name: str) -> bool:
        turn = name.partition("/")[2].partition("-")[0]
        with transaction(self._url) as session:
            known = exists().where(KEPT, MediaRow.turn_id == turn, MediaRow.file == name)
            return bool(session.scalar(select(known)))
