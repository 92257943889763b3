"""Files that Rasa trains with, and that nothing here reads, checks or counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bot.validation.source import Finding
from bot.yaml12 import FILES

RASAS = (".yml", ".yaml")


def check_unread(*folders: Path) -> Iterator[Finding]:
    """Files with another ending, hidden, or in folders of their own."""
    for folder in folders:
        read = set(folder.glob(FILES))
        for file in sorted(set(folder.rglob("*")) - read):
            if file.suffix in RASAS and file.is_file():
                place = folder / f"{file.stem.lstrip('.')}.yml"
                what = "training reads this file, but the checks and the tests do not"
                yield Finding(str(file), what, f"make it {place}" if not place.exists() else f"put it into {place}")
