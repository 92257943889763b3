"""`make bench-nlu`: how well intents are told on public sets, beside Rasa's DIET; tables in bench/results/nlu.md.

Everything it needs is in bench/data. Each classifier runs on each set in a process of its own, so that seconds and
memory are its own. Figures are kept in bench/results/nlu.json: what is measured again replaces them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from bench.nlu_sets import SETS, Set
from bench.nlu_worker import DIET
from bench.report import RESULTS, machine, today, write
from bot.nlu.encoder import UNIVERSAL

Figures = dict[str, float]
Results = dict[str, dict[str, Figures]]
KEPT = RESULTS / "nlu.json"
_HEAD = "| set | examples | asked | {} | reach | published |"
NOTES = """
Accuracy of intents in percent; same sentences, same splits, same machine ({machine}), one thread, nothing cached.
CLINC150: within scope and, after the comma, recall out of scope, at the threshold that is best on its validation set.
HINT3: the best accuracy over all thresholds, as published. Ten examples of MASSIVE and ROBO.AI are chosen by a seed.
all-MiniLM-L6-v2 (English, Apache-2.0, 8 bits) is a folder with an ONNX model, which is not part of this project.
DIET is Rasa 3.6's default pipeline with 100 epochs. `published` is the best figure that we know for these files.
Times tell something only when nothing else ran on the machine.
"""


def run(name: str, classifier: str) -> Figures:
    """The figures of one classifier on one set."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.nlu_worker", name, classifier]
    threads = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment = os.environ | threads | {"RASA_TELEMETRY_ENABLED": "false"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def table(results: Results, classifiers: list[str]) -> str:
    """A row for each set; for each classifier its accuracy, then seconds, milliseconds and megabytes."""
    lines = [
        _HEAD.format(" | ".join(map(_title, classifiers))),
        "|---|---:|---:|" + "---:|" * len(classifiers) + "---|---|",
    ]
    for name, columns in results.items():
        any_column, described = next(iter(columns.values())), SETS[name]
        sizes = f"{any_column['examples']:,.0f} | {any_column['asked']:,.0f}"
        cells = " | ".join(_rate(columns.get(classifier)) for classifier in classifiers)
        lines.append(f"| {described.title} | {sizes} | {cells} | {described.reach} | {described.published} |")
    return "\n".join(lines)


def costs(results: Results, classifiers: list[str]) -> str:
    """A row for each set: what each classifier took."""
    head = "| set | " + " | ".join(f"{_title(c)}: train s | parse ms | MB" for c in classifiers) + " |"
    lines = [head, "|---|" + "---:|---:|---:|" * len(classifiers)]
    for name, columns in results.items():
        cells = " | ".join(_cost(columns.get(classifier)) for classifier in classifiers)
        lines.append(f"| {SETS[name].title} | {cells} |")
    return "\n".join(lines)


def _column(classifier: str) -> str:
    """The name of its column: of a folder with an encoder the last part is enough."""
    return "+".join(Path(part).name for part in classifier.split("+"))


def _title(classifier: str) -> str:
    return "DIET" if classifier == DIET else f"ours, `encoder: {classifier}`"


def _rate(figures: Figures | None) -> str:
    if figures is None:
        return "–"
    recall = figures.get("OOS recall")
    return f"{figures['accuracy']:.1f}" + (f", OOS {recall:.1f}" if recall is not None else "")


def _cost(figures: Figures | None) -> str:
    if figures is None:
        return "– | – | –"
    return f"{figures['train seconds']:.1f} | {figures['parse ms']:.1f} | {figures['memory MB']:.0f}"


def _chosen(names: list[str], quick: bool) -> dict[str, Set]:
    return {name: SETS[name] for name in names if SETS[name].quick or not quick}


def main() -> None:
    """Measure, print as it goes on, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the small sets only")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument(
        "--encoders", nargs="*", default=["universal", "none"], metavar="ENCODER", help="as in config.yml"
    )
    parser.add_argument("--diet", nargs="*", choices=SETS, default=[], metavar="SET", help="sets to run DIET on too")
    options = parser.parse_args()
    results: Results = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name in _chosen(options.sets, options.quick):
        for classifier in [*options.encoders, *([DIET] if name in options.diet else [])]:
            results.setdefault(name, {})[_column(classifier)] = figures = run(name, classifier)
            print(name, classifier, {key: round(value, 1) for key, value in figures.items()}, flush=True)
            KEPT.write_text(json.dumps(results, indent=1) + "\n")
    _report({name: results[name] for name in SETS if name in results})


def _report(results: Results) -> None:
    found = {classifier for columns in results.values() for classifier in columns}
    classifiers = sorted(found, key=lambda classifier: (classifier == DIET, classifier != UNIVERSAL, classifier))
    title, notes = f"# Understanding: intents on public sets, {today()}", NOTES.format(machine=machine()).strip()
    write("nlu.md", [title, notes, table(results, classifiers), costs(results, classifiers)])


if __name__ == "__main__":
    main()
