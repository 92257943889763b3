"""What Rasa itself says of configuration, domain and stories, for `sprachportal validate`: findings as JSON lines.

Run as a process of its own (`python -m bot.cli.rasa_check`), because importing Rasa takes longer than all other checks.
It runs those parts of a training that compare the data, by Rasa's own code; nothing is learnt from the examples.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.cli.config_check import check_config, graph_of, told
from bot.logs import set_up_logs
from bot.nlu.without_tensorflow import keep_out_tensorflow, needs_tensorflow
from bot.pipeline import CONFIG
from bot.reports.sentences import EXAMPLES
from bot.training_data import DOMAIN, STORIES
from bot.validation import shapes
from bot.validation.rules import places
from bot.validation.source import Finding, Place, Source, read_places

IMPORTER = {"importers": [{"name": "bot.nlu.importer.ReadOnceImporter"}]}
NamedBy = Callable[[Any], str | None]
PLACE = re.compile(r"^ *in (\S.*:\d+):\n *(\S.*)$", re.MULTILINE)
APART = "keep one of them, or tell them apart before that by another intent, slot or condition"


def begin() -> subprocess.Popen[str]:
    """Have Rasa look, beside what else is done; `ended` waits for it."""
    command = [sys.executable, "-W", "ignore", "-m", __name__]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603


def ended(process: subprocess.Popen[str]) -> list[Finding]:
    """What Rasa found."""
    out, errors = process.communicate()
    if process.returncode != 0:
        reason = (errors.strip().splitlines() or [f"it ended with {process.returncode}"])[-1]
        todo = f"{sys.executable} -m {__name__} says more"
        return [Finding("config.yml", f"Rasa cannot check the data: {reason}", todo)]
    return [Finding(**json.loads(line)) for line in out.splitlines() if line.startswith("{")]


def _findings() -> Iterator[Finding]:
    from rasa.shared.importers.importer import TrainingDataImporter
    from rasa.shared.nlu.training_data.loading import load_data

    configs, domains, stories, examples = read_places(
        Place(Path(), shapes.CONFIG, str(CONFIG)),
        Place(DOMAIN, shapes.DOMAIN),
        Place(STORIES, shapes.STORIES),
        Place(EXAMPLES, shapes.EXAMPLES),
    )
    unfit = list(check_config(CONFIG, configs))
    yield from unfit
    left_out = list(_left_out([*domains, *stories, *examples]))
    yield from left_out
    if left_out:
        return
    for source in examples:
        if "nlu" in source.data:
            yield from _refused(partial(load_data, str(source.file)), str(source.file))
    importer = TrainingDataImporter.load_from_dict(IMPORTER, str(CONFIG), str(DOMAIN), [str(STORIES)])
    unread = list(_refused(lambda: (importer.get_domain(), importer.get_stories()), "bot/domain, stories"))
    yield from unread
    if unread:
        return
    domain, graph, where = importer.get_domain(), importer.get_stories(), places(stories)
    yield from _unknown(graph, where, "slot", _slot, {slot.name for slot in domain.slots})
    unknown = _unknown(graph, where, "form", _form, domain.form_names)
    yield from unknown
    if unfit:
        return
    schema = graph_of(importer.get_config()).train_schema
    if not unknown:
        yield from _failing(importer, schema, where)
    if turns := _turns(schema):
        yield from _contradicting(domain, graph, where, max(turns) if all(turns) else 0)


def _left_out(sources: Sequence[Source]) -> Iterator[Finding]:
    """Files that are YAML for us and not for Rasa, such as `{title: 10:30}`: a training does without the whole file."""
    from rasa.shared.exceptions import YamlSyntaxException
    from rasa.shared.utils.io import read_yaml_file

    for source in sources:
        try:
            read_yaml_file(str(source.file))
        except YamlSyntaxException as error:
            cause: Any = error.underlying_yaml_exception
            todo = "put texts in quotes that have signs such as : in them"
            yield Finding(
                f"{source.file}:{cause.problem_mark.line + 1}", f"Rasa cannot read this: {cause.problem}", todo
            )


def _refused(read: Callable[[], object], what: str) -> Iterator[Finding]:
    """Why Rasa cannot read something, with the lines if it knows them."""
    try:
        read()
    except Exception as error:
        for where, wrong in PLACE.findall(str(error)) or [(what, told(error))]:
            yield Finding(where.removeprefix(f"{Path.cwd()}/"), wrong, "correct it: Rasa cannot read this")


def _unknown(graph: Any, where: Mapping[str, str], kind: str, named: NamedBy, known: Collection[str]) -> list[Finding]:
    """Slots or forms that rules and stories name and the domain does not have, each once: they end a training."""
    todo = "correct it, or add it to bot/domain"
    found = ((step.block_name, named(event)) for step in graph.story_steps for event in step.events)
    unknown = ((story, name) for story, name in found if name is not None and name not in known)
    return list(dict.fromkeys(Finding(where.get(story, story), f"no {kind} {name}", todo) for story, name in unknown))


def _slot(event: Any) -> str | None:
    from rasa.shared.core.events import SlotSet

    return event.key if isinstance(event, SlotSet) else None


def _form(event: Any) -> str | None:
    from rasa.shared.core.events import ActiveLoop

    return event.name if isinstance(event, ActiveLoop) else None


def _failing(importer: Any, schema: Any, where: Mapping[str, str]) -> Iterator[Finding]:
    """What would end a training: it is run as far as the policies that only remember."""
    from rasa.core.policies.memoization import MemoizationPolicy
    from rasa.core.policies.rule_policy import InvalidRule
    from rasa.engine.constants import PLACEHOLDER_IMPORTER
    from rasa.engine.graph import ExecutionContext
    from rasa.engine.runner.dask import DaskGraphRunner
    from rasa.engine.storage.local_model_storage import LocalModelStorage

    policies = [name for name, node in schema.nodes.items() if issubclass(node.uses, MemoizationPolicy)]
    targets = ["schema_validator", *policies]
    given = {PLACEHOLDER_IMPORTER: importer, "domain_provider": importer.get_domain()}
    with TemporaryDirectory() as folder:
        storage = LocalModelStorage(Path(folder))
        runner = DaskGraphRunner.create(schema.minimal_graph_schema(targets), storage, ExecutionContext(schema))
        try:
            runner.run(inputs=given, targets=targets)
        except InvalidRule as error:
            yield from _invalid(error.message, where)
        except Exception as error:
            yield Finding(str(CONFIG), told(error.__cause__ or error), "correct it: Rasa cannot train with it")


def _invalid(message: str, where: Mapping[str, str]) -> Iterator[Finding]:
    """Rasa's complaints about rules, each with the places of those it names; Rasa gives them in any order."""
    known = set[frozenset[str]]()
    for line in sorted(re.findall(r"^- (.+)$", message, re.MULTILINE)) or [" ".join(message.split())]:
        named = _named(line, where)
        if frozenset(named) not in known:
            known.add(frozenset(named))
            others = f" ({', '.join(where[name] for name in named[1:])})" if named[1:] else ""
            yield Finding(where[named[0]] if named else "stories", line.rstrip(".") + others, APART)


def _named(line: str, where: Mapping[str, str]) -> list[str]:
    """The rules and stories of which the names stand in Rasa's lists, such as 'A, B' or 'A > B'."""
    names = "|".join(re.escape(name) for name in sorted(where, key=len, reverse=True))
    return list(dict.fromkeys(re.findall(rf"(?:'|, |> )({names})(?='|, | >)", line)))


def _turns(schema: Any) -> list[int]:
    """How many turns back each policy looks that goes by stories; 0 is all of them."""
    from rasa.core.policies.policy import Policy

    policies = [node for node in schema.nodes.values() if issubclass(node.uses, Policy)]
    settings = [(node.uses.get_default_config(), node.config) for node in policies]
    return [{**defaults, **own}["max_history"] or 0 for defaults, own in settings if "max_history" in defaults]


def _contradicting(domain: Any, graph: Any, where: Mapping[str, str], turns: int) -> Iterator[Finding]:
    """Stories that go on differently after the same turns."""
    from rasa.core.training.story_conflict import find_story_conflicts
    from rasa.shared.core.generator import TrainingDataGenerator

    generator = TrainingDataGenerator(graph, domain, remove_duplicates=False, augmentation_factor=0)
    for conflict in find_story_conflicts(generator.generate_story_trackers(), domain, turns):
        ways = {action: _wheres(names, where) for action, names in conflict._conflicting_actions.items()}
        (action, first), *others = ways.items()
        after = str(conflict).partition("\n")[0].removeprefix("Story structure conflict ").rstrip(":")
        then = "; ".join(f"{other} in {', '.join(wheres)}" for other, wheres in others)
        yield Finding(first[0], f"stories contradict each other {after}: here {action}, but {then}", APART)


def _wheres(names: Sequence[str], where: Mapping[str, str]) -> list[str]:
    """Where stories stand; Rasa joins the names of those that checkpoints connect."""
    last = (name.rpartition(" > ")[2] for name in names)
    return sorted({where.get(name, name) for name in last})


def main() -> None:
    """Print what Rasa finds."""
    os.environ["LOG_LEVEL"] = "ERROR"
    set_up_logs(50)
    if not (CONFIG.is_file() and needs_tensorflow(CONFIG)):
        keep_out_tensorflow()
    warnings.simplefilter("ignore")
    for finding in _findings():
        print(json.dumps(asdict(finding), ensure_ascii=False))


if __name__ == "__main__":
    main()
