"""The two servers that are compared, each started fresh on a free port and stopped again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx

TOKEN = "a-token-for-the-bench"
ACCOUNT = "AC" + "0" * 32
TWILIO_TOKEN = "a-twilio-token-for-the-bench"
READY_SECONDS = 240
CREDENTIALS = """\
rest:
twilio_voice:
  initial_prompt: hallo
  assistant_voice: Polly.Vicki
"""


@dataclass(frozen=True)
class Server:
    """A server that answers Rasa's REST format, and calls; `started` is how many seconds it took to be ready.

    Calls go to the path `voice`; with a `twilio_token` they are signed, and their end is told to `voice_status`.
    """

    name: str
    base: str
    started: float
    pids: tuple[int, ...]
    voice: str
    voice_status: str = ""
    token: str = ""
    twilio_token: str = ""

    @property
    def url(self) -> str:
        """Where messages are posted."""
        return f"{self.base}/webhooks/rest/webhook"

    def megabytes(self) -> float:
        """Memory of all its processes: proportional set size, so that shared pages count once."""
        return sum(_pss(pid) for parent in self.pids for pid in _family(parent)) / 1024


@contextmanager
def portal(model: Path, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Server]:
    """Our portal: one command, actions within; `settings` are more environment variables."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        base = f"http://127.0.0.1:{port}"
        environment = {
            "DATABASE_URL": f"sqlite:///{folder}/bench.db",
            "SPRACHPORTAL_REST_TOKEN": TOKEN,
            "SPRACHPORTAL_SECRET_KEY": "a-secret-for-the-bench",
            "SPRACHPORTAL_PUBLIC_URL": base,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
            **settings,
        }
        began = time.monotonic()
        process = _start([sys.executable, "-m", "bot.cli", "run", "--demo", "--port", str(port)], environment)
        try:
            _wait(f"{base}/readyz", process)
            yield Server(
                "portal",
                base,
                time.monotonic() - began,
                (process.pid,),
                voice="/webhooks/voice",
                voice_status="/webhooks/voice/status",
                token=TOKEN,
                twilio_token=TWILIO_TOKEN,
            )
        finally:
            _stop(process)


@contextmanager
def stock_rasa(model: Path, more_channels: str = "") -> Iterator[Server]:
    """Stock `rasa run` with its own REST and voice channels, trackers in memory, stock `rasa run actions` beside it.

    `more_channels` are further lines of its `credentials.yml`.
    """
    with tempfile.TemporaryDirectory() as folder:
        port, actions_port = _free_port(), _free_port()
        base = f"http://127.0.0.1:{port}"
        _write_rasa_files(Path(folder), actions_port, more_channels)
        environment = {"DATABASE_URL": f"sqlite:///{folder}/bench.db", "PYTHONPATH": str(Path.cwd())}
        _load_demo(environment)
        began = time.monotonic()
        actions = _start(
            [sys.executable, "-m", "rasa_sdk", "--actions", "actions.server", "--port", str(actions_port)],
            environment,
        )
        rasa = _start(_rasa_command(model, Path(folder), port), environment)
        try:
            _wait(f"http://127.0.0.1:{actions_port}/health", actions)
            _wait(f"{base}/", rasa)
            pids = (rasa.pid, actions.pid)
            yield Server("stock rasa", base, time.monotonic() - began, pids, voice="/webhooks/twilio_voice/webhook")
        finally:
            _stop(rasa)
            _stop(actions)


def _rasa_command(model: Path, folder: Path, port: int) -> list[str]:
    files = ["--endpoints", str(folder / "endpoints.yml"), "--credentials", str(folder / "credentials.yml")]
    return [sys.executable, "-m", "rasa", "run", "--model", str(model), "--port", str(port), "-i", "127.0.0.1", *files]


def _write_rasa_files(folder: Path, actions_port: int, more_channels: str) -> None:
    (folder / "credentials.yml").write_text(CREDENTIALS + more_channels)
    (folder / "endpoints.yml").write_text(f"action_endpoint:\n  url: http://127.0.0.1:{actions_port}/webhook\n")


def _load_demo(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "bot.cli", "customers", "load", "bot/demo/nordwind.yml"]
    subprocess.run(command, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    given = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "PYTHONWARNINGS": "ignore", **environment}
    return subprocess.Popen(command, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(40)
    if process.poll() is None:
        process.kill()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with suppress(httpx.TransportError):
            if httpx.get(url, timeout=2).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"{url} did not become ready")


def _family(pid: int) -> list[int]:
    children = [
        child for thread in Path(f"/proc/{pid}/task").glob("*/children") for child in thread.read_text().split()
    ]
    return [pid, *(descendant for child in children for descendant in _family(int(child)))]


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
