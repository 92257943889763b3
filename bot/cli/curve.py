"""The learning curve for `sprachportal test`, worked out beside it.

A process of its own (`python -m bot.cli.curve`), since fitting keeps a core busy while the model is loaded and reads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from bot.cli.reading import read_held_out
from bot.errors import PortalError
from bot.logs import set_up_logs
from bot.nlu.without_tensorflow import keep_out_tensorflow
from bot.reports.refit import CurvePoint, Refit, learning_curve, read_recipe, read_training


def begin(parts: Sequence[float]) -> subprocess.Popen[str]:
    """Have the curve worked out for these parts of the examples; `ended` waits for it."""
    command = [sys.executable, "-W", "ignore", "-m", __name__, *map(str, parts)]
    # The other cores are for the model; two threads that wait for each other make both slow.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True, env=environment)  # noqa: S603


def ended(process: subprocess.Popen[str]) -> list[CurvePoint]:
    """The curve; empty when the configuration has another classifier."""
    out, _ = process.communicate()
    if process.returncode != 0:
        raise PortalError("the learning curve cannot be worked out", f"see why: {sys.executable} -m {__name__} 1.0")
    return msgspec.json.decode(out.splitlines()[-1], type=list[CurvePoint])


def main() -> None:
    """Print the curve for the parts in the command's arguments as JSON."""
    set_up_logs(50)
    keep_out_tensorflow()
    warnings.simplefilter("ignore")
    recipe, points = read_recipe(), list[CurvePoint]()
    if recipe:
        training = read_training()
        parts = [float(part) for part in sys.argv[1:]]
        points = list(learning_curve(Refit(recipe, training), training, read_held_out(), parts))
    print(json.dumps([asdict(point) for point in points]))


if __name__ == "__main__":
    main()
