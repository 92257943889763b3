"""Files are fetched from allowed hosts on the public internet only, within limits, and are what they were said to be.

The servers are real ones on this machine. Only here are their addresses allowed, by a predicate given to the fetcher.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.media.fetch import (
    AddressRefused,
    ContentRefused,
    Fetched,
    Fetcher,
    FetchError,
    NotServed,
    TooLarge,
    TooSlow,
    Unreachable,
    WrongType,
    allowed_host,
)
from bot.media.pinned import Address, is_public
from bot.media.time_limit import Deadline, within
from bot.media.types import sniffed
from tests.media_server import (
    JPEG,
    MP4,
    OPUS,
    PDF,
    PNG,
    Certificate,
    Server,
    broken_off,
    dripping,
    endless,
    file,
    make_certificate,
    raw,
    redirect,
    status,
)

HOST, OTHER, THIRD = "api.provider.test", "cdn.provider.test", "files.elsewhere.test"
CREDENTIAL = {"Authorization": "Basic c2VjcmV0"}
LOCAL = ("127.0.0.1", "127.0.0.2")
METADATA = "169.254.169.254"
MEGABYTE = 1024 * 1024


def here(_host: str, _port: int) -> list[str]:
    return [LOCAL[0]]


def is_local_too(address: Address) -> bool:
    return is_public(address) or str(address) in LOCAL


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), HOST, OTHER)


@pytest.fixture
def server(certificate: Certificate) -> Iterator[Server]:
    with Server(certificate.server_side()) as running:
        yield running


class Fetching:
    """Fetches from the server by the name of a host."""

    def __init__(self, server: Server, certificate: Certificate) -> None:
        self.server = server
        self.certificate = certificate
        self.written = io.BytesIO()

    def url(self, path: str, host: str = HOST) -> str:
        return f"https://{host}:{self.server.port}{path}"

    def __call__(
        self,
        path: str,
        *,
        resolve: Callable[[str, int], Sequence[str]] = here,
        is_allowed: Callable[[Address], bool] = is_local_too,
        hosts: Sequence[str] | None = None,
        headers: Mapping[str, str] = CREDENTIAL,
        announced: str = "",
        most_bytes: int = MEGABYTE,
        seconds: float = 10,
    ) -> Fetched:
        fetcher = Fetcher(resolve=resolve, is_allowed=is_allowed, tls=self.certificate.client_side())
        own = [f"{host}:{self.server.port}" for host in (HOST, OTHER, THIRD)]
        return fetcher.fetch(
            path if "//" in path else self.url(path),
            self.written,
            allowed_hosts=own if hosts is None else hosts,
            headers=headers,
            announced=announced,
            most_bytes=most_bytes,
            deadline=Deadline(seconds),
        )


@pytest.fixture
def fetch(server: Server, certificate: Certificate) -> Fetching:
    return Fetching(server, certificate)


def test_a_file_is_fetched_with_its_type_length_and_checksum(fetch: Fetching, server: Server) -> None:
    server.answers["/photo?size=large"] = file(JPEG, "image/jpeg")
    fetched = fetch("/photo?size=large", announced="image/jpeg")
    assert fetch.written.getvalue() == JPEG
    assert (fetched.media_type.name, fetched.size) == ("image/jpeg", len(JPEG))
    assert fetched.sha256 == hashlib.sha256(JPEG).hexdigest()
    assert server.asked[0].headers["Authorization"] == CREDENTIAL["Authorization"]
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


def test_the_server_is_asked_by_its_name_though_the_address_is_fixed(fetch: Fetching, server: Server) -> None:
    server.answers["/photo"] = file(JPEG)
    fetch("/photo")
    assert server.names == [HOST]
    assert server.asked[0].headers["Host"] == f"{HOST}:{server.port}"


@pytest.mark.parametrize(
    "url",
    [
        "http://{host}:{port}/photo",
        "ftp://{host}:{port}/photo",
        "file:///etc/hostname",
        "//{host}:{port}/photo",
        "https://{host}/photo",
        "https://{host}:1{port}/photo",
        "https://{host}.:{port}/photo",
        "https://evil.test:{port}/photo",
        "https://{host}.evil.test:{port}/photo",
        "https://me@{host}:{port}/photo",
        "https://evil.test\\@{host}:{port}/photo",
        "https://{host}:{port}\\@evil.test/photo",
        "https://127.0.0.1:{port}/photo",
        "https://[::1]:{port}/photo",
        "https://2130706433:{port}/photo",
        "https://{host}:{port}/photo\r\nX-Forged: 1",
        "https://xn--a:{port}/photo",
        "https://:{port}/photo",
        "https://{host}:{port}/" + "x" * 5000,
        "",
    ],
)
def test_only_listed_hosts_are_asked_and_only_by_https(fetch: Fetching, server: Server, url: str) -> None:
    server.answers["/photo"] = file(JPEG)
    with pytest.raises(AddressRefused):
        fetch(url.format(host=HOST, port=server.port) or "//")
    assert not server.asked
    assert not server.names


@pytest.mark.parametrize(
    ("entry", "host", "is_named"),
    [
        ("*.provider.test", "cdn.provider.test", True),
        ("*.provider.test", "a.cdn.provider.test", True),
        ("*.provider.test", "provider.test", False),
        ("*.provider.test", "evilprovider.test", False),
        ("*.provider.test", "cdn.provider.test:8443", False),
        ("cdn.provider.test", "cdn.provider.test", True),
        ("cdn.provider.test", "CDN.Provider.test", True),
        ("cdn.provider.test", "cdn.provider.test:8443", False),
        ("cdn.provider.test", "a.cdn.provider.test", False),
        ("cdn.provider.test:8443", "cdn.provider.test:8443", True),
        ("cdn.provider.test:8443", "cdn.provider.test", False),
    ],
)
def test_an_entry_of_the_list_names_a_host_or_those_below_a_domain(
    fetch: Fetching, entry: str, host: str, is_named: bool
) -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return []

    with pytest.raises(AddressRefused):
        fetch(f"https://{host}/photo", hosts=[entry], resolve=resolve)
    assert bool(asked) == is_named


PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    METADATA,
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_refused(fetch: Fetching, server: Server, address: str) -> None:
    with pytest.raises(AddressRefused):
        fetch("/photo", resolve=lambda _host, _port: [address], is_allowed=is_public)
    with pytest.raises(AddressRefused):
        fetch("/photo", resolve=lambda _host, _port: ["93.184.215.14", address], is_allowed=is_public)
    assert not server.names


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_without_anything_given_the_fetcher_refuses_this_machine() -> None:
    with pytest.raises(AddressRefused):
        Fetcher().fetch(
            "https://localhost/photo",
            io.BytesIO(),
            allowed_hosts=["localhost"],
            headers={},
            announced="",
            most_bytes=MEGABYTE,
            deadline=Deadline(5),
        )


def test_a_name_is_resolved_once_and_its_second_answer_changes_nothing(
    fetch: Fetching, server: Server, certificate: Certificate
) -> None:
    server.answers["/photo"] = file(JPEG)
    answers = [[LOCAL[0]], [LOCAL[1]], [METADATA]]
    with Server(certificate.server_side(), (LOCAL[1], server.port)) as rebound:
        rebound.answers["/photo"] = file(PNG)
        fetch("/photo", resolve=lambda _host, _port: answers.pop(0))
    assert len(answers) == 2
    assert not rebound.names
    assert fetch.written.getvalue() == JPEG


def test_an_address_that_does_not_answer_is_followed_by_the_next(fetch: Fetching, server: Server) -> None:
    server.answers["/photo"] = file(JPEG)
    fetch("/photo", resolve=lambda _host, _port: [LOCAL[1], LOCAL[0]])
    assert fetch.written.getvalue() == JPEG


def test_a_redirect_is_followed_without_the_credential(fetch: Fetching, server: Server) -> None:
    server.answers["/media"] = redirect(fetch.url("/photo", OTHER))
    server.answers["/photo"] = file(JPEG)
    fetch("/media")
    assert server.names == [HOST, OTHER]
    assert [("Authorization" in asked.headers) for asked in server.asked] == [True, False]


def test_a_redirect_on_the_same_host_keeps_the_credential(fetch: Fetching, server: Server) -> None:
    server.answers["/media"] = redirect("/photo", 302)
    server.answers["/photo"] = file(JPEG)
    fetch("/media")
    assert all("Authorization" in asked.headers for asked in server.asked)


@pytest.mark.parametrize(
    "onward",
    [
        f"https://{METADATA}/latest/meta-data/",
        f"http://{METADATA}/latest/meta-data/",
        "http://127.0.0.1:{port}/photo",
        "https://127.0.0.1:{port}/photo",
        "https://[::ffff:a9fe:a9fe]/photo",
        "http://{host}:{port}/photo",
        "https://evil.test/photo",
        "https://me:secret@{host}:{port}/photo",
        "file:///etc/hostname",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_redirect_is_checked_like_the_first_address(fetch: Fetching, server: Server, onward: str) -> None:
    server.answers["/media"] = redirect(onward.format(host=HOST, port=server.port))
    server.answers["/photo"] = file(JPEG)
    with pytest.raises(AddressRefused):
        fetch("/media")
    assert [asked.path for asked in server.asked] == ["/media"]


def test_a_redirect_to_a_listed_name_with_a_private_address_is_refused(fetch: Fetching, server: Server) -> None:
    server.answers["/media"] = redirect(fetch.url("/photo", OTHER))
    with pytest.raises(AddressRefused):
        fetch("/media", resolve=lambda host, _port: [METADATA if host == OTHER else LOCAL[0]])
    assert server.names == [HOST]


def test_three_redirects_are_followed_and_no_more(fetch: Fetching, server: Server) -> None:
    for number in range(4):
        server.answers[f"/{number}"] = redirect(f"/{number + 1}")
    server.answers["/4"] = file(JPEG)
    assert fetch("/1").size == len(JPEG)
    with pytest.raises(AddressRefused):
        fetch("/0")


def test_a_certificate_for_another_name_is_not_believed(fetch: Fetching, server: Server) -> None:
    server.answers["/photo"] = file(JPEG)
    with pytest.raises(Unreachable):
        fetch(fetch.url("/photo", THIRD))
    assert not server.asked


def test_a_certificate_of_a_stranger_is_not_believed(server: Server) -> None:
    fetcher = Fetcher(resolve=here, is_allowed=is_local_too)
    with pytest.raises(Unreachable):
        fetcher.fetch(
            f"https://{HOST}:{server.port}/photo",
            io.BytesIO(),
            allowed_hosts=[f"{HOST}:{server.port}"],
            headers={},
            announced="",
            most_bytes=MEGABYTE,
            deadline=Deadline(5),
        )
    assert not server.asked


def test_an_endless_body_ends_at_the_limit(fetch: Fetching, server: Server) -> None:
    server.answers["/photo"] = endless(JPEG)
    with pytest.raises(TooLarge):
        fetch("/photo")
    assert len(fetch.written.getvalue()) <= MEGABYTE
    assert server.hung_up.wait(5)


def test_a_file_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(fetch: Fetching, server: Server) -> None:
    server.answers["/photo"] = file(JPEG)
    assert fetch("/photo", most_bytes=len(JPEG)).size == len(JPEG)
    with pytest.raises(TooLarge):
        fetch("/photo", most_bytes=len(JPEG) - 1)


def test_a_body_announced_as_too_large_is_not_read(fetch: Fetching, server: Server) -> None:
    server.answers["/photo"] = file(JPEG + b"\0" * MEGABYTE)
    with pytest.raises(TooLarge):
        fetch("/photo")
    assert fetch.written.getvalue() == b""


@pytest.mark.parametrize("packing", ["gzip", "deflate", "br", "x-gzip", "gzip, gzip"])
def test_a_packed_body_is_not_unpacked(fetch: Fetching, server: Server, packing: str) -> None:
    bomb = gzip.compress(JPEG + b"\0" * 8 * MEGABYTE)
    server.answers["/photo"] = file(bomb, "image/jpeg", Content_Encoding=packing)
    with pytest.raises(WrongType):
        fetch("/photo")
    assert fetch.written.getvalue() == b""


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        dripping(HEAD + b"\r\n" + JPEG, b"\0"),
        dripping(HEAD, b"X-More: 1\r\n"),
        dripping(b"", b""),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "head", "silence", "informational"],
)
def test_many_short_waits_do_not_outlast_the_time_limit(fetch: Fetching, server: Server, answer: object) -> None:
    server.answers["/photo"] = answer  # type: ignore[assignment]
    began = time.monotonic()
    with pytest.raises(TooSlow):
        fetch("/photo", seconds=0.6)
    assert time.monotonic() - began < 2


def test_a_server_that_takes_a_connection_and_says_nothing_costs_the_time_limit(certificate: Certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fetcher = Fetcher(resolve=here, is_allowed=is_local_too, tls=certificate.client_side())
        began = time.monotonic()
        with pytest.raises(TooSlow):
            fetcher.fetch(
                f"https://{HOST}:{silent.getsockname()[1]}/photo",
                io.BytesIO(),
                allowed_hosts=[f"{HOST}:{silent.getsockname()[1]}"],
                headers={},
                announced="",
                most_bytes=MEGABYTE,
                deadline=Deadline(0.5),
            )
        assert time.monotonic() - began < 2


def test_a_name_server_that_hangs_costs_the_time_limit(fetch: Fetching, server: Server) -> None:
    def hangs(_host: str, _port: int) -> list[str]:
        server.released.wait(10)
        return [LOCAL[0]]

    began = time.monotonic()
    with pytest.raises(TooSlow):
        fetch("/photo", resolve=hangs, seconds=0.3)
    assert time.monotonic() - began < 2


def test_a_name_without_an_address_is_unreachable(fetch: Fetching) -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(Unreachable):
        fetch("/photo", resolve=unknown)


def test_a_body_that_breaks_off_may_be_asked_for_again(fetch: Fetching, server: Server) -> None:
    server.answers["/photo"] = broken_off(JPEG, len(JPEG) + 1)
    with pytest.raises(Unreachable) as told:
        fetch("/photo")
    assert told.value.retry_helps


@pytest.mark.parametrize(
    ("code", "expected", "retry_helps"),
    [
        (204, NotServed, False),
        (206, NotServed, False),
        (304, NotServed, False),
        (401, NotServed, False),
        (404, NotServed, False),
        (410, NotServed, False),
        (429, Unreachable, True),
        (500, Unreachable, True),
        (503, Unreachable, True),
    ],
)
def test_only_an_answer_with_a_file_is_taken(
    fetch: Fetching, server: Server, code: int, expected: type[FetchError], retry_helps: bool
) -> None:
    server.answers["/photo"] = status(code)
    with pytest.raises(expected) as told:
        fetch("/photo")
    assert told.value.retry_helps == retry_helps


@pytest.mark.parametrize(
    ("content", "served_as", "announced"),
    [
        (JPEG, "image/png", ""),
        (JPEG, "", "application/pdf"),
        (JPEG, "image/jpeg", "image/png"),
        (PDF, "image/jpeg", "image/jpeg"),
        (b"<html><script>", "image/jpeg", "image/jpeg"),
        (b"<html><script>", "", ""),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "image/svg+xml", ""),
        (b"GIF87b", "image/gif", ""),
        (b"junk" + PDF, "application/pdf", ""),
        (b"MZ\x90\0", "application/octet-stream", ""),
        (b"PK\x03\x04word/document.xml", "", ""),
        (b"OggS\0\x02" + b"\0" * 22 + b"\x80theora", "audio/ogg", ""),
        (b"\0\0\0\x18ftypevil", "video/mp4", ""),
        (b"", "image/jpeg", "image/jpeg"),
    ],
)
def test_what_is_not_what_it_was_said_to_be_is_refused(
    fetch: Fetching, server: Server, content: bytes, served_as: str, announced: str
) -> None:
    server.answers["/photo"] = file(content, served_as)
    with pytest.raises(WrongType):
        fetch("/photo", announced=announced)


@pytest.mark.parametrize(
    ("content", "served_as", "announced", "name"),
    [
        (JPEG, "binary/octet-stream", "image/jpg", "image/jpeg"),
        (PNG, "image/png; charset=binary", "", "image/png"),
        (PDF, "application/octet-stream", "", "application/pdf"),
        (OPUS, "audio/ogg", "audio/ogg; codecs=opus", "audio/ogg"),
        (MP4, "video/mp4", "audio/mp4", "video/mp4"),
        (b"GIF89a" + b"\0" * 9, "image/gif", "", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp", "", "image/webp"),
        (b"\0\0\0\x18ftypheic", "image/heif", "", "image/heic"),
        (b"\0\0\0\x1cftypM4A ", "audio/x-m4a", "", "audio/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime", "", "video/quicktime"),
        (b"\0\0\0\x143gp".replace(b"3gp", b"ftyp3gp4"), "video/3gpp", "", "video/3gpp"),
        (b"ID3\x04\0", "audio/mpeg", "", "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + b"\0" * 50, "audio/mp3", "", "audio/mpeg"),
        (b"\xff\xf1\x50\x80" + b"\0" * 50, "audio/aac", "", "audio/aac"),
        (b"#!AMR\n\x3c", "audio/amr", "", "audio/amr"),
    ],
)
def test_a_type_is_known_by_its_first_bytes(
    fetch: Fetching, server: Server, content: bytes, served_as: str, announced: str, name: str
) -> None:
    server.answers["/file"] = file(content, served_as)
    assert fetch("/file", announced=announced).media_type.name == name


def test_a_head_with_two_types_is_refused(fetch: Fetching, server: Server) -> None:
    server.answers["/photo"] = raw(HEAD + b"content-type: text/html\r\nConnection: close\r\n\r\n" + JPEG)
    with pytest.raises(ContentRefused):
        fetch("/photo")


def test_a_stand_in_on_this_machine_is_asked_without_tls(fetch: Fetching) -> None:
    with Server() as stand_in:
        stand_in.answers["/photo"] = file(JPEG)
        url = f"{stand_in.url}/photo"
        fetch(url, hosts=[allowed_host(stand_in.url)], is_allowed=is_public)
        assert fetch.written.getvalue() == JPEG
        with pytest.raises(AddressRefused):
            fetch(url, hosts=[f"127.0.0.1:{stand_in.port}", f"http://127.0.0.1:1{stand_in.port}"])
        assert len(stand_in.asked) == 1


@pytest.mark.parametrize("address", [METADATA, "10.0.0.1", "8.8.8.8"])
def test_a_stand_in_elsewhere_is_refused(fetch: Fetching, address: str) -> None:
    with pytest.raises(AddressRefused):
        fetch("http://stand-in.test:8000/photo", hosts=["http://stand-in.test:8000"], resolve=lambda *_: [address])


@pytest.mark.parametrize(
    ("api", "entry"),
    [
        ("https://api.twilio.com", "api.twilio.com"),
        ("https://graph.facebook.com/v23.0", "graph.facebook.com"),
        ("http://127.0.0.1:5005/v23.0", "http://127.0.0.1:5005"),
    ],
)
def test_the_entry_of_an_api_is_its_host(api: str, entry: str) -> None:
    assert allowed_host(api) == entry


def never(host: str, _port: int) -> list[str]:
    raise AssertionError(f"{host} was asked for")


ASKS_NOBODY = Fetcher(resolve=never)


@given(st.text() | st.from_regex(r"https?://[^ ]{0,40}") | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_whatever_the_address_only_listed_hosts_are_asked_for(url: str) -> None:
    with pytest.raises(AddressRefused):
        ASKS_NOBODY.fetch(
            url,
            io.BytesIO(),
            allowed_hosts=["api.provider.test"],
            headers={},
            announced="",
            most_bytes=1,
            deadline=Deadline(1),
        )


@given(st.binary(max_size=80))
def test_whatever_the_first_bytes_a_type_or_none_is_found(head: bytes) -> None:
    kind = sniffed(head)
    assert kind is None or kind.is_called(kind.name)


def test_work_that_ends_in_time_gives_its_result_or_error() -> None:
    assert within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
