"""`sprachportal validate`: is the data sound."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from bot.cli import rasa_check
from bot.cli.train import Progress
from bot.texts import Texts
from bot.validation import Finding, Project
from bot.validation.outlets import every_outlet
from bot.validation.source import WRITTEN_ONLY, UnreadableError

RESPONSES = Path("bot/domain")
KNOWN = Path("var/cache/examples.sqlite")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON line per finding.")
@click.option("--rasa/--no-rasa", default=True, help="Also let Rasa look at domain and stories.")
@click.option("--near/--no-near", default=True, help="Also look for examples of two intents that mean the same.")
def validate(as_json: bool, rasa: bool, near: bool) -> None:
    """Check examples, responses and rules without training: is all there, does it fit every channel, can it be heard.

    Hints do not count as failures.
    """
    with Progress("Checking"):
        findings = sorted(_findings(rasa=rasa, near=near), key=lambda finding: finding.is_hint)
    for finding in findings:
        if as_json:
            click.echo(json.dumps(asdict(finding), ensure_ascii=False))
        else:
            click.echo(f"{'hint: ' if finding.is_hint else ''}{finding.where}: {finding.what}\n    {finding.todo}")
    wrong = sum(not finding.is_hint for finding in findings)
    if not as_json:
        click.echo(f"{wrong} to correct, {len(findings) - wrong} hints." if findings else "Nothing to correct.")
    sys.exit(1 if wrong else 0)


def _findings(*, rasa: bool, near: bool) -> list[Finding]:
    checking = rasa_check.begin() if rasa else None
    try:
        project = Project()
    except UnreadableError as error:
        if checking:
            checking.kill()
            checking.wait()
        return list(error.findings)
    findings = [*project.findings(every_outlet(Texts.load())), *_unheard()]
    if near:
        findings += project.near(sentence_vectors)
    return [*findings, *(rasa_check.ended(checking) if checking else [])]


def _unheard() -> list[Finding]:
    from voice.audible import check_audible

    found = check_audible(RESPONSES)
    return [finding for finding in found if not any(name in finding.where for name in WRITTEN_ONLY)]


def sentence_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """A vector for each sentence, those known before from the cache; without an encoder there is nothing in them."""
    from bot.nlu.cache import Cache, CachedEncoder
    from bot.nlu.encoder import UNIVERSAL, load_encoder

    encoder = load_encoder(UNIVERSAL)
    if encoder is None:
        return np.zeros((len(texts), 1), np.float32)
    return CachedEncoder(encoder, Cache(KNOWN)).encode(texts)
