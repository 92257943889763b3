"""What Meta's answers, and the lack of one, mean for a delivery."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from bot.channels.meta_graph import Graph as Client
from bot.channels.meta_graph import error_of
from bot.channels.outlet import DeliveryError, NotTaken, OptedOut, Refused, Unclear, WindowClosed
from tests.meta_wire import TOKEN, Graph, graph, impatient


@pytest.fixture
def meta() -> Iterator[Graph]:
    with graph() as played:
        yield played


def client(meta: Graph) -> Client:
    return Client("whatsapp", meta.url, TOKEN, impatient())


def failure(meta: Graph) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        client(meta).post("1/messages", {"type": "text"})
    return caught.value


def test_the_token_goes_in_a_header_and_never_in_the_address(meta: Graph) -> None:
    meta.answer(200, {"id": "1"})
    assert client(meta).post("1/messages", {"text": "Grüße"}) == {"id": "1"}
    assert client(meta).get("81") == {"id": "1"}
    assert [(asked.method, asked.path, asked.token) for asked in meta.asked] == [
        ("POST", "/v23.0/1/messages", f"Bearer {TOKEN}"),
        ("GET", "/v23.0/81", f"Bearer {TOKEN}"),
    ]
    assert meta.asked[0].body == {"text": "Grüße"}


@pytest.mark.parametrize(
    ("status", "code", "subcode", "error", "told"),
    [
        (400, 131047, None, WindowClosed, "131047"),
        (400, 10, 2018278, WindowClosed, "10/2018278"),
        (400, 131050, None, OptedOut, "131050"),
        (400, 131026, 2494010, Refused, "131026"),
        (400, 131021, None, Refused, "131021"),
        (400, 100, None, Refused, "100"),
        (400, 100, 2018001, Refused, "100/2018001"),
        (400, 551, 1545041, Refused, "551"),
        (400, 200, 1545041, Refused, "200/1545041"),
        (400, 132001, None, Refused, "132001"),
        (400, 987654, None, Refused, "987654"),
        (400, 130429, None, NotTaken, "130429"),
        (400, 131056, None, NotTaken, "131056"),
        (400, 80007, None, NotTaken, "80007"),
        (400, 4, None, NotTaken, "4"),
        (400, 613, None, NotTaken, "613"),
        (500, 131016, None, NotTaken, "131016"),
        (400, 1200, None, NotTaken, "1200"),
        (401, 190, 463, NotTaken, "190"),
        (403, 10, None, NotTaken, "10"),
        (403, 230, None, NotTaken, "230"),
        (400, 131042, None, NotTaken, "131042"),
        (503, 2, None, NotTaken, "2"),
        (429, 987654, None, NotTaken, "987654"),
        (500, 2, None, Unclear, "2"),
        (500, 1, 1357046, Unclear, "1"),
        (500, 131000, None, Unclear, "131000"),
        (500, 987654, None, Unclear, "987654"),
    ],
)
def test_codes_have_a_meaning(
    meta: Graph, status: int, code: int, subcode: int | None, error: type[DeliveryError], told: str
) -> None:
    meta.refuse(status, code, subcode)
    found = failure(meta)
    assert (type(found), found.code) == (error, told)
    assert "Jördis" not in found.what


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, b"<html>busy</html>", NotTaken),
        (429, b"", NotTaken),
        (401, b"", NotTaken),
        (403, b"{}", NotTaken),
        (404, b"not here", Refused),
        (400, {"error": {"code": "many"}}, Refused),
        (400, {"error": "x"}, Refused),
        (400, [1], Refused),
        (500, b"\xff", Unclear),
        (502, b"", Unclear),
        (302, b"", Unclear),
    ],
)
def test_an_answer_without_a_code_counts_by_its_status(
    meta: Graph, status: int, body: Any, error: type[DeliveryError]
) -> None:
    meta.answer(status, body, Location="http://127.0.0.1:9/")
    found = failure(meta)
    assert (type(found), found.code) == (error, f"http_{status}")


@pytest.mark.parametrize(
    ("header", "pause"), [("7", 7.0), ("86400", 3600.0), ("soon", None), ("-1", None), ("nan", None)]
)
def test_the_pause_that_meta_asks_for_is_told(meta: Graph, header: str, pause: float | None) -> None:
    meta.answer(429, b"", Retry_After=header)
    found = failure(meta)
    assert isinstance(found, NotTaken)
    assert found.retry_after == pause


def test_nobody_there_means_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(NotTaken) as caught:
        Client("whatsapp", url, TOKEN, impatient()).post("1/messages", {})
    assert caught.value.code == "connect"


def test_a_connection_cut_after_sending_is_unclear(meta: Graph) -> None:
    meta.cut()
    found = failure(meta)
    assert (type(found), found.code) == (Unclear, "broken")
    assert len(meta.asked) == 1


def test_no_answer_in_time_is_unclear() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unclear):
            Client("whatsapp", url, TOKEN, impatient()).post("1/messages", {})


def test_an_answer_without_end_is_unclear(meta: Graph) -> None:
    meta.answer(200, b" " * 300_000)
    assert isinstance(failure(meta), Unclear)


def test_a_refused_token_is_logged_once_until_it_works_again(meta: Graph, caplog: pytest.LogCaptureFixture) -> None:
    ours = client(meta)
    for status in (401, 401, 200, 401):
        meta.answer(status, {"error": {"message": f"Token {TOKEN} of Jördis", "code": 190}} if status > 200 else {})
    with caplog.at_level(logging.ERROR, logger="bot.channels.meta_graph"):
        for _ in range(4):
            with suppress(NotTaken):
                ours.post("1/messages", {})
    assert len(caplog.records) == 2
    assert "190" in caplog.text
    assert TOKEN not in caplog.text
    assert "Jördis" not in caplog.text


@pytest.mark.parametrize(
    ("code", "error"),
    [("131047", WindowClosed), ("131050", OptedOut), ("131026", Refused), ("131056", NotTaken), ("", Refused),
     ("٣", Refused), ("x", Refused), ("987654", Refused)],
)  # fmt: skip
def test_the_code_of_a_failed_status_has_the_same_meaning(code: str, error: type[DeliveryError]) -> None:
    assert type(error_of(code)) is error
