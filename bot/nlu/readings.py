"""What numbers said one after the other can mean when they are written as one string of digits."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

from bot.nlu.numbers import composed

Digits = tuple[str, ...]
_MOST_READINGS = 48
_MOST_WORDS = 6


@dataclass(frozen=True, slots=True)
class Atom:
    """One number of a run: its digits, the tokens it spans (`end` not included), and how it was said.

    `words` are empty when it was typed; without a `language` it cannot be composed with its neighbours.
    """

    digits: str
    first: int
    end: int
    words: tuple[str, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """A correction inside a run; `restart` when the speaker announces to begin anew."""

    restart: bool


Item = Atom | Fix


def readings(items: tuple[Item, ...]) -> tuple[str, ...]:
    """The digit strings that the items of a run can mean, the likeliest first."""
    segments: list[list[Atom]] = [[]]
    fixes: list[Fix] = []
    for item in items:
        if isinstance(item, Fix):
            fixes.append(item)
            segments.append([])
        else:
            segments[-1].append(item)
    ways = product(*(_segment_readings(tuple(segment)) for segment in segments))
    every = ("".join(atoms) for way in ways for atoms in _mended(list(way), fixes))
    return tuple(dict.fromkeys(islice(every, _MOST_READINGS)))


def _mended(way: list[Digits], fixes: list[Fix]) -> list[Digits]:
    """One reading of each segment, joined in every way a correction can be meant."""
    meant = [way[0]]
    for fix, after in zip(fixes, way[1:], strict=True):
        meant = [joined for before in meant for joined in _mend(before, after, restart=fix.restart)]
    return meant


def _mend(before: Digits, after: Digits, *, restart: bool) -> list[Digits]:
    digits = "".join(before)
    tail = (digits[: -len(after[0])], *after) if len(after[0]) < len(digits) else after
    replaced = [*_said_again(before, after), (*before[:-1], *after), tail]
    resumed = [(*before[:kept], *after) for kept in range(len(before) - 2, 0, -1)]
    return [after, *replaced, *resumed] if restart else [*replaced, after, *resumed, before + after]


def _said_again(before: Digits, after: Digits) -> list[Digits]:
    """The last numbers begun again alike with one changed: `zwo drei vier nein zwo drei fünf`."""
    kept = len(before) - len(after)
    alike = kept > 0 and len(after) > 1 and before[kept:-1] == after[:-1]
    return [(*before[:kept], *after)] if alike else []


def _segment_readings(atoms: tuple[Atom, ...]) -> tuple[Digits, ...]:
    """The ways to read numbers that follow each other: `700 65` as `765` or `70065`."""
    return tuple(dict.fromkeys(islice(_ways(atoms), _MOST_READINGS)))


def _ways(atoms: tuple[Atom, ...]) -> Iterator[Digits]:
    if not atoms:
        yield ()
        return
    for digits, used in _heads(atoms):
        for rest in _ways(atoms[used:]):
            yield (digits, *rest)


def _heads(atoms: tuple[Atom, ...]) -> Iterator[tuple[str, int]]:
    """What the first number can be: composed with those after it, or alone."""
    if len(atoms) > 1 and _value(atoms[:2]) is not None:
        for used in range(min(len(atoms), _MOST_WORDS), 1, -1):
            value = _value(atoms[:used])
            if value is not None:
                yield str(value), used
    if len(atoms) > 1 and _is_scale(atoms[1]) and _value(atoms[:2]) is not None:
        return
    yield atoms[0].digits, 1
    if len(atoms) > 1 and _adds(atoms[0].digits, atoms[1].digits):
        yield str(int(atoms[0].digits) + int(atoms[1].digits)), 2


def _value(atoms: tuple[Atom, ...]) -> int | None:
    """The cardinal that several spoken numbers form, if they do."""
    language = atoms[0].language
    if atoms[0].digits == "0" or any(atom.language != language for atom in atoms):
        return None
    return composed(tuple(word for atom in atoms for word in atom.words), language)


def _is_scale(atom: Atom) -> bool:
    """Whether it multiplies the number before it: `hundert`, `thousand`."""
    return atom.words[-1:] != () and atom.words[-1] in {"hundert", "tausend", "hundred", "thousand"}


def _adds(big: str, small: str) -> bool:
    """Whether a recogniser may have written one number as two: `700 65`."""
    return len(big) > 2 and big.endswith("0" * len(small)) and not small.startswith("0")
