"""The portal's processes for the fault run: laid out in a folder of their own, and started again when they end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.conftest import ROOT, SECRET_KEY

CODE = ("bot", "actions", "voice")
LOOK_SECONDS = 0.2
PAUSE_SECONDS = 0.5
READY_SECONDS = 180.0
STOP_SECONDS = 60.0


class Process:
    """A process that is started again when it ends, until it is stopped; `starts` are the moments it was started."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.starts: list[float] = []
        self._command = [sys.executable, "-m", "bot.cli", *command]
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=name, daemon=True)

    def start(self) -> None:
        """Start it, and watch over it."""
        self._start()
        self._watcher.start()

    def kill(self, chance: random.Random, *, whole: bool) -> str:
        """`kill -9` of the process and all below it, or of one of these, picked by `chance`; what was killed."""
        process = self._process
        if process is None or process.poll() is not None:
            return ""
        family = {process.pid: self.name.rstrip("0123456789"), **_below(process.pid)}
        victims = list(family) if whole else [chance.choice(list(family))]
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        return family[victims[0]] + (" with all below it" if whole else "")

    def stop(self) -> int:
        """End it in order; its exit code."""
        self._stopping.set()
        self._watcher.join()
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(STOP_SECONDS)

    def _start(self) -> None:
        self.starts.append(time.monotonic())
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=self._folder, stdout=out, stderr=out
            )

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            if self._process is not None and self._process.poll() is not None:
                time.sleep(PAUSE_SECONDS)
                self._start()


class Balanced(httpx.BaseTransport):
    """The way to portals at several ports: one after the other, and past those that do not listen."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self._next = 0
        self._network = httpx.HTTPTransport(limits=httpx.Limits(max_connections=400, max_keepalive_connections=40))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of the first one that listens."""
        self._next += 1
        turned = self._next % len(self._ports)
        *others, last = self._ports[turned:] + self._ports[:turned]
        for port in others:
            request.url = request.url.copy_with(port=port)
            with suppress(httpx.ConnectError):
                return self._network.handle_request(request)
        request.url = request.url.copy_with(port=last)
        return self._network.handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        self._network.close()


class Site:
    """All processes of a portal in `folder`, on one database: one that serves at each of the `ports`.

    With `working` others work for them. `settings` are more environment variables.
    """

    def __init__(
        self, folder: Path, database_url: str, settings: Mapping[str, str], ports: Sequence[int], *, working: int = 0
    ) -> None:
        self.database_url = database_url
        self._ports = ports
        self._folder = folder
        self._settings = {
            "DATABASE_URL": database_url,
            "SPRACHPORTAL_SECRET_KEY": SECRET_KEY,
            "RASA_TELEMETRY_ENABLED": "false",
            **settings,
        }
        runs = [["run", "--port", str(port), *(["--no-work"] if working else [])] for port in ports]
        self.processes = [Process(f"run{number}", run, folder, self._settings) for number, run in enumerate(runs)]
        self.processes += [Process(f"work{number}", ["work"], folder, self._settings) for number in range(working)]

    def load_demo(self) -> None:
        """Load the demo company into the database."""
        command = [sys.executable, "-m", "bot.cli", "customers", "load", "bot/demo/nordwind.yml"]
        environment = {**os.environ, **self._settings}
        subprocess.run(command, cwd=self._folder, env=environment, check=True, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        """Start everything, and wait until customers would be answered."""
        for process in self.processes:
            process.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until all that serve are ready."""
        end = time.monotonic() + READY_SECONDS
        while not all(map(_is_ready, self._ports)):
            if time.monotonic() > end:
                raise SystemExit(f"Error: the portal does not become ready\nWhat to do: look at {self._folder}/*.log")
            time.sleep(0.2)

    def stop(self) -> dict[str, int]:
        """End everything in order; the exit codes."""
        return {process.name: process.stop() for process in self.processes}

    def errors(self) -> list[str]:
        """Lines of the logs that tell of errors."""
        lines = [line for process in self.processes for line in process.log.read_text(errors="replace").splitlines()]
        return [line for line in lines if " ERROR " in line or line.startswith("Traceback")]


def lay_out(folder: Path, model: Path, changes: Mapping[str, Any]) -> None:
    """Copy the code, so that nobody changes it meanwhile, with this model and these changes of `portal.yml`."""
    for part in CODE:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("nlu_data", "stories", "config.yml"):
        (folder / part).symlink_to(ROOT / part)
    (folder / "models").mkdir()
    (folder / "models" / model.name).symlink_to(model.resolve())
    settings = yaml.safe_load((ROOT / "portal.yml").read_text("utf-8"))
    (folder / "portal.yml").write_text(yaml.safe_dump({**settings, **changes}, allow_unicode=True), "utf-8")


def _below(pid: int) -> dict[int, str]:
    """The processes below one, and what they do."""
    found: dict[int, str] = {}
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text().split()):
                is_engine = b"rasa_process" in Path(f"/proc/{child}/cmdline").read_bytes()
                found |= {child: "engine" if is_engine else "serving child", **_below(child)}
    return found


def _is_ready(port: int) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    return False
