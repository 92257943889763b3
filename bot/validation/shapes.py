"""What stands in the dialogue's YAML files, as far as we read them; of what is not named here Rasa judges.

A shape is `str` for a text, `[shape]` for a list, `{"name": shape}` for names with values, with `ANY` for all other
names, `object` for anything, and a tuple where one of several may stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Shape = Any
Keys = tuple[str | int, ...]

ANY = "*"
NAMES = [(str, {ANY: object})]
VARIANT = {
    "text": str,
    "channel": str,
    "image": str,
    "condition": [{"type": str, "name": str, "value": object}],
    "buttons": [{"title": str, "payload": str}],
    "attachment": {"link": {"title": str, "url": str}, "location": {ANY: (str, int, float)}},
}
DOMAIN = {"intents": NAMES, "entities": NAMES, "actions": NAMES, "responses": {ANY: [VARIANT]}}
EXAMPLES = {"nlu": [{"intent": str, "examples": str}]}
STEP = (str, {"intent": str, "action": str, "or": [{"intent": str}]})
STORY = {"rule": str, "story": str, "condition": [{ANY: object}], "steps": [STEP]}
STORIES = {"rules": [STORY], "stories": [STORY]}
SETTINGS = {"messaging": {"templates": {ANY: {"text": str}}}}
PARTS = [{"name": str}]
CONFIG = {"recipe": str, "language": str, "importers": PARTS, "pipeline": PARTS, "policies": PARTS}
DIALOGUES = [object]

_NAMES: dict[type, str] = {
    str: "a text",
    list: "a list",
    dict: "a mapping of names",
    type(None): "nothing",
    bool: "yes or no",
    int: "a number",
    float: "a number",
}
_REMEDIES: dict[type, str] = {
    str: "write a text, in quotes if need be",
    list: "begin each entry with `- ` on a line of its own",
    dict: "write `name: value`, each on a line of its own",
}


def misfits(data: Any, shape: Shape, keys: Keys = ()) -> Iterator[tuple[Keys, str, str]]:
    """Where the data have another shape: the keys that lead there, what is wrong, and what to do."""
    shapes = shape if isinstance(shape, tuple) else (shape,)
    fitting = next((one for one in shapes if isinstance(data, _kind(one))), None)
    if fitting is None or (fitting is not object and keys and isinstance(keys[-1], int) and data in ({}, [])):
        yield keys, f"here is {_found(data)} instead of {_wanted(shapes)}", _remedy(keys, shapes)
    elif isinstance(fitting, list):
        for number, entry in enumerate(data):
            yield from misfits(entry, fitting[0], (*keys, number))
    elif isinstance(fitting, dict):
        for name, value in data.items():
            inner = fitting.get(name, fitting.get(ANY, object))
            if not isinstance(name, str):
                yield keys, f"the name {name!r} is {_found(name)} instead of a text", "put it in quotes"
            elif value is not None or inner is str or name not in fitting:
                yield from misfits(value, inner, (*keys, name))


def _kind(shape: Shape) -> type:
    return shape if isinstance(shape, type) else type(shape)


def _found(data: Any) -> str:
    return "nothing" if data in ({}, []) else _NAMES.get(type(data), "a date or something else")


def _wanted(shapes: tuple[Shape, ...]) -> str:
    return " or ".join(dict.fromkeys(_NAMES[_kind(one)] for one in shapes))


def _remedy(keys: Keys, shapes: tuple[Shape, ...]) -> str:
    if keys and keys[-1] == "examples":
        return "write `examples: |`, and below it a sentence a line, each after `- `"
    return _REMEDIES[_kind(shapes[0])]
