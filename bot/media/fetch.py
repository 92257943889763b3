"""Fetches a file that somebody else named, without being led astray (server-side request forgery).

Only hosts of a list, only their public addresses, https only. A name is resolved once per hop, and the connection goes
to exactly that address, so that a second answer of the name server changes nothing; the certificate is still checked
against the name. Redirects are followed by hand, each one checked like the first address. Proxies named in the
environment are not used, they would resolve names themselves.

FetchError
+-- AddressRefused   scheme, host, port, address, or too many redirects
+-- ContentRefused   not taken, whatever is tried
|   +-- TooLarge     more bytes than wanted
|   `-- WrongType    no type we take, another one than announced, packed, or another checksum
+-- NotServed        the server has no such file, or not for us
`-- Unreachable      no connection, broken off, or the server is in trouble (retry helps)
    `-- TooSlow      not here in time (retry helps)
"""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlsplit

import httpcore
import httpx

from bot.errors import PortalError
from bot.media.pinned import Address, Pinned, Resolve, is_public, is_this_machine, system_resolve
from bot.media.time_limit import Deadline, within
from bot.media.types import SNIFFED_BYTES, MediaType, sniffed

MOST_REDIRECTS = 3
LONGEST_URL = 4096
REDIRECTS = (301, 302, 303, 307, 308)
PASSING = (408, 425, 429)
AGENT = "Sprachportal"


class FetchError(PortalError):
    """Nothing was fetched; `why` is a fixed word for it."""

    why = "failed"


class AddressRefused(FetchError):
    """We do not go there."""

    why = "address"


class ContentRefused(FetchError):
    """We do not take that."""

    why = "content"


class TooLarge(ContentRefused):
    """More bytes than wanted."""

    why = "too_large"


class WrongType(ContentRefused):
    """No type we take, or not what it was said to be."""

    why = "type"


class NotServed(FetchError):
    """The server does not give it to us."""

    why = "not_served"


class Unreachable(FetchError):
    """No connection, a broken one, or a server in trouble."""

    why = "unreachable"
    retry_helps = True


class TooSlow(Unreachable):
    """Not here in time."""

    why = "slow"


@dataclass(frozen=True)
class Fetched:
    """What was fetched: its type by its first bytes, its length in bytes, its checksum in hex."""

    media_type: MediaType
    size: int
    sha256: str


class Fetcher:
    """Fetches files.

    `resolve` gives the addresses of a host and port, `is_allowed` says which ones are connected to, `tls` whose
    certificates are believed.
    """

    def __init__(
        self,
        *,
        resolve: Resolve = system_resolve,
        is_allowed: Callable[[Address], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._tls = tls or httpx.create_ssl_context()

    def fetch(
        self,
        url: str,
        into: BinaryIO,
        *,
        allowed_hosts: Iterable[str],
        headers: Mapping[str, str],
        announced: str,
        most_bytes: int,
        deadline: Deadline,
    ) -> Fetched:
        """Write the file at `url` into an open one; what was written before an error is worth nothing.

        `allowed_hosts`: `host` (https, port 443), `host:port` (https), `*.domain` (https, 443, any host below it), or
        `http://host:port`, a stand-in on this machine. `headers` go to the first host only. `announced` is the media
        type that was told before, or empty. Raises `FetchError`.
        """
        allowed = tuple(allowed_hosts)
        first = address = _url(url)
        for _ in range(1 + MOST_REDIRECTS):
            own = headers if _origin(address) == _origin(first) else {}
            with self._answer(address, allowed, own, deadline) as answer:
                if answer.status not in REDIRECTS:
                    return _receive(answer, into, announced, most_bytes)
                onward = _header(answer, b"location")
            address = _url(onward, base=address)
        raise AddressRefused("too many redirects")

    @contextmanager
    def _answer(
        self, url: httpx.URL, allowed: Sequence[str], headers: Mapping[str, str], deadline: Deadline
    ) -> Iterator[httpcore.Response]:
        """The answer's head; the body is read within."""
        backend = Pinned(self._addresses(url, allowed, deadline), deadline)
        sent = {"Host": url.netloc.decode("ascii"), "User-Agent": AGENT, "Accept-Encoding": "identity", **headers}
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        with (
            _our_errors(),
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
            pool.stream("GET", target, headers=list(sent.items())) as answer,
        ):
            yield answer

    def _addresses(self, url: httpx.URL, allowed: Sequence[str], deadline: Deadline) -> list[str]:
        """Where the host of an allowed URL is; all of its addresses must be allowed ones."""
        is_allowed = self._rule(url, allowed)
        host, port = url.raw_host.decode("ascii"), _port(url)
        try:
            found = within(deadline.left(), lambda: self._resolve(host, port))
            addresses = [ipaddress.ip_address(one) for one in found]
        except TimeoutError as error:
            raise TooSlow("the name server does not answer in time") from error
        except (OSError, UnicodeError) as error:
            raise Unreachable("the host has no address") from error
        except ValueError as error:
            raise AddressRefused("an address that cannot be read") from error
        if not addresses or not all(is_allowed(address) for address in addresses):
            raise AddressRefused("the host is not on the public internet")
        return [str(address) for address in addresses]

    def _rule(self, url: httpx.URL, allowed: Sequence[str]) -> Callable[[Address], bool]:
        """Which addresses a URL may have: those of this machine for a stand-in, allowed ones for any other host."""
        host, port = url.raw_host.decode("ascii"), _port(url)
        if url.scheme == "http" and f"http://{url.netloc.decode('ascii')}" in allowed:
            return is_this_machine
        if url.scheme == "https" and any(_names(entry, host, port) for entry in allowed):
            return self._is_allowed
        raise AddressRefused("this scheme, host or port is not on the list")


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise TooSlow("not here in time") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Unreachable("the connection failed") from error


def _url(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """A URL that can be read in one way only."""
    try:
        url = base.join(text) if base else httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise AddressRefused("this is no URL") from error
    if not text or len(text) > LONGEST_URL or not url.raw_host or url.userinfo or "\\" in text:
        raise AddressRefused("this is no URL that we follow")
    return url


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _origin(url: httpx.URL) -> tuple[str, bytes, int]:
    return url.scheme, url.raw_host, _port(url)


def _names(entry: str, host: str, port: int) -> bool:
    if entry.startswith("*."):
        return port == 443 and host.endswith(entry[1:])
    return entry in (f"{host}:{port}", host if port == 443 else "")


def allowed_host(api: str) -> str:
    """What `allowed_hosts` says for the host of an API's base address."""
    parts = urlsplit(api)
    return f"http://{parts.netloc}" if parts.scheme == "http" else parts.netloc


def _header(answer: httpcore.Response, name: bytes) -> str:
    """A header that stands there at most once, empty without it."""
    found = [value for key, value in answer.headers if key.lower() == name]
    if len(found) > 1:
        raise ContentRefused("a header stands there twice")
    return found[0].decode("latin-1").strip() if found else ""


def _receive(answer: httpcore.Response, into: BinaryIO, announced: str, most_bytes: int) -> Fetched:
    _check_head(answer, most_bytes)
    digest, size, head = hashlib.sha256(), 0, b""
    for part in answer.iter_stream():
        size += len(part)
        if size > most_bytes:
            raise TooLarge("too large")
        digest.update(part)
        into.write(part)
        head += part[: SNIFFED_BYTES - len(head)]
    kind = sniffed(head)
    if kind is None or not kind.is_called(announced) or not kind.is_called(_header(answer, b"content-type")):
        raise WrongType("no type that we take, or not what it was said to be")
    return Fetched(kind, size, digest.hexdigest())


def _check_head(answer: httpcore.Response, most_bytes: int) -> None:
    """Nothing of the body is read of what will not be taken; a packed body is not taken, since we asked for none."""
    if answer.status >= 500 or answer.status in PASSING:
        raise Unreachable(f"the server says {answer.status}")
    if answer.status != 200:
        raise NotServed(f"the server says {answer.status}")
    if _header(answer, b"content-encoding").lower() not in ("", "identity"):
        raise WrongType("the body is packed")
    length = _header(answer, b"content-length")
    if length.isdecimal() and int(length) > most_bytes:
        raise TooLarge("too large")
