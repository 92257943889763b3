"""Has Rasa read and check YAML quickly; what it reads and refuses stays the same.

ruamel.yaml 0.17.21, the newest that Rasa 3.6 takes, lengthens a list of patterns with every value it looks at and
tries all of them at the next one. `mend_yaml` gives it copies to lengthen. Rasa checks a file in a form that knows the
line of everything, which only pure Python can read; `mend_yaml` has it check the plain form first, and look for lines
when something is wrong. With the package ruamel.yaml.clib, which ruamel.yaml asks for up to Python 3.10 only, the plain
form is read in C.
"""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import rasa.shared
from pykwalify.core import Core  # type: ignore[import-untyped]
from rasa.shared.constants import PACKAGE_NAME, RESPONSES_SCHEMA_FILE, SCHEMA_EXTENSIONS_FILE
from rasa.shared.utils import io, validation
from ruamel.yaml.resolver import VersionedResolver

_FOLDER = Path(rasa.shared.__file__).parent.parent
_check_with_lines = validation.validate_yaml_schema


class _Copies(dict[Any, list[Any]]):
    """Gives out copies of its lists."""

    def get(self, key: Any, default: Any = ()) -> list[Any]:
        """A new list of what is kept under `key`."""
        return list(super().get(key, default))


def mend_yaml() -> None:
    """From now on ruamel.yaml keeps its lists of patterns as they are, and Rasa checks the plain form first."""
    VersionedResolver.add_version_implicit_resolver = _add_pattern  # type: ignore[method-assign]
    validation.validate_yaml_schema = _check


def _add_pattern(self: Any, version: Any, tag: Any, regexp: Any, first: Any) -> None:
    """What ruamel.yaml does here, with a dictionary of ours."""
    patterns = self._version_implicit_resolver.setdefault(version, _Copies())
    for character in [None] if first is None else first:
        patterns.setdefault(character, []).append((tag, regexp))


def _check(content: str, schema: str, package: str = PACKAGE_NAME) -> None:
    """Rasa's check of a file's `content`; raises its errors, with lines."""
    if package != PACKAGE_NAME or not _is_sound(content, schema):
        _check_with_lines(content, schema, package)


def _is_sound(content: str, schema: str) -> bool:
    try:
        extensions = [str(_FOLDER / SCHEMA_EXTENSIONS_FILE)]
        core = Core(source_data=io.read_yaml(content), schema_data=deepcopy(_schema(schema)), extensions=extensions)
        core.validate(raise_exception=True)
    except Exception:  # whatever it is, the check with lines tells it better
        return False
    return True


@lru_cache
def _schema(path: str) -> dict[str, Any]:
    common = io.read_yaml_file(_FOLDER / RESPONSES_SCHEMA_FILE)
    return {**io.read_yaml_file(_FOLDER / path), **common}
