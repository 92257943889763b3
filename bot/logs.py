"""Logs with ids and without words: what customers say never reaches them.

Rasa's own messages are cut down to where they come from, since some of them quote the customer.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

QUIET = (
    *("alembic", "apscheduler", "asyncio", "httpx", "huey", "matplotlib", "sanic", "tensorflow", "h5py", "urllib3"),
    "py.warnings",  # Python's warnings: those of packages tell their developers something, not who runs the portal
)


class WithoutWords(logging.Filter):
    """Replaces a message of Rasa's by its place, level and the kind of error."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, without its words."""
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else record.levelname.lower()
        record.msg, record.args = f"{kind} in {record.module}:{record.lineno}", ()
        record.exc_info = record.exc_text = None
        return True


def place(error: BaseException) -> str:
    """The kind of an error and where it was raised, without its words: they may be a customer's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{type(error).__name__} in {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def set_up_logs(level: int = logging.INFO) -> None:
    """Log to standard error: time, level, logger, message; Python's warnings are shown with `-W` only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    handler.addFilter(_rasa_without_words)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("rasa", "rasa_sdk"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # A filter would not do: packages such as Sanic put their own before it when they are imported.
    logging.captureWarnings(not sys.warnoptions)
    structlog.configure(
        processors=[_into_logging],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        cache_logger_on_first_use=False,
    )


def _rasa_without_words(record: logging.LogRecord) -> bool:
    return WithoutWords().filter(record) if record.name.split(".")[0] in ("rasa", "rasa_sdk") else True


def _into_logging(_logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """structlog's events, by name only: their values quote the customer."""
    logging.getLogger("rasa").log(
        logging.getLevelName(method.upper()) if method != "exception" else 40, event.get("event")
    )
    raise structlog.DropEvent
