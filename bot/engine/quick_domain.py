"""A model's domain, read once and quickly.

Nearly all the time of loading a model without TensorFlow goes into its domain: Rasa 3.6.21 reads it three
times with a parser written in Python and checks it against a schema. It was checked when the model was
trained, so here it is read once with libyaml, by the rules of YAML 1.2 that Rasa goes by: 0.3 s instead of 5.
`tests/test_quick_domain.py` shows that the result is the same.
"""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ruamel.yaml.resolver import implicit_resolvers

from bot.nlu.without_tensorflow import keep_out_tensorflow, needs_tensorflow

if TYPE_CHECKING:
    from rasa.graph_components.providers.domain_provider import DomainProvider
    from rasa.shared.core.domain import Domain

RULES = (1, 2)


class Yaml12(yaml.CSafeLoader):
    """PyYAML's loader with the types of YAML 1.2: `on`, `yes` and `10:30` are words."""

    yaml_implicit_resolvers: dict[str, Any] = {}


for versions, tag, pattern, first_signs in implicit_resolvers:
    if RULES in versions:
        Yaml12.add_implicit_resolver(tag, pattern, first_signs)


def prepare_loading(*models: Path) -> None:
    """Call it before Rasa is imported: these models load quickly, without TensorFlow when none of them needs it."""
    if not any(needs_tensorflow(model) for model in models):
        keep_out_tensorflow()
    from rasa.graph_components.providers.domain_provider import DomainProvider

    if DomainProvider.load is not _load:
        DomainProvider.load = staticmethod(wraps(DomainProvider.load)(_load))


def read_domain(folder: Path) -> Domain:
    """The domain that Rasa wrote to a model's folder."""
    from rasa.shared.core.domain import Domain

    text = (folder / "domain.yml").read_text("utf-8")
    return Domain.from_dict(yaml.load(text, Loader=Yaml12))  # noqa: S506 - a safe loader


def _load(config: Any, model_storage: Any, resource: Any, execution_context: Any, **_: Any) -> DomainProvider:
    """Stands for `DomainProvider.load`; Rasa gives the arguments by name, and looks at the types of the other's."""
    from rasa.graph_components.providers.domain_provider import DomainProvider

    with model_storage.read_from(resource) as folder:
        return DomainProvider(model_storage, resource, read_domain(folder))
