"""The first names that the finders know."""

from functools import lru_cache
from importlib.resources import files

from bot.nlu.tokens import fold


@lru_cache(maxsize=1)
def first_names() -> frozenset[str]:
    """Common first names, folded."""
    lines = files(__package__).joinpath("first_names.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(fold(name) for line in lines if not line.startswith("#") for name in line.split())
