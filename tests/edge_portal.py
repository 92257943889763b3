"""A portal for the tests of the web edge: the real server and an engine without a model.

`python -m tests.edge_portal PORT DATABASE_URL`; eight threads, clients have one second. The engine hangs at `hang`
and is gone after `die`.
"""

from __future__ import annotations

import sys
import time

import msgspec

from bot import server
from bot.app import Portal, create_app
from bot.bell import Bell
from bot.conversation import Conversations
from bot.errors import EngineNotReady, EngineTimeout
from bot.locks import ProcessLocks
from bot.logs import set_up_logs
from bot.settings import PortalFile, ServerSettings, Settings, load_settings
from bot.store import Store
from bot.texts import Texts
from bot.turns import Answer, Turn
from tests.fakes import FakeEngine

THREADS = 8
REST_AT_MOST = 4
CLIENT_SECONDS = 1.0


class MoodyEngine(FakeEngine):
    """Does what it is told."""

    def reply(self, turn: Turn, *, deadline: float) -> Answer:
        """The echo, unless the customer wants it otherwise."""
        if turn.text == "hang":
            time.sleep(deadline)
            raise EngineTimeout("hangs")
        if turn.text == "die":
            self.is_ready = False
            raise EngineNotReady("gone")
        return super().reply(turn, deadline=deadline)


def edge_settings(database_url: str, **changed: object) -> Settings:
    """Settings with the tests' secrets; `changed` are parts of `portal.yml`."""
    given = {"SPRACHPORTAL_REST_TOKEN": "a-token-for-the-tests", "SPRACHPORTAL_SECRET_KEY": "a-secret-for-the-tests"}
    settings = load_settings({**given, "DATABASE_URL": database_url})
    portal: PortalFile = msgspec.structs.replace(settings.portal, **changed)
    return msgspec.structs.replace(settings, portal=portal)


def edge_app(settings: Settings, engine: FakeEngine, deadline: float = 1.0) -> Portal:
    """The whole application around this engine."""
    store, texts = Store(settings.database_url), Texts.load()
    conversations = Conversations(store, engine, texts, Bell(), ProcessLocks(), lambda _text: None, deadline=deadline)
    return create_app(settings, conversations)


def main(port: str, database_url: str) -> None:
    """Serve until SIGTERM."""
    set_up_logs()
    server.CLIENT_SECONDS = CLIENT_SECONDS
    settings = edge_settings(database_url, server=ServerSettings(threads=THREADS, streams_at_most=2))
    build = lambda: edge_app(settings, MoodyEngine())  # noqa: E731
    server.Server(build, host="127.0.0.1", port=int(port), threads=THREADS).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
