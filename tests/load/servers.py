"""A PostgreSQL and a Redis server of our own, on free ports of this machine, gone when they are no longer needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

from tests.conftest import POSTGRESQL, free_port

READY_SECONDS = 20.0
QUIET = subprocess.DEVNULL


@contextmanager
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL server with an empty database; its URL."""
    if POSTGRESQL is None:
        raise SystemExit("Error: PostgreSQL's server programs are not installed\nWhat to do: install them")
    with TemporaryDirectory() as folder:
        port, as_other = free_port(), []
        if os.geteuid() == 0:
            as_other = ["runuser", "-u", "postgres", "--"]
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"
        make = [*as_other, str(POSTGRESQL / "initdb"), "-D", data, "-U", "portal", "-A", "trust"]
        subprocess.run(make, check=True, stdout=QUIET, stderr=QUIET, cwd="/")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=400"
        control = [*as_other, str(POSTGRESQL / "pg_ctl"), "-D", data, "-w"]
        start = [*control, "-o", options, "-l", f"{folder}/log.txt", "start"]
        subprocess.run(start, check=True, stdout=QUIET, stderr=QUIET, cwd="/")
        try:
            yield f"postgresql://portal@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=QUIET, stderr=QUIET, cwd="/")


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis server that keeps nothing on disk; its URL."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("Error: redis-server is not installed\nWhat to do: install it")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with TemporaryDirectory() as folder:
        process = subprocess.Popen(command, cwd=Path(folder), stdout=QUIET, stderr=QUIET)
        url = f"redis://127.0.0.1:{port}/0"
        try:
            _wait_for_redis(url)
            yield url
        finally:
            process.terminate()
            process.wait()


def _wait_for_redis(url: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while True:
        try:
            redis.Redis.from_url(url).ping()
            return
        except redis.ConnectionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
