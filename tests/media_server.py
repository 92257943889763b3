"""A real file server on this machine, plain or with TLS, that can misbehave; and certificates for it."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"photo" * 100
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
PDF = b"%PDF-1.7\n" + b"invoice" * 50
OPUS = b"OggS\0\x02" + b"\0" * 22 + b"OpusHead" + b"\0" * 80
MP4 = b"\0\0\0\x18ftypmp42" + b"\0" * 80
DRIPPING_SECONDS = 10

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's `answers` say for the path."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(Asked(self.path, dict(self.headers.items())))
        self.close_connection = True
        try:
            self.server.answers[self.path](self)
        except (BrokenPipeError, ConnectionError, ssl.SSLError):
            self.server.hung_up.set()

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    path: str
    headers: dict[str, str] = field(repr=False)


class Server(ThreadingHTTPServer):
    """Serves `answers`, by path, on a free port; `asked` are the requests, `names` those that TLS was asked for."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []
        self.names: list[str | None] = []
        self.hung_up = threading.Event()
        self.released = threading.Event()
        if tls:
            tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is tested."""

    def __enter__(self) -> Server:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()


def file(content: bytes, kind: str = "", **headers: str) -> Answer:
    """The whole file."""

    def answer(handler: Handler) -> None:
        own = {"Content-Length": str(len(content)), **({"Content-Type": kind} if kind else {})}
        handler.head(200, {**own, **{name.replace("_", "-"): value for name, value in headers.items()}})
        handler.wfile.write(content)

    return answer


def status(code: int, **headers: str) -> Answer:
    """Nothing but a status."""
    return lambda handler: handler.head(code, {"Content-Length": "0", **headers})


def redirect(url: str, code: int = 307) -> Answer:
    return status(code, Location=url)


def endless(start: bytes) -> Answer:
    """A body that does not end, as fast as it goes."""

    def answer(handler: Handler) -> None:
        handler.head(200, {"Content-Type": "image/jpeg"})
        handler.wfile.write(start)
        while not handler.server.released.is_set():
            handler.wfile.write(b"\0" * 65536)

    return answer


def dripping(before: bytes, piece: bytes) -> Answer:
    """Raw bytes, and then a piece every now and then, for much longer than anybody should wait."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(before)
        end = time.monotonic() + DRIPPING_SECONDS
        while time.monotonic() < end and not handler.server.released.wait(0.05):
            handler.wfile.write(piece)

    return answer


def raw(content: bytes) -> Answer:
    """These bytes, head and all."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(content)

    return answer


def broken_off(content: bytes, announced: int) -> Answer:
    """Fewer bytes than announced."""

    def answer(handler: Handler) -> None:
        handler.head(200, {"Content-Length": str(announced)})
        handler.wfile.write(content)

    return answer


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself: what the server shows, and what a client that believes it uses."""

    file: Path

    def server_side(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context

    def client_side(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.file))


def make_certificate(folder: Path, *names: str) -> Certificate:
    """A certificate for these hosts, valid for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "certificate.pem"
    path.write_bytes(private + certificate.public_bytes(pem))
    return Certificate(path)
