"""Rasa as a server of its own (`RASA_URL`), through our input channel `portal`."""

from __future__ import annotations

import httpx
import msgspec

from bot.errors import EngineError, EngineNotReady, EngineTimeout
from bot.turns import Answer, Reply, Turn, effect_name, read_effect

PATH = "/webhooks/portal/webhook"


class RasaServer:
    """`Engine` that asks a Rasa server; `token` is the secret of its `portal` channel."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._client = httpx.Client(base_url=url, headers=headers)

    def start(self) -> None:
        """Nothing to do: the server runs by itself."""

    def ready(self) -> bool:
        """Whether the server has a model and our channel."""
        try:
            return self._client.get(PATH, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def responds(self) -> bool:
        """Whether the server answers."""
        return self.ready()

    def reply(self, turn: Turn, *, deadline: float) -> Answer:
        """The answer to a turn within `deadline` seconds."""
        try:
            answer = self._client.post(PATH, content=msgspec.json.encode(turn), timeout=deadline)
        except httpx.TimeoutException as error:
            raise EngineTimeout(f"no answer within {deadline:.0f} s") from error
        except httpx.TransportError as error:
            raise EngineNotReady("the Rasa server cannot be reached", "look at RASA_URL") from error
        if answer.status_code != 200:
            raise EngineError(f"the Rasa server answered {answer.status_code}")
        return decode_answer(answer.content)

    def stop(self) -> None:
        """Close the connections."""
        self._client.close()


def encode_answer(answer: Answer) -> bytes:
    """An answer as JSON, for the way between Rasa and the portal."""
    effects = [{effect_name(effect): effect} for effect in answer.effects]
    return msgspec.json.encode({"replies": answer.replies, "effects": effects})


def decode_answer(data: bytes) -> Answer:
    """The answer in the JSON; raises `EngineError` when it is none."""
    try:
        parts = msgspec.json.decode(data)
        replies = msgspec.convert(parts["replies"], tuple[Reply, ...])
        return Answer(replies, tuple(read_effect(effect) for effect in parts["effects"]))
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise EngineError("the Rasa server's answer cannot be read") from error
