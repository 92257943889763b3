"""YAML as Rasa reads it, and quickly: PyYAML's libyaml with the types of YAML 1.2."""

from __future__ import annotations

from typing import Any

import yaml
from ruamel.yaml.resolver import implicit_resolvers

RULES = (1, 2)
INT = "tag:yaml.org,2002:int"
PREFIXES = ("0b", "0o", "0x")
# What editors keep beside a file begins with a dot.
FILES = "[!.]*.yml"


class Yaml12(yaml.CSafeLoader):
    """PyYAML's loader with the types of YAML 1.2: `on`, `yes` and `10:30` are words, `1e-3` and `012` are numbers."""

    yaml_implicit_resolvers: dict[str, Any] = {}


def read_yaml(text: str) -> Any:
    """The data in a text; raises `yaml.YAMLError`, and ValueError for numbers and dates that cannot be."""
    return yaml.load(text, Loader=Yaml12)  # noqa: S506 - a safe loader


def _int(loader: Yaml12, node: yaml.ScalarNode) -> int:
    digits = node.value.replace("_", "")
    return int(digits, 0 if digits.lstrip("+-").startswith(PREFIXES) else 10)


for versions, tag, pattern, first_signs in implicit_resolvers:
    if RULES in versions:
        Yaml12.add_implicit_resolver(tag, pattern, first_signs)
Yaml12.add_constructor(INT, _int)
