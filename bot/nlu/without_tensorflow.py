"""Keeps out of a process what Rasa imports whatever the model uses: TensorFlow first of all.

Importing Rasa 3.6 takes ten seconds and a gigabyte. Call `keep_out_tensorflow()` before its first import: the modules
in `KEPT_OUT` are then empty shells that can be subclassed, called and used in annotations, which is all that Rasa does
with them at import. They are TensorFlow, Rasa's modules around it, and what only its own channels, stores and prompts
use; the portal has its own. A model with a TensorFlow part needs the real one: ask `needs_tensorflow` first.
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

_CHANNELS = (
    *("botframework", "callback", "console", "facebook", "hangouts", "mattermost", "rasa_chat", "rocketchat"),
    *("slack", "socketio", "telegram", "twilio", "twilio_voice", "webexteams"),
)
_AROUND_TENSORFLOW = (
    *("callback", "crf", "data_generator", "feature_array", "layers", "metrics", "model_data", "model_data_utils"),
    *("models", "rasa_layers", "transformer"),
)
KEPT_OUT = (
    *("tensorflow", "tensorflow_hub", "tensorflow_text", "keras", "tensorboard"),
    *(f"rasa.utils.tensorflow.{module}" for module in _AROUND_TENSORFLOW),
    *(f"rasa.core.channels.{module}" for module in _CHANNELS),
    *("boto3", "pymongo", "questionary"),
)
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
        return ModuleSpec(fullname, self, is_package=True) if _is_kept_out(fullname) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty shell."""
        return _ShellModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


def _is_kept_out(module: str) -> bool:
    return any(f"{module}.".startswith(f"{kept_out}.") for kept_out in KEPT_OUT)


def keep_out_tensorflow() -> None:
    """From now on importing what is kept out gives shells; nothing happens when TensorFlow is there already.

    YAML is read quickly as well.
    """
    if "tensorflow" not in sys.modules and not any(isinstance(f, _Finder) for f in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    from bot.nlu.quick_yaml import mend_yaml  # imports Rasa, which must find the shells

    mend_yaml()


def needs_tensorflow(model_or_config: Path) -> bool:
    """Whether a model file, or the configuration in a YAML file, has a part that needs TensorFlow."""
    text = _metadata(model_or_config) if model_or_config.suffix == ".gz" else model_or_config.read_text("utf-8")
    return any(name in text for name in NEEDING)


def _metadata(model: Path) -> str:
    with tarfile.open(model) as archive:
        file = archive.extractfile(METADATA)
        schema = json.load(file)["predict_schema"] if file else {}
    return json.dumps(schema)
