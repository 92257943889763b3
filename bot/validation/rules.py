"""Rules and stories: each has steps and known intents, each intent leads somewhere. Rasa compares them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.validation.source import Finding, Source

KINDS = {"rules": "rule", "stories": "story"}


@dataclass(frozen=True)
class Story:
    """A rule or a story, and where it stands."""

    name: str
    where: str
    data: dict[str, Any]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Its steps, those joined by `or` one by one."""
        steps = [step for step in self.data.get("steps") or [] if isinstance(step, dict)]
        return [one for step in steps for one in step.get("or") or [step]]

    @property
    def content(self) -> str:
        """All that it says but its name."""
        return repr(sorted((key, value) for key, value in self.data.items() if key not in KINDS.values()))

    @property
    def intents(self) -> list[str]:
        """The intents in its steps, in order."""
        return [step["intent"] for step in self.steps if "intent" in step]


def read_stories(stories: Sequence[Source]) -> list[Story]:
    """All rules and stories."""
    return [
        Story(name := str(data.get(kind, "")), source.where(part, number, name=name), data)
        for source in stories
        for part, kind in KINDS.items()
        for number, data in enumerate(source.data.get(part) or [])
    ]


def places(stories: Sequence[Source]) -> dict[str, str]:
    """Where the rule or story of each name stands, or all of that name."""
    found = defaultdict(list)
    for story in read_stories(stories):
        found[story.name].append(story.where)
    return {name: ", ".join(wheres) for name, wheres in found.items()}


def unled_intents(stories: Sequence[Source], intents: set[str]) -> list[str]:
    """The intents that stand in no rule and no story: the assistant has nothing to do about them."""
    return sorted(intents.difference(*(story.intents for story in read_stories(stories))))


def check_rules(stories: Sequence[Source], intents: set[str]) -> Iterator[Finding]:
    """What is wrong with rules and stories by themselves, and which intents they forget."""
    seen: dict[str, str] = {}
    for story in read_stories(stories):
        if not story.steps:
            yield Finding(story.where, "it has no steps", "write them below `steps:`, or delete it")
        for intent in story.intents:
            if intent not in intents:
                yield Finding(story.where, f"no intent {intent}", "add it to bot/domain")
        first = seen.setdefault(story.content, story.where)
        if story.steps and first != story.where:
            yield Finding(story.where, f"the same rule stands in {first}", "keep one of them")
    for intent in unled_intents(stories, intents):
        yield Finding(f"stories: {intent}", "no rule or story begins with this intent", "add a rule to its topic")
