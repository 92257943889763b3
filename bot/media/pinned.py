"""Connections to addresses that were looked at before: which addresses are public, and sockets that go there only."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

from bot.media.time_limit import Deadline

CONNECT_SECONDS = 3.0
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet; IPv4 addresses within IPv6 ones are looked at themselves."""
    if isinstance(address, ipaddress.IPv6Address):
        if inner := _inner(address):
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def system_resolve(host: str, port: int) -> list[str]:
    """A host's addresses as this machine knows them; raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_this_machine(address: Address) -> bool:
    """Whether an address is of the machine itself."""
    return address.is_loopback


class Pinned(httpcore.NetworkBackend):
    """Connects to these addresses, whatever name is asked for, and lets nothing last longer than the deadline."""

    def __init__(self, addresses: Sequence[str], deadline: Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address that takes one."""
        failed: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            seconds = min(CONNECT_SECONDS, _left(self._deadline))
            try:
                stream = self._sockets.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return Timed(stream, self._deadline)
        raise failed


class Timed(httpcore.NetworkStream):
    """A connection whose every step ends with the deadline: many short waits do not add up to a long one."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes."""
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All bytes."""
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection with TLS; `server_hostname` is the name, not the address."""
        return Timed(self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What the connection itself knows."""
        return self._stream.get_extra_info(info)


def _left(deadline: Deadline) -> float:
    if not (seconds := deadline.left()):
        raise httpcore.ReadTimeout("the time is over")
    return seconds
