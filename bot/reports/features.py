"""What the intent classifier sees of sentences, kept in its cache: only new sentences cost time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bot.nlu.cache import Cache, CachedEncoder, cached_spans
from bot.nlu.encoder import load_encoder
from bot.nlu.language import detect
from bot.nlu.regression import Floats
from bot.nlu.text import Span, mask, plain
from bot.nlu.values import extract
from bot.reports.recipe import Recipe
from bot.reports.sentences import Sentence

CACHE = Path("var/cache/examples.sqlite")


class Features(NamedTuple):
    """Masked texts, and a row of `vectors` for each; a row holds vectors of `sizes` side by side."""

    texts: list[str]
    vectors: Floats
    sizes: tuple[int, ...]

    def of(self, chosen: Sequence[int]) -> Features:
        """Those of the sentences with these indices."""
        return Features([self.texts[index] for index in chosen], self.vectors[list(chosen)], self.sizes)


def features_of(recipe: Recipe, sentences: Sequence[Sentence]) -> Features:
    """The features of some sentences by a recipe."""
    cache = Cache(Path(recipe.settings["cache"] or CACHE))
    texts, spans = [sentence.text for sentence in sentences], _spans(recipe, cache, sentences)
    read, encoder = list(map(plain, texts, spans)), load_encoder(recipe.settings["encoder"])
    vectors = CachedEncoder(encoder, cache).encode(read) if encoder else np.zeros((len(texts), 0), np.float32)
    return Features(list(map(mask, texts, spans)), vectors, encoder.sizes if encoder else ())


def _spans(recipe: Recipe, cache: Cache, sentences: Sequence[Sentence]) -> list[list[Span]]:
    """The values in each sentence, as a training, or a conversation in its language and channel, finds them."""
    if not recipe.settings.get("mask_values", True):
        return [[] for _ in sentences]
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, sentence in enumerate(sentences):
        groups[(sentence.language, sentence.channel) if sentence.channel else ("", "")].append(index)
    found: dict[int, list[Span]] = {}
    for (language, channel), indices in groups.items():
        texts, version = [sentences[index].text for index in indices], f"{recipe.version} {language} {channel}"
        found |= dict(zip(indices, cached_spans(cache, version, texts, _finder(language, channel)), strict=True))
    return [found[index] for index in range(len(sentences))]


def _finder(language: str, channel: str) -> Callable[[str], list[Span]]:
    """Finds values in a text of this language and channel; without them as a training does."""

    def find(text: str) -> list[Span]:
        guess = detect(text)
        spoken = language or (guess.language if guess else "de")
        found = extract(text, language=spoken, channel=channel or "chat")
        return [Span(value.start, value.end, value.entity) for value in found]

    return find
