"""Imports go one way (the design's arrows): a wrong one fails here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    ("bot.errors", "bot.turns"),
    (
        "bot.settings",
        "bot.messaging_settings",
        "bot.texts",
        "bot.yaml12",
        "bot.tables",
        "bot.one_writer",
        "bot.scribe",
        "bot.statements",
        "bot.database",
        "bot.locks",
        "bot.bell",
        "bot.logs",
        "bot.metrics",
        "bot.channels.events",
        "bot.channels.outlet",
        "bot.channels.forms",
    ),
    (
        "bot.rows",
        "bot.outbox_store",
        "bot.inbox_store",
        "bot.store",
        "bot.contacts",
        "bot.choices",
        "bot.engine",
        "bot.training",
        "bot.pipeline",
        "bot.models",
        "bot.nlu",
        "bot.media",
        "bot.presence",
        "bot.mistakes",
    ),
    ("bot.conversation", "bot.channels.base", "bot.dialogues", "bot.outbox", "bot.notices"),
    ("bot.queues", "bot.jobs", "bot.intake"),
    ("bot.channels", "voice", "bot.validation", "bot.mistakes.examples", "bot.mistakes.review"),
    ("bot.messengers",),
    ("bot.app", "bot.sandbox", "bot.reports", "bot.training_data"),
    ("bot.server",),
    ("bot.cli",),
)
MAY_IMPORT_RASA = ("bot.engine", "bot.nlu", "bot.cli")


def modules() -> dict[str, set[str]]:
    """Every module of ours with what it imports."""
    found = {}
    for package in ("bot", "actions", "voice"):
        for file in (ROOT / package).rglob("*.py"):
            if "migrations" not in file.parts:
                name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                found[name] = set(imports(file))
    return found


def imports(file: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def layer(module: str) -> int | None:
    """The layer with the longest matching name."""
    fitting = [(len(name), at) for at, names in enumerate(LAYERS) for name in names if is_in(module, name)]
    return max(fitting)[1] if fitting else None


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


MODULES = modules()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_one_way(module: str) -> None:
    own = layer(module)
    for imported in MODULES[module] & set(MODULES):
        other = layer(imported)
        if own is not None and other is not None:
            assert other <= own, f"{module} imports {imported}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_portal_and_actions_do_not_know_each_other(module: str) -> None:
    for imported in MODULES[module]:
        if is_in(module, "actions"):
            assert not is_in(imported, "bot"), f"{module} imports {imported}"
            assert not is_in(imported, "voice"), f"{module} imports {imported}"
        elif not is_in(module, "bot.cli"):
            assert not is_in(imported, "actions"), f"{module} imports {imported}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_engine_understanding_and_commands_import_rasa(module: str) -> None:
    if not is_in(module, "actions") and not any(is_in(module, allowed) for allowed in MAY_IMPORT_RASA):
        assert not any(is_in(imported, "rasa") for imported in MODULES[module])


@pytest.mark.parametrize("module", sorted(name for name in MODULES if is_in(name, "bot.nlu")))
def test_understanding_imports_nothing_of_the_portal(module: str) -> None:
    ours = {imported for imported in MODULES[module] if imported.split(".")[0] in ("bot", "voice", "actions")}
    assert all(is_in(imported, "bot.nlu") or imported == "bot" for imported in ours)


def test_every_module_of_the_portal_has_a_layer() -> None:
    homeless = [m for m in MODULES if layer(m) is None and not is_in(m, "actions") and m not in ("bot",)]
    assert homeless == []
