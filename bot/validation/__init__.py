"""What can be said of the dialogue's data without training: each finding names file, line, thing and remedy.

Responses: in every language, with the same placeholders, within what every channel can show, speakable, used.
Examples: enough of them, in one intent only, of many kinds; none is held out for tests. Rules: each intent leads
somewhere, none contradict. Names used in code exist, and every entity can be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.channels.outlet import Outlet
from bot.validation.channels import check_channels
from bot.validation.code import Code, read_code
from bot.validation.examples import Embed, check_examples, check_near
from bot.validation.held_out import HELD_OUT, check_held_out
from bot.validation.names import check_entities, check_names
from bot.validation.responses import check_responses
from bot.validation.rules import check_rules
from bot.validation.source import Finding, Source, UnreadableError, names_of, read_folder

__all__ = ["Finding", "Project", "validate"]


class Project:
    """The dialogue's data at `root`, read once; `code` if it is read already.

    Raises `UnreadableError` when a file is no YAML.
    """

    def __init__(self, root: Path = Path(), code: Code | None = None) -> None:
        self.domain: list[Source] = read_folder(root / "bot/domain")
        self.examples: list[Source] = read_folder(root / "nlu_data")
        self.stories: list[Source] = read_folder(root / "stories")
        self.settings: list[Source] = read_folder(root, "portal.yml")
        self.held_out = root / HELD_OUT
        self.code = code or read_code(root)
        self.intents = {name for source in self.domain for name in names_of(source.data.get("intents"))}

    def findings(self, outlets: Sequence[Outlet] = ()) -> list[Finding]:
        """All findings; each response is rendered for each of `outlets`."""
        return [
            *check_responses(self.domain, self.intents),
            *check_channels(self.domain, outlets),
            *check_examples(self.examples, self.intents),
            *check_held_out(self.examples, self.held_out),
            *check_rules(self.stories, self.intents),
            *check_names(self.domain, self.stories, self.settings, self.code),
            *check_entities(self.domain, self.examples, self.code),
        ]

    def near(self, embed: Embed) -> list[Finding]:
        """Sentences of different intents that mean nearly the same; `embed` makes vectors of sentences."""
        return list(check_near(self.examples, embed))


def validate(root: Path = Path(), outlets: Sequence[Outlet] = (), code: Code | None = None) -> list[Finding]:
    """All findings in the project at `root`; a file that is no YAML is a finding by itself."""
    try:
        return Project(root, code).findings(outlets)
    except UnreadableError as error:
        return [error.finding]
