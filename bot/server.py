"""The web server: gunicorn in one process, since the model is loaded once, with many threads.

It stops cleanly on SIGTERM: streams are let go, turns under way are finished.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from bot.app import Portal

STOP_SECONDS = 30


class PortalWorker(ThreadWorker):  # type: ignore[misc]
    """A threaded worker that lets streams go before it waits for open requests."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: no new requests; open streams end."""
        self.wsgi.extensions["portal"].conversations.bell.close()
        super().handle_exit(sig, frame)


class Server(BaseApplication):  # type: ignore[misc]
    """Serves the portal that `build` makes in the serving process."""

    def __init__(self, build: Callable[[], Portal], *, host: str, port: int, threads: int) -> None:
        self._build = build
        self._options: dict[str, Any] = {
            "bind": f"{host}:{port}",
            "workers": 1,
            "threads": threads,
            "worker_class": f"{__name__}.PortalWorker",
            "graceful_timeout": STOP_SECONDS,
            "timeout": 120,
            "keepalive": 30,
            "loglevel": "warning",
            "limit_request_line": 4094,
            "worker_exit": _stop_portal,
            "control_socket_disable": True,
        }
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's hook: our options."""
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """gunicorn's hook, in the serving process: the application, its engine loading."""
        portal = self._build()
        portal.app.extensions["portal"] = portal
        portal.start()
        return portal.app


def _stop_portal(_server: Any, worker: Any) -> None:
    if getattr(worker, "wsgi", None) is not None:
        worker.wsgi.extensions["portal"].stop()
