"""What a model is trained on, without the words: enough to say what changed since another one was trained."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from bot.errors import PortalError
from bot.nlu.encoder import NONE, load_encoder
from bot.pipeline import CONFIG, encoder_wanted
from bot.reports.sentences import EXAMPLES, read_training
from bot.validation import shapes
from bot.validation.rules import unled_intents
from bot.validation.source import read_folder

STORIES, DOMAIN, CODE = Path("stories"), Path("bot/domain"), Path("bot/nlu")
DATA = (CONFIG, EXAMPLES, STORIES, DOMAIN, CODE)
SUFFIXES = (".yml", ".yaml", ".py", ".txt")
MOST_TOLD = 12


class TrainingData(msgspec.Struct, frozen=True):
    """Digests of all files by their paths, and of the examples by intent and language; the encoder's name."""

    files: dict[str, str]
    examples: dict[str, list[str]]
    encoder: str

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that change with anything a model is trained on."""
        return _fingerprint(self.files, self.encoder)

    def changes(self, before: TrainingData) -> Iterator[str]:
        """What is different from `before`, a line each."""
        yield from _examples(before.examples, self.examples)
        for verb, files in _files(before.files, self.files).items():
            if files:
                yield f"{verb}: {_listed(files)}"
        if before.encoder != self.encoder:
            yield f"encoder: {self.encoder} instead of {before.encoder}"


def read_training_data() -> TrainingData:
    """What is there to be trained on now; raises `PortalError` when something is missing."""
    for place in (CONFIG, EXAMPLES, STORIES, DOMAIN):
        if not place.exists():
            raise PortalError(f"there is no {place} in this folder", "go to the project's folder, which has it")
    examples = dict[str, list[str]]()
    for sentence in read_training():
        examples.setdefault(f"{sentence.intent} {sentence.language}", []).append(_digest(sentence.text.encode()))
    return TrainingData(digests(*DATA), examples, encoder_name())


def unled() -> list[str]:
    """The intents of the present examples that no rule and no story leads on."""
    return unled_intents(read_folder(STORIES, shapes.STORIES), {sentence.intent for sentence in read_training()})


def fingerprint() -> str:
    """The fingerprint of what is there to be trained on now."""
    return _fingerprint(digests(*DATA), encoder_name())


def fingerprint_of(*places: Path) -> str:
    """Eight hex digits that change with any of these files and folders."""
    return _fingerprint(digests(*places), "")


def encoder_name() -> str:
    """The name of the encoder that a training would use; `none` when there is none, which a training tells."""
    try:
        wanted = encoder_wanted()
        encoder = load_encoder(wanted) if wanted else None
    except Exception:
        return NONE
    return encoder.name if encoder else NONE


def digests(*places: Path) -> dict[str, str]:
    """A digest of each file in these places, by its path."""
    return {file.as_posix(): _digest(file.read_bytes()) for file in sorted(_all_files(places))}


def _all_files(places: tuple[Path, ...]) -> Iterator[Path]:
    for place in places:
        if place.is_file():
            yield place
        else:
            yield from (file for file in place.rglob("*") if file.suffix in SUFFIXES and file.is_file())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _fingerprint(files: Mapping[str, str], encoder: str) -> str:
    return hashlib.sha256(msgspec.json.encode([sorted(files.items()), encoder])).hexdigest()[:8]


def _examples(before: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> Iterator[str]:
    """How many examples came and went, in all and where most did."""
    came = {group: (Counter(now.get(group)) - Counter(before.get(group))).total() for group in {*before, *now}}
    went = {group: (Counter(before.get(group)) - Counter(now.get(group))).total() for group in {*before, *now}}
    if not any(came.values()) and not any(went.values()):
        return
    changed = sorted((group for group in came if came[group] or went[group]), key=lambda g: (-came[g] - went[g], g))
    told = [" ".join(filter(None, (group, _signed("+", came[group]), _signed("-", went[group])))) for group in changed]
    yield f"examples: {sum(came.values())} more, {sum(went.values())} fewer: {_listed(told)}"


def _signed(sign: str, count: int) -> str:
    return f"{sign}{count}" if count else ""


def _files(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, list[str]]:
    return {
        "changed": sorted(file for file in now if file in before and now[file] != before[file]),
        "new": sorted(now.keys() - before.keys()),
        "gone": sorted(before.keys() - now.keys()),
    }


def _listed(things: list[str]) -> str:
    more = len(things) - MOST_TOLD
    return ", ".join(things[:MOST_TOLD]) + (f" and {more} more" if more > 0 else "")
