"""What is wrong in `config.yml`: components that Rasa does not know, misspelt settings, values of another kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bot.validation.source import Finding, Source

PARTS = ("pipeline", "policies")
OF_POLICIES = {"priority": 1, "max_history": 5, "featurizer": None}
OF_RASA = ("RasaFileImporter", "MultiProjectImporter")
CORRECT = "correct the configuration"


def check_config(file: Path, sources: Sequence[Source]) -> Iterator[Finding]:
    """What Rasa would not take of the configuration, or would silently leave aside."""
    if not sources:
        yield Finding(str(file), "there is no configuration", "bring it back from git")
    for source in sources:
        found = [*_importers(source), *(finding for part in PARTS for finding in _components(source, part))]
        yield from found or _whole(source)


def graph_of(config: dict[str, Any]) -> Any:
    """What Rasa makes of a configuration; raises its errors."""
    from rasa.engine import validation
    from rasa.engine.recipes.recipe import Recipe

    graph = Recipe.recipe_for_name(config.get("recipe")).graph_config_for_recipe(config, {})
    validation.validate(graph)
    return graph


def _whole(source: Source) -> Iterator[Finding]:
    """What is wrong between the parts."""
    try:
        graph_of(source.data)
    except Exception as error:
        yield Finding(source.where(), told(error), CORRECT)


def _importers(source: Source) -> Iterator[Finding]:
    """Rasa takes its own importer in place of one that it does not find."""
    from rasa.shared.utils.common import class_from_module_path

    for number, importer in enumerate(source.data.get("importers") or []):
        name = importer.get("name", "")
        try:
            name in OF_RASA or class_from_module_path(name)
        except Exception as error:
            yield Finding(source.where("importers", number, "name", name=name), told(error), "correct its name")


def _components(source: Source, part: str) -> Iterator[Finding]:
    from rasa.engine.recipes.default_recipe import DefaultV1Recipe

    if not source.data.get(part):
        yield Finding(source.where(part), f"there is no {part}", "name its components, each after `- name:`")
    for number, settings in enumerate(source.data.get(part) or []):
        name = settings.get("name", "")
        try:
            component = DefaultV1Recipe._from_registry(name).clazz
        except Exception as error:
            known = get_close_matches(name, DefaultV1Recipe._registered_components)
            todo = f"did you mean {' or '.join(known)}?" if known else "correct its name"
            yield Finding(source.where(part, number, "name", name=name), told(error), todo)
        else:
            yield from _settings(source, part, number, component)


def _settings(source: Source, part: str, number: int, component: Any) -> Iterator[Finding]:
    defaults = component.get_default_config()
    known = {**defaults, **OF_POLICIES} if part == "policies" else defaults
    settings = {name: value for name, value in source.data[part][number].items() if name != "name"}
    found = []
    for name, value in settings.items():
        where = source.where(part, number, name)
        if defaults and name not in known:
            close = get_close_matches(name, known, 1) or sorted(known)
            found.append(Finding(where, f"{component.__name__} has no such setting", f"known: {', '.join(close)}"))
        elif not _is_like(value, known.get(name)):
            found.append(Finding(where, f"here is {value!r} instead of a value such as {known[name]}", CORRECT))
    yield from found or _refused(source, part, number, component, {**defaults, **settings})


def _is_like(value: Any, known: Any) -> bool:
    """Whether a value may stand in place of a known one; some components take mappings and nothing for numbers."""
    if isinstance(known, int | float):
        return not isinstance(value, str | list)
    return not isinstance(known, str) or isinstance(value, str | None)


def _refused(source: Source, part: str, number: int, component: Any, settings: dict[str, Any]) -> Iterator[Finding]:
    """What the component itself does not take."""
    try:
        getattr(component, "validate_config", dict)(settings)
    except Exception as error:
        yield Finding(source.where(part, number, name=component.__name__), told(error), CORRECT)


def told(error: BaseException) -> str:
    """An error in one line, without the hundreds of names that Rasa appends."""
    return " ".join(str(error).split()).partition(" Available actions are:")[0] or type(error).__name__
