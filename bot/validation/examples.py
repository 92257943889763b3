"""Examples: enough of them, each in one intent, of many kinds, and not near those of another intent."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.validation.source import Finding, Source

FEWEST_EXAMPLES = {"de": 25, "en": 12}
WITHOUT_EXAMPLES = ("nlu_fallback", "conversation_started", "call_started", "location_shared")
# A share of an intent's sentences in a language that have one thing in common.
ONE_SIDED = 0.8
# Cosine of two sentences' vectors; by the default encoder "thanks bye" and "thank you" have 0.94.
NEAR = 0.92
MOST_NEAR = 30
ROWS = 256
FEWEST_WORDS = 2
SIGNS = re.compile(r"[^\w ]")
WORDS = re.compile(r"\w+")
# `[Zelt](product)` and `[Zelt]{"entity": "product"}`.
MARKED = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")
LONG_WORDS = re.compile(r"[^\W\d_]{2,}")
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Example:
    """A sentence with its intent, where it stands, and its language by the file's name."""

    text: str
    intent: str
    language: str
    where: str


def check_examples(sources: Sequence[Source], intents: set[str]) -> Iterator[Finding]:
    """What is wrong with the examples of all files."""
    examples = read_examples(sources)
    yield from _in_two_intents(examples)
    yield from _unknown(examples, intents)
    groups: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for example in examples:
        groups[example.intent, example.language].append(example)
    for intent in sorted(intents - set(WITHOUT_EXAMPLES)):
        for language, fewest in FEWEST_EXAMPLES.items():
            group = groups.get((intent, language), [])
            if len(group) < fewest:
                what = f"{len(group)} examples in {language}"
                yield Finding(_place(group, intent), what, f"write at least {fewest}")
            else:
                yield from _one_sided(group)


def read_examples(sources: Sequence[Source]) -> list[Example]:
    """The sentences of all files, in order."""
    return [example for source in sources for example in _examples(source)]


def unmarked(text: str) -> str:
    """A sentence without the marks of its entities."""
    return MARKED.sub(r"\1", text)


def _examples(source: Source) -> Iterator[Example]:
    language = source.file.name.split(".")[-2]
    for number, block in enumerate(source.data.get("nlu") or []):
        if "intent" not in block:
            continue
        first = source.lines("nlu", number, "examples")
        for line, text in enumerate(str(block.get("examples", "")).splitlines(), start=first):
            if text.strip().startswith("- "):
                where = f"{source.file}:{line}: {block['intent']}"
                yield Example(text.strip()[2:], block["intent"], language, where)


def _in_two_intents(examples: Sequence[Example]) -> Iterator[Finding]:
    seen: dict[str, Example] = {}
    for example in examples:
        key = SIGNS.sub("", example.text.casefold()).strip() or example.text
        first = seen.setdefault(key, example)
        if first.intent != example.intent:
            what = f"{example.text!r} stands in {first.intent} too ({first.where.rpartition(':')[0]})"
            yield Finding(example.where, what, "keep it in one intent")


def _unknown(examples: Sequence[Example], intents: set[str]) -> Iterator[Finding]:
    firsts = {example.intent: example for example in reversed(examples)}
    for intent in sorted(set(firsts) - intents):
        yield Finding(firsts[intent].where, "the domain does not know this intent", "add it to bot/domain")


def _place(group: Sequence[Example], intent: str) -> str:
    return group[0].where if group else f"nlu_data: {intent}"


def _one_sided(group: Sequence[Example]) -> Iterator[Finding]:
    """Sentences that are nearly all of one kind: the model learns the kind instead of the meaning."""
    words = [set(WORDS.findall(example.text.casefold())) for example in group]
    openings = Counter(tuple(WORDS.findall(example.text.casefold())[:2]) for example in group)
    common, often = Counter(word for found in words for word in found or {""}).most_common(1)[0]
    opening, begun = openings.most_common(1)[0]
    lengths = Counter(len(example.text.split()) for example in group)
    usual = max(lengths[length] + lengths[length + 1] for length in lengths)
    sides = (
        (often, f"have the word {common!r}"),
        (begun, f"begin with {' '.join(opening)!r}"),
        (usual, "have nearly the same length"),
    )
    for count, what in sides:
        if count >= ONE_SIDED * len(group):
            told = f"{count} of {len(group)} sentences in {group[0].language} {what}"
            yield Finding(group[0].where, told, "write others, as different people would say it", is_hint=True)


def _of_length_1(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(lengths, np.float32(1e-9))
    return unit


def check_near(sources: Sequence[Source], embed: Embed) -> Iterator[Finding]:
    """Sentences of two intents that mean nearly the same by their vectors, nearest first; a single word says little."""
    examples = [found for found in read_examples(sources) if len(LONG_WORDS.findall(found.text)) >= FEWEST_WORDS]
    vectors = _of_length_1(embed([example.text for example in examples]))
    for one, other in _nearest(vectors, [example.intent for example in examples]):
        first, second = examples[one], examples[other]
        what = f"{second.text!r} is near {first.text!r} ({first.where})"
        yield Finding(second.where, what, "keep one of them, or say more clearly what is meant", is_hint=True)


def _nearest(vectors: NDArray[np.float32], intents: Sequence[str]) -> list[tuple[int, int]]:
    """The rows of different intents that are nearest, compared block by block: the memory grows with the rows alone."""
    _, numbers = np.unique(intents, return_inverse=True)
    best: list[tuple[float, int, int]] = []
    for begin in range(0, len(vectors), ROWS):
        block = slice(begin, begin + ROWS)
        likeness = vectors[block] @ vectors[begin:].T
        likeness[numbers[block, None] == numbers[None, begin:]] = 0
        ones, others = np.nonzero(np.triu(likeness) >= (best[-1][0] if len(best) == MOST_NEAR else NEAR))
        found = zip(likeness[ones, others], ones + begin, others + begin, strict=True)
        best = sorted([*best, *found], key=lambda pair: -pair[0])[:MOST_NEAR]
    return [(one, other) for _, one, other in best]
