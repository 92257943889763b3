"""Rules: each intent leads somewhere, and no two rules begin alike and go on differently."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from bot.validation.source import Finding, Source


def check_rules(stories: Sequence[Source], intents: set[str]) -> Iterator[Finding]:
    """What is wrong with the rules; stories are looked at by Rasa itself."""
    led: set[str] = set()
    seen: dict[str, list[tuple[list[str], str]]] = {}
    for source in stories:
        for number, rule in enumerate(source.data.get("rules") or []):
            where = source.where("rules", number, name=str(rule.get("rule")))
            steps = [step for step in rule.get("steps") or [] if isinstance(step, dict)]
            for step in steps:
                if "intent" in step:
                    led.add(step["intent"])
                    if step["intent"] not in intents:
                        yield Finding(where, f"no intent {step['intent']}", "add it to bot/domain")
            yield from _contradictions(where, rule, steps, seen)
    for intent in sorted(intents - led):
        yield Finding(f"stories: {intent}", "no rule begins with this intent", "add a rule to its topic")


def _contradictions(
    where: str, rule: dict[str, Any], steps: list[dict[str, Any]], seen: dict[str, list[tuple[list[str], str]]]
) -> Iterator[Finding]:
    """Rules with the same condition and the same beginning must do the same next."""
    own = [json.dumps(step, sort_keys=True, ensure_ascii=False) for step in steps]
    others = seen.setdefault(json.dumps(rule.get("condition"), sort_keys=True), [])
    for other, place in others:
        at = next((at for at, (one, two) in enumerate(zip(own, other, strict=False)) if one != two), None)
        both_act = at is not None and at > 0 and "action" in json.loads(own[at]) and "action" in json.loads(other[at])
        if own == other:
            yield Finding(where, f"the same rule stands in {place}", "keep one of them")
        elif both_act:
            yield Finding(where, f"it contradicts {place}: the same beginning goes on differently", "keep one of them")
    others.append((own, where))
