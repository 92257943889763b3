"""The learning curve for `sprachportal test`, worked out beside it.

A process of its own (`python -m bot.cli.curve`), since fitting keeps a core busy while the model is loaded and reads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from dataclasses import asdict
from pathlib import Path

import msgspec

from bot.errors import PortalError
from bot.logs import set_up_logs
from bot.nlu.without_tensorflow import keep_out_tensorflow
from bot.reports.recipe import read_recipe
from bot.reports.refit import PARTS, CurvePoint, learning_curve
from bot.reports.sentences import read_held_out, read_training


def begin(held_out: Path, *, whole: bool) -> subprocess.Popen[str]:
    """Have the curve worked out for these sentences; `ended` waits for it. `whole`: after learning from all, too."""
    parts = PARTS if whole else PARTS[:-1]
    command = [sys.executable, "-W", "ignore", "-m", __name__, str(held_out), *map(str, parts)]
    # The other cores are for the model; two threads that wait for each other make both slow.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True, env=environment)  # noqa: S603


def ended(process: subprocess.Popen[str]) -> list[CurvePoint]:
    """The curve; empty when the configuration has another classifier."""
    out, _ = process.communicate()
    if process.returncode != 0:
        todo = f"see why: {sys.executable} -m {__name__} tests/nlu/heldout.tsv 1"
        raise PortalError("the learning curve cannot be worked out", todo)
    return msgspec.json.decode(out.splitlines()[-1], type=list[CurvePoint])


def main() -> None:
    """Print the curve as JSON; the arguments are the file of the sentences, and the parts to learn from."""
    set_up_logs(50)
    keep_out_tensorflow()
    warnings.simplefilter("ignore")
    sentences, parts = read_held_out(Path(sys.argv[1])), [float(part) for part in sys.argv[2:]]
    recipe = read_recipe()
    points = learning_curve(recipe, read_training(), sentences, parts) if recipe else ()
    print(json.dumps([asdict(point) for point in points]))


if __name__ == "__main__":
    main()
