"""What can be said of the dialogue's data without training: each finding names file, thing and remedy.

Responses: in every language, with the same placeholders, within what channels can show, speakable.
Examples: enough of them, in one intent only. Intents: each leads somewhere. Names used in code exist.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("de", "en")
FEWEST_EXAMPLES = {"de": 25, "en": 12}
LONGEST_TEXT = 1000
LONGEST_TITLE = 20
MOST_BUTTONS = 5
PLACEHOLDER = re.compile(r"(?<!\{)\{([a-z_]+)\}(?!\})")
UNSPEAKABLE = re.compile(r"https?://|www\.|[<>*_#`|\\]|[\U0001F000-\U0001FFFF\u2600-\u27BF]")
RESPONSE_IN_CODE = re.compile(r"""["'](utter_[a-z0-9_]+)["']""")
WITHOUT_EXAMPLES = ("nlu_fallback", "conversation_started", "call_started")


@dataclass(frozen=True)
class Finding:
    """Something wrong; `where` is the file and the thing in it, `todo` what to do."""

    where: str
    what: str
    todo: str


def validate(root: Path = Path()) -> list[Finding]:
    """All findings in the project at `root`; a file that is no YAML is a finding by itself."""
    try:
        domain = {file: _yaml(file) for file in sorted((root / "bot/domain").glob("*.yml"))}
        examples = {file: _yaml(file) for file in sorted((root / "nlu_data").glob("*.yml"))}
        stories = {file: _yaml(file) for file in sorted((root / "stories").glob("*.yml"))}
    except yaml.YAMLError as error:
        return [
            Finding(_place(error), "this is no valid YAML", str(getattr(error, "problem", "")) or "look at this line")
        ]
    intents = {name for data in domain.values() for name in _intents(data)}
    return [
        *_check_responses(domain, intents),
        *_check_examples(examples, intents),
        *_check_rules(stories, intents),
        *_check_names_in_code(root, domain),
    ]


def _yaml(file: Path) -> dict[str, Any]:
    with file.open(encoding="utf-8") as opened:
        return yaml.safe_load(opened) or {}


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{mark.name}:{mark.line + 1}" if mark else "a YAML file"


def _intents(data: Mapping[str, Any]) -> Iterator[str]:
    for intent in data.get("intents") or []:
        yield intent if isinstance(intent, str) else next(iter(intent))


def _check_responses(domain: Mapping[Path, dict[str, Any]], intents: set[str]) -> Iterator[Finding]:
    seen: dict[str, Path] = {}
    for file, data in domain.items():
        for name, variants in (data.get("responses") or {}).items():
            where = f"{file}: {name}"
            if name in seen:
                yield Finding(where, f"it stands in {seen[name]} too", "keep one of them")
            seen[name] = file
            yield from _check_languages(where, variants)
            for variant in variants:
                yield from _check_variant(where, variant, intents)


def _check_languages(where: str, variants: list[dict[str, Any]]) -> Iterator[Finding]:
    by_channel: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for variant in variants:
        language = _language(variant)
        if language is None:
            yield Finding(where, "a variant has no language", "give it the condition *de or *en")
            continue
        known = by_channel[variant.get("channel") or "any"]
        known.setdefault(language, set()).update(PLACEHOLDER.findall(str(variant.get("text", ""))))
    for channel, languages in by_channel.items():
        missing = [language for language in LANGUAGES if language not in languages]
        if missing:
            yield Finding(where, f"{', '.join(missing)} is missing (channel {channel})", "add the text")
        elif languages["de"] != languages["en"]:
            other = ", ".join(sorted(languages["de"] ^ languages["en"]))
            yield Finding(where, f"the languages have different placeholders: {other}", "use the same ones")


def _language(variant: Mapping[str, Any]) -> str | None:
    for condition in variant.get("condition") or []:
        if condition.get("name") == "language":
            return str(condition["value"])
    return None


def _check_variant(where: str, variant: Mapping[str, Any], intents: set[str]) -> Iterator[Finding]:
    text = str(variant.get("text", ""))
    if not text.strip():
        yield Finding(where, "the text is empty", "write it")
    if len(text) > LONGEST_TEXT:
        yield Finding(where, f"the text has {len(text)} characters", f"at most {LONGEST_TEXT}, or cut it in two")
    if found := UNSPEAKABLE.search(text):
        yield Finding(where, f"{found.group()!r} cannot be spoken", "say it in words")
    buttons = variant.get("buttons") or []
    if len(buttons) > MOST_BUTTONS:
        yield Finding(where, f"{len(buttons)} buttons", f"at most {MOST_BUTTONS}")
    for button in buttons:
        yield from _check_button(where, button, intents)


def _check_button(where: str, button: Mapping[str, str], intents: set[str]) -> Iterator[Finding]:
    title, payload = button.get("title", ""), button.get("payload", "")
    if not 0 < len(title) <= LONGEST_TITLE:
        yield Finding(where, f"the button {title!r} has {len(title)} characters", f"1 to {LONGEST_TITLE}")
    intent = payload.removeprefix("/").partition("{")[0]
    if not payload.startswith("/") or intent not in intents:
        yield Finding(where, f"the button {title!r} leads to {intent!r}, which is no intent", "correct the payload")
    if re.search(r"(?<!\{)\{(?!\{)", payload):
        yield Finding(where, f"the payload of {title!r} has a single brace", "double it, Rasa fills single ones")


def _check_examples(examples: Mapping[Path, dict[str, Any]], intents: set[str]) -> Iterator[Finding]:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    seen: dict[str, tuple[str, Path]] = {}
    for file, data in examples.items():
        language = file.name.split(".")[-2]
        for intent, text in _examples(data):
            counts[intent][language] += 1
            key = re.sub(r"[^\w ]", "", text.casefold()).strip() or text
            other, place = seen.setdefault(key, (intent, file))
            if other != intent:
                yield Finding(f"{file}: {intent}", f"{text!r} stands in {other} too ({place})", "keep it in one intent")
    for intent in sorted(set(counts) - intents):
        yield Finding(f"nlu_data: {intent}", "the domain does not know this intent", "add it to bot/domain")
    for intent in sorted(intents - set(WITHOUT_EXAMPLES)):
        for language, fewest in FEWEST_EXAMPLES.items():
            if counts[intent][language] < fewest:
                what = f"{counts[intent][language]} examples in {language}"
                yield Finding(f"nlu_data: {intent}", what, f"write at least {fewest}")


def _examples(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for block in data.get("nlu") or []:
        for line in str(block.get("examples", "")).splitlines():
            if line.strip().startswith("- ") and "intent" in block:
                yield block["intent"], line.strip()[2:]


def _check_rules(stories: Mapping[Path, dict[str, Any]], intents: set[str]) -> Iterator[Finding]:
    led: set[str] = set()
    for file, data in stories.items():
        for rule in data.get("rules") or []:
            for step in rule.get("steps") or []:
                if "intent" in step:
                    led.add(step["intent"])
                    if step["intent"] not in intents:
                        yield Finding(
                            f"{file}: {rule.get('rule')}", f"no intent {step['intent']}", "add it to bot/domain"
                        )
    for intent in sorted(intents - led):
        yield Finding(f"stories: {intent}", "no rule begins with this intent", "add a rule to its topic")


def _check_names_in_code(root: Path, domain: Mapping[Path, dict[str, Any]]) -> Iterator[Finding]:
    known = {name for data in domain.values() for name in data.get("responses") or {}}
    for folder in ("actions", "bot", "voice"):
        for file in sorted((root / folder).rglob("*.py")):
            for name in sorted(set(RESPONSE_IN_CODE.findall(file.read_text("utf-8"))) - known):
                yield Finding(str(file), f"the response {name} does not exist", "add it to bot/domain")
