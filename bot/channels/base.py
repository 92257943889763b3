"""What all channels have in common: read the request within limits, answer errors as JSON."""

from __future__ import annotations

import hmac
from typing import Any, TypeVar

import msgspec
from flask import Request, Response

from bot.errors import BadRequest, Unauthorized

MOST_BYTES = 64 * 1024
T = TypeVar("T")


def json_body(request: Request, form: type[T], *, most_bytes: int = MOST_BYTES) -> T:
    """The request's JSON body in this form; raises `BadRequest` with what is wrong, never with what was said."""
    body = raw_body(request, most_bytes)
    if request.mimetype != "application/json":
        raise BadRequest("the body must be JSON (content type application/json)", status=415, code="not_json")
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        raise BadRequest(f"the JSON does not fit: {error}", code="wrong_form") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("the body is no valid JSON in UTF-8", code="not_json") from error


def raw_body(request: Request, most_bytes: int) -> bytes:
    """The body as it came, at most `most_bytes`; packed bodies are refused."""
    if request.headers.get("Content-Encoding"):
        raise BadRequest("packed bodies are not accepted", status=415, code="packed")
    if (request.content_length or 0) > most_bytes:
        raise too_large(most_bytes)
    body = request.stream.read(most_bytes + 1)
    if len(body) > most_bytes:
        raise too_large(most_bytes)
    return body


def too_large(most_bytes: int) -> BadRequest:
    """The error for a body over the limit."""
    return BadRequest(f"the body is larger than {most_bytes} bytes", status=413, code="too_large")


def bearer(request: Request) -> str:
    """The bearer token of the request; empty when there is none."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def require_bearer(request: Request, expected: str) -> None:
    """Compare the bearer token in constant time; raises `Unauthorized`."""
    given = bearer(request).encode("utf-8", "replace")
    if not expected or not hmac.compare_digest(given, expected.encode()):
        raise Unauthorized("a valid bearer token is missing")


def json_answer(data: Any, status: int = 200) -> Response:
    """A JSON answer that nobody caches."""
    body = msgspec.json.encode(data)
    return Response(body, status, {"Cache-Control": "no-store"}, content_type="application/json")


def error_answer(error: BadRequest) -> Response:
    """A refusal in JSON."""
    answer = json_answer({"error": {"code": error.code, "message": error.what}}, error.status)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if error.status in (429, 503):
        answer.headers["Retry-After"] = "2"
    return answer
