"""How commands that go on until they are stopped are told."""

from __future__ import annotations

import signal
import threading


def stop_event() -> threading.Event:
    """Set by Ctrl+C and SIGTERM from now on."""
    stopped = threading.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: stopped.set())
    return stopped
