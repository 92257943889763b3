"""A broken rule, on its way to the answer that the provider would give."""

from __future__ import annotations

from collections.abc import Sequence


class Broken(Exception):
    """The request breaks a rule; `code` and `subcode` are the provider's, `status` the answer's."""

    def __init__(self, code: int, what: str, *, status: int = 400, subcode: int = 0) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.status = status
        self.subcode = subcode


def require(holds: object, code: int, what: str) -> None:
    """Raise `Broken` with status 400 unless it holds."""
    if not holds:
        raise Broken(code, what)


def require_plain_ids(ids: Sequence[str], code: int) -> None:
    """Ids are given, unique, and have no blanks at their ends."""
    require(all(each and each == each.strip() for each in ids), code, "an id is empty or has blanks at its ends")
    require(len(set(ids)) == len(ids), code, "two ids are equal")


def require_titles(titles: Sequence[str], longest: int, code: int) -> None:
    """Titles are given, unique, and at most this long."""
    require(all(title.strip() for title in titles), code, "a title is empty")
    require(all(len(title) <= longest for title in titles), code, f"a title is longer than {longest} characters")
    require(len(set(titles)) == len(titles), code, "two titles are equal")
