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

from bot.nlu.without_tensorflow import keep_out_tensorflow, needs_tensorflow
from bot.yaml12 import read_yaml

if TYPE_CHECKING:
    from rasa.graph_components.providers.domain_provider import DomainProvider
    from rasa.shared.core.domain import Domain


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

    return Domain.from_dict(read_yaml((folder / "domain.yml").read_text("utf-8")))


def _load(config: Any, model_storage: Any, resource: Any, execution_context: Any, **_: Any) -> DomainProvider:
    """Stands for `DomainProvider.load`; Rasa gives the arguments by name, and looks at the types of the other's."""
    from rasa.graph_components.providers.domain_provider import DomainProvider

    with model_storage.read_from(resource) as folder:
        return DomainProvider(model_storage, resource, read_domain(folder))
