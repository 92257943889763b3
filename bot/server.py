"""The web server: gunicorn in one process with many threads.

It stops cleanly on SIGTERM: streams are let go, turns under way are finished. A client that does not send or read
holds a thread for `CLIENT_SECONDS` only.
"""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from flask import Flask
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from bot.app import Portal
from bot.logs import place

log = logging.getLogger(__name__)
STOP_SECONDS = 30
CLIENT_SECONDS = 20.0
LINGER_SECONDS = 0.5
BAD_REQUEST = (400, "Bad Request")
REFUSALS = {
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
}


class ClientSocket(socket.socket):
    """A client's connection. What gunicorn reads of one request, and each piece it writes, takes `CLIENT_SECONDS`.

    gunicorn asks for a blocking socket when a request begins. A client that is too slow counts as gone.
    """

    _read_until = 0.0

    def setblocking(self, flag: bool) -> None:
        """Patient where gunicorn would wait for ever; nothing when the connection is closed already."""
        self._read_until = time.monotonic() + CLIENT_SECONDS
        if self.fileno() >= 0:
            self.settimeout(CLIENT_SECONDS if flag else 0)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """What has come, within the request's time."""
        patience = self.gettimeout()
        if not patience:
            return super().recv(size, flags)
        self.settimeout(max(0.001, min(patience, self._read_until - time.monotonic())))
        try:
            return super().recv(size, flags)
        except TimeoutError as error:
            raise _too_slow() from error
        finally:
            self.settimeout(patience)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Write all of it, in time."""
        try:
            super().sendall(data, flags)
        except TimeoutError as error:
            raise _too_slow() from error


def _too_slow() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "the client is too slow")


class PortalWorker(ThreadWorker):  # type: ignore[misc]
    """A threaded worker that lets streams go before it waits for open requests, and has no patience with clients."""

    def enqueue_req(self, conn: TConn) -> None:
        """gunicorn's hook: a connection has a request, perhaps its first one."""
        if not isinstance(conn.sock, ClientSocket):
            conn.sock = ClientSocket(fileno=conn.sock.detach())
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> object:
        """gunicorn's hook, in a thread: one request. What ends is closed here, since closing lingers for the client."""
        goes_on = super().handle(conn)
        if not goes_on:
            util.close_graceful(conn.sock, timeout=LINGER_SECONDS)
        return goes_on

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """gunicorn's hook: refuse what is no request; neither its words nor the client's address are logged."""
        if isinstance(exc, errors.ParseException):
            status, reason = REFUSALS.get(type(exc), BAD_REQUEST)
            log.info("a request was refused: %s", type(exc).__name__)
        else:
            status, reason = 500, "Internal Server Error"
            log.error("a request failed: %s", place(exc))
        try:
            util.write_error(client, status, reason, "")
        except OSError:
            log.debug("a client was gone before it was told")

    def is_parent_alive(self) -> bool:
        """Whether the process that started this one lives; without it the streams end and the port is free soon."""
        alive = bool(super().is_parent_alive())
        if not alive:
            self.wsgi.extensions["portal"].conversations.bell.close()
        return alive

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
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "sendfile": False,
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
