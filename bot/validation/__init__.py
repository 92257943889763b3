"""What can be said of the dialogue's data without training: each finding names file, line, thing and remedy.

Responses: in every language, with the same placeholders, within what every channel can show, speakable, used.
Examples: enough of them, in one intent only, of many kinds; none is held out for tests. Rules: each intent leads
somewhere. Names used in code exist, every entity can be found, and the conversations for tests can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.channels.outlet import Outlet
from bot.validation.channels import check_channels
from bot.validation.code import Code, read_code
from bot.validation.conversations import CONVERSATIONS, check_conversations
from bot.validation.examples import Embed, check_examples, check_near
from bot.validation.held_out import HELD_OUT, check_held_out
from bot.validation.names import check_entities, check_names
from bot.validation.responses import check_responses
from bot.validation.rules import check_rules
from bot.validation.shapes import CONFIG, DOMAIN, EXAMPLES, SETTINGS, STORIES
from bot.validation.source import Finding, Place, UnreadableError, names_of, read_places
from bot.validation.unread import check_unread

__all__ = ["Finding", "Project", "validate"]

FOLDERS = {"bot/domain": DOMAIN, "nlu_data": EXAMPLES, "stories": STORIES}


class Project:
    """The dialogue's data at `root`, read once; `code` if it is read already.

    Raises `UnreadableError` when files are no YAML or have another shape.
    """

    def __init__(self, root: Path = Path(), code: Code | None = None) -> None:
        self.root = root
        self.domain, self.examples, self.stories, self.settings, _ = read_places(
            *(Place(root / folder, shape) for folder, shape in FOLDERS.items()),
            Place(root, SETTINGS, "portal.yml"),
            Place(root, CONFIG, "config.yml"),
        )
        self.code = code or read_code(root)
        self.intents = {name for source in self.domain for name in names_of(source.data.get("intents"))}

    def findings(self, outlets: Sequence[Outlet] = ()) -> list[Finding]:
        """All findings; each response is rendered for each of `outlets`."""
        return [
            *check_unread(*(self.root / folder for folder in FOLDERS)),
            *check_responses(self.domain, self.intents),
            *check_channels(self.domain, outlets),
            *check_examples(self.examples, self.intents),
            *check_held_out(self.examples, self.root / HELD_OUT, self.intents),
            *check_conversations(self.root / CONVERSATIONS),
            *check_rules(self.stories, self.intents),
            *check_names(self.domain, self.stories, self.settings, self.code),
            *check_entities(self.domain, self.examples, self.code),
        ]

    def near(self, embed: Embed) -> list[Finding]:
        """Sentences of different intents that mean nearly the same; `embed` makes vectors of sentences."""
        return list(check_near(self.examples, embed))


def validate(root: Path = Path(), outlets: Sequence[Outlet] = (), code: Code | None = None) -> list[Finding]:
    """All findings in the project at `root`; files that cannot be read are findings by themselves."""
    try:
        return Project(root, code).findings(outlets)
    except UnreadableError as error:
        return list(error.findings)
