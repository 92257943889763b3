"""The names that our Python code uses: responses it says, entities it reads or gives."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bot.validation.source import Finding, UnreadableError

FOLDERS = ("actions", "bot", "voice")
RESPONSE = re.compile(r"utter_[a-z0-9_]+")
UTTER = "utter_"
NAME_PART = re.compile(r"[a-z0-9_]+")
PART = "([a-z0-9_]+)"
PAYLOAD_KEYS = re.compile(r'"(\w+)": ')


@dataclass(frozen=True)
class Module:
    """A file's string constants with their lines, and its f-strings that make names as patterns of these."""

    file: Path
    texts: list[tuple[str, int]]
    patterns: list[str]


@dataclass(frozen=True)
class Code:
    """All modules of the portal, the phone and the actions."""

    modules: list[Module] = field(default_factory=list)

    @cached_property
    def texts(self) -> set[str]:
        """Every string constant."""
        return {text for module in self.modules for text, _ in module.texts}

    def texts_below(self, *folders: str) -> set[str]:
        """The string constants of files below one of these folders, such as `bot/nlu`."""
        below = (module for module in self.modules if any(f"{folder}/" in str(module.file) for folder in folders))
        return {text for module in below for text, _ in module.texts}

    def responses(self) -> Iterator[tuple[str, str]]:
        """Names of responses that stand whole in the code, with `file:line`."""
        for module in self.modules:
            for text, line in module.texts:
                if RESPONSE.fullmatch(text) and not text.endswith("_"):
                    yield text, f"{module.file}:{line}"

    def may_say(self, name: str) -> bool:
        """Whether the code says this response, by its whole name or by one made of parts that stand in the code."""
        return self._makes(name, self._responses)

    def _makes(self, name: str, patterns: Sequence[re.Pattern[str]]) -> bool:
        if name in self.texts:
            return True
        found = (pattern.fullmatch(name) for pattern in patterns)
        return any(match and all(self._makes(part, self._parts) for part in match.groups()) for match in found)

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return [re.compile(pattern) for pattern in {p for module in self.modules for p in module.patterns}]

    @cached_property
    def _responses(self) -> list[re.Pattern[str]]:
        return [pattern for pattern in self._patterns if pattern.pattern.startswith(UTTER)]

    @cached_property
    def _parts(self) -> list[re.Pattern[str]]:
        return [pattern for pattern in self._patterns if not pattern.pattern.startswith(UTTER)]

    def payload_keys(self) -> set[str]:
        """The entities that payloads of buttons made in code give."""
        return {key for text in self.texts if text.startswith("/") for key in PAYLOAD_KEYS.findall(text)}


def read_code(root: Path) -> Code:
    """Our code below `root`, without tests and migrations; raises `UnreadableError`."""
    files = (file for folder in FOLDERS for file in sorted((root / folder).rglob("*.py")))
    return Code([_read(file) for file in files if "migrations" not in file.parts])


def _read(file: Path) -> Module:
    try:
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise UnreadableError([Finding(f"{file}:{line}", "this is no valid Python", "look at this line")]) from error
    texts = [(n.value, n.lineno) for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return Module(file, texts, [_pattern(node) for node in nodes if isinstance(node, ast.JoinedStr) and _is_name(node)])


def _is_name(joined: ast.JoinedStr) -> bool:
    """Whether an f-string makes a name and begins with its first part, such as `wish_{kind}`."""
    parts = [str(part.value) for part in joined.values if isinstance(part, ast.Constant)]
    return isinstance(joined.values[0], ast.Constant) and all(NAME_PART.fullmatch(part) for part in parts)


def _pattern(joined: ast.JoinedStr) -> str:
    parts = (str(part.value) if isinstance(part, ast.Constant) else None for part in joined.values)
    return "".join(PART if part is None else re.escape(part) for part in parts)
