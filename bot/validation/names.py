"""Names that the parts use of each other: responses, actions, entities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bot.validation.code import Code
from bot.validation.source import NOTICES, Finding, Source, names_of

ANNOTATION = re.compile(r"\]\(\s*(\w+)|\]\{\s*\"entity\":\s*\"(\w+)\"")
PAYLOAD_KEYS = re.compile(r'"(\w+)": ')


def check_names(
    domain: Sequence[Source], stories: Sequence[Source], settings: Sequence[Source], code: Code
) -> Iterator[Finding]:
    """Responses that are said and do not exist, or exist and are not said; actions that nobody wrote."""
    known = {name for source in domain for name, _ in source.responses()}
    actions = {name for source in domain for name in names_of(source.data.get("actions"))}
    in_rules = {name: where for source in stories for name, where in _actions(source)}
    in_rules |= {name: where for source in settings for name, where in _templates(source)}
    for name, where in sorted(dict(code.responses()).items()):
        if name not in known:
            yield Finding(where, f"the response {name} does not exist", "add it to bot/domain")
    for name, where in sorted(in_rules.items()):
        if name.startswith("utter_") and name not in known:
            yield Finding(where, f"the response {name} does not exist", "add it to bot/domain")
        elif name.startswith("action_") and name not in actions:
            yield Finding(where, f"the action {name} does not exist", "add it to `actions:` in bot/domain")
    yield from _unsaid(domain, set(in_rules), code)


def _unsaid(domain: Sequence[Source], in_rules: set[str], code: Code) -> Iterator[Finding]:
    for source in domain:
        for name, _ in source.responses():
            if name not in in_rules and not name.startswith(NOTICES) and not code.may_say(name):
                yield Finding(source.where("responses", name), "nobody says this response", "use it or delete it")
        for name in names_of(source.data.get("actions")):
            if name not in code.texts:
                yield Finding(source.where("actions", name=name), "no action has this name", "write it in actions/")


def _actions(source: Source) -> Iterator[tuple[str, str]]:
    for kind in ("rules", "stories"):
        for number, rule in enumerate(source.data.get(kind) or []):
            for place, step in enumerate(rule.get("steps") or []):
                if isinstance(step, dict) and "action" in step:
                    yield str(step["action"]), source.where(kind, number, "steps", place, name=_name(rule))


def _templates(source: Source) -> Iterator[tuple[str, str]]:
    """The responses of which `portal.yml` names approved templates; a company may leave notices out."""
    templates = (source.data.get("messaging") or {}).get("templates") or {}
    for name, template in templates.items():
        yield str(template.get("text")), source.where("messaging", "templates", name, "text", name=name)


def _name(rule: dict[str, Any]) -> str:
    return str(rule.get("rule") or rule.get("story") or "")


def check_entities(domain: Sequence[Source], examples: Sequence[Source], code: Code) -> Iterator[Finding]:
    """Entities that nothing can find in what customers say or press."""
    pressed = code.payload_keys() | set(_keys_in_buttons(domain))
    found = code.texts_below("bot/nlu", "bot/channels") | pressed | set(_annotated(examples))
    for source in domain:
        for number, name in enumerate(names_of(source.data.get("entities"))):
            where = source.where("entities", number, name=name)
            if name not in found:
                todo = "give it a form in bot/nlu, mark it in the examples, or let a button give it"
                yield Finding(where, "nothing finds this entity", todo)


def _keys_in_buttons(domain: Sequence[Source]) -> Iterator[str]:
    for source in domain:
        for _, variants in source.responses():
            for variant in variants:
                for button in variant.get("buttons") or []:
                    yield from PAYLOAD_KEYS.findall(str(button.get("payload", "")))


def _annotated(examples: Sequence[Source]) -> Iterator[str]:
    for source in examples:
        for block in source.data.get("nlu") or []:
            for one, other in ANNOTATION.findall(str(block.get("examples", ""))):
                yield one or other
