"""The public sets: what is trained on, what is asked, what is published about them."""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"
OUT_OF_SCOPE = "oos"
_HINT3_OUT_OF_SCOPE = "NO_NODES_DETECTED"


class Sentence(NamedTuple):
    """A sentence and what it means; `oos` when it is none of the intents."""

    text: str
    intent: str


@dataclass(frozen=True)
class Split:
    """What is learnt from, what is asked, and, where there is one, what a threshold is chosen on."""

    train: Sequence[Sentence]
    test: Sequence[Sentence]
    validation: Sequence[Sentence] = ()


@dataclass(frozen=True)
class Set:
    """A public set: how it is split, what we want to reach (percent), and the best that others published."""

    title: str
    language: str
    splits: Callable[[], list[Split]]
    reach: str
    published: str
    quick: bool = False


def read(name: str) -> dict[str, list[Sentence]]:
    """The sentences of a file by their part."""
    parts: dict[str, list[Sentence]] = {}
    with gzip.open(DATA / f"{name}.tsv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            intent = OUT_OF_SCOPE if row["intent"] == _HINT3_OUT_OF_SCOPE else row["intent"]
            parts.setdefault(row["part"], []).append(Sentence(row["text"], intent))
    return parts


def few(sentences: Sequence[Sentence], count: int, seed: int = 0) -> tuple[list[Sentence], list[Sentence]]:
    """`count` sentences of each intent, chosen by the seed, and all the others."""
    by_intent: dict[str, list[Sentence]] = {}
    for sentence in sentences:
        by_intent.setdefault(sentence.intent, []).append(sentence)
    chosen, others = [], []
    for intent in sorted(by_intent):
        random.Random(f"{seed} {intent}").shuffle(by_intent[intent])
        chosen += by_intent[intent][:count]
        others += by_intent[intent][count:]
    return chosen, others


def _folds() -> list[Split]:
    parts = read("hwu64")
    return [Split([s for part in parts if part != fold for s in parts[part]], parts[fold]) for fold in sorted(parts)]


def _parts(name: str, train: str = "train", test: str = "test") -> list[Split]:
    parts = read(name)
    return [Split(parts[train], parts[test])]


def _clinc() -> list[Split]:
    parts = read("clinc150")
    return [Split(parts["train"], parts["test"] + parts["oos_test"], parts["val"] + parts["oos_val"])]


def _massive_few() -> list[Split]:
    parts = read("massive_de")
    return [Split(few(parts["train"], 10)[0], parts["test"])]


def _roboai_few() -> list[Split]:
    return [Split(*few(read("roboai_de")["all"], 10))]


SETS = {
    "hwu64": Set("HWU64, ten folds", "en", _folds, "92.5", "Watson 88.2"),
    "hwu64-10": Set(
        "HWU64, 10 examples",
        "en",
        lambda: _parts("hwu64_saas", "small_train", "small_test"),
        "82.5",
        "AutoFAQ 80.8",
        True,
    ),
    "hwu64-30": Set(
        "HWU64, 30 examples", "en", lambda: _parts("hwu64_saas", "large_train", "large_test"), "88.5", "Watson 85.5"
    ),
    "banking77": Set("BANKING77", "en", lambda: _parts("banking77"), "94.0", "RoBERTa-base 93.5"),
    "banking77-10": Set(
        "BANKING77, 10 examples", "en", lambda: _parts("banking77_few", "train_10"), "86", "ICDA 89.8", True
    ),
    "banking77-5": Set(
        "BANKING77, 5 examples", "en", lambda: _parts("banking77_few", "train_5"), "78", "ICDA 84.0", True
    ),
    "clinc150": Set("CLINC150", "en", _clinc, "96.0, OOS 65", "BERT 96.2, OOS 52.3"),
    "hint3-curekart": Set("HINT3 curekart", "en", lambda: _parts("hint3_curekart"), "above 74.8", "Haptik 74.8", True),
    "hint3-powerplay11": Set(
        "HINT3 powerplay11", "en", lambda: _parts("hint3_powerplay11"), "above 74.2", "Haptik 74.2", True
    ),
    "hint3-sofmattress": Set(
        "HINT3 sofmattress", "en", lambda: _parts("hint3_sofmattress"), "above 71.3", "Dialogflow 71.3", True
    ),
    "massive-de": Set("MASSIVE, German", "de", lambda: _parts("massive_de"), "86", "–"),
    "massive-de-10": Set("MASSIVE, German, 10 examples", "de", _massive_few, "69", "–", True),
    "roboai-de-10": Set("ROBO.AI, German, 10 examples", "de", _roboai_few, "87", "–"),
}
