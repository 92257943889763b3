"""Keeps TensorFlow out of a process whose model has no part that needs it.

Rasa 3.6 imports TensorFlow whatever the model uses: ten seconds and a gigabyte. Call
`keep_out_tensorflow()` before the first import of Rasa: importing `tensorflow` then gives an empty
shell that can be subclassed, called and used in annotations, which is all that Rasa's modules do
with it at import. A model with a TensorFlow part needs the real one: ask `needs_tensorflow` first.
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

KEPT_OUT = ("tensorflow", "tensorflow_hub", "tensorflow_text", "keras", "tensorboard")
NEEDING = (
    "DIETClassifier",
    "TEDPolicy",
    "UnexpecTEDIntentPolicy",
    "ResponseSelector",
    "LanguageModelFeaturizer",
    "ConveRTFeaturizer",
)
METADATA = "metadata.json"


class _ShellType(type):
    """Any attribute of a shell is a shell again."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _ShellType(name, (_Shell,), {})


class _Shell(metaclass=_ShellType):
    """Stands for any class, function or constant of TensorFlow."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _ShellType(name, (_Shell,), {})


class _ShellModule(ModuleType):
    """A module whose names are all shells."""

    __path__: list[str] = []
    __version__ = "2.12.0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _ShellType(name, (_Shell,), {})


class _Finder(MetaPathFinder, Loader):
    """Finds a shell for every module of the packages kept out."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for a module kept out, None for all others."""
        return ModuleSpec(fullname, self, is_package=True) if fullname.split(".")[0] in KEPT_OUT else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty shell."""
        return _ShellModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


def keep_out_tensorflow() -> None:
    """From now on importing TensorFlow gives a shell; nothing happens when the real one is there already."""
    if "tensorflow" not in sys.modules and not any(isinstance(f, _Finder) for f in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def needs_tensorflow(model_or_config: Path) -> bool:
    """Whether a model file, or the configuration in a YAML file, has a part that needs TensorFlow."""
    text = _metadata(model_or_config) if model_or_config.suffix == ".gz" else model_or_config.read_text("utf-8")
    return any(name in text for name in NEEDING)


def _metadata(model: Path) -> str:
    with tarfile.open(model) as archive:
        file = archive.extractfile(METADATA)
        schema = json.load(file)["predict_schema"] if file else {}
    return json.dumps(schema)
