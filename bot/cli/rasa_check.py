"""What Rasa itself says of the domain and stories, for `sprachportal validate`: findings as JSON lines.

Run as a process of its own (`python -m bot.cli.rasa_check`), because importing Rasa takes longer than all other checks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import yaml

from bot.logs import set_up_logs
from bot.nlu.without_tensorflow import keep_out_tensorflow
from bot.validation.source import Finding

DOMAIN, STORIES, CONFIG = Path("bot/domain"), Path("stories"), Path("config.yml")
MOST_TURNS = 4


def begin() -> subprocess.Popen[str]:
    """Have Rasa look, beside what else is done; `ended` waits for it."""
    command = [sys.executable, "-W", "ignore", "-m", __name__]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603


def ended(process: subprocess.Popen[str]) -> list[Finding]:
    """What Rasa found."""
    out, _ = process.communicate()
    if process.returncode != 0:
        return [Finding("bot/domain", "Rasa cannot check the data", f"{sys.executable} -m {__name__} says why")]
    return [Finding(**json.loads(line)) for line in out.splitlines() if line.startswith("{")]


def _findings() -> Iterator[Finding]:
    from rasa.shared.core.domain import Domain
    from rasa.shared.exceptions import RasaException

    try:
        Domain.load(str(DOMAIN))
    except (RasaException, ValueError, KeyError, TypeError) as error:
        yield Finding(str(DOMAIN), " ".join(str(error).split()), "correct it: Rasa does not take this domain")
        return
    if _has_stories() and _stories_contradict():
        todo = "run `rasa data validate stories`, which names them"
        yield Finding(str(STORIES), "two stories contradict each other", todo)


def _has_stories() -> bool:
    """Whether there is more than rules, which are compared without Rasa."""
    return any(yaml.load(f.read_bytes(), yaml.CSafeLoader).get("stories") for f in sorted(STORIES.glob("*.yml")))


def _stories_contradict() -> bool:
    from rasa.shared.importers.importer import TrainingDataImporter
    from rasa.validator import Validator

    importer = TrainingDataImporter.load_from_config(str(CONFIG), str(DOMAIN), [str(STORIES)])
    checked = Validator.from_importer(importer).verify_story_structure(ignore_warnings=False, max_history=MOST_TURNS)
    return not checked


def main() -> None:
    """Print what Rasa finds."""
    set_up_logs(50)
    keep_out_tensorflow()
    warnings.simplefilter("ignore")
    for finding in _findings():
        print(json.dumps(asdict(finding), ensure_ascii=False))


if __name__ == "__main__":
    main()
