"""Twilio's signature: who asks is known before anything is read.

Signed are the address that Twilio was given and the form's parameters, HMAC-SHA1 with the account's token
(https://www.twilio.com/docs/usage/webhooks/webhooks-security). The address is rebuilt from our public base, never from
the Host header. A JSON body is not signed itself, only its hash in the address.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from flask import Request
from twilio.request_validator import HMAC_SHA1, RequestValidator
from werkzeug.datastructures import MultiDict

from bot.channels.base import raw_body
from bot.errors import BadRequest, Unauthorized

HEADER = "X-Twilio-Signature"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
BODY_HASH = "bodySHA256"
PORTS = {"https": 443, "http": 80}
MOST_BYTES = 64 * 1024
MOST_FIELDS = 200

Form = MultiDict[str, str]


class Signature:
    """Checks requests with the account's `token`; `public_url` is our base as Twilio knows it, without a slash."""

    def __init__(self, token: str, public_url: str, algorithm: str = HMAC_SHA1) -> None:
        self._validator = RequestValidator(token)
        self._public_url = public_url
        self._algorithm = algorithm

    def verified(self, request: Request) -> Form:
        """The form of a signed request; raises `Unauthorized` (403), or `BadRequest` for a body that is too large."""
        body = raw_body(request, MOST_BYTES)
        given = request.headers.getlist(HEADER)
        url = self._public_url + _path(request)
        if len(given) == 1 and request.mimetype == FORM:
            form = _form(body)
            if self.fits(url, form, given[0]):
                return form
        elif len(given) == 1 and request.mimetype == JSON and _has_hash(url, body) and self.fits(url, {}, given[0]):
            raise BadRequest("Twilio sends forms", status=415, code="not_form")
        raise Unauthorized("not signed by Twilio", status=403)

    def fits(self, url: str, form: Form | dict[str, str], given: str) -> bool:
        """Whether `given` is the signature of the form sent to this address, with or without its port."""
        try:
            expected = [self._validator.compute_signature(one, form, self._algorithm) for one in _with_ports(url)]
        except ValueError:
            return False
        signature = given.encode("utf-8", "surrogateescape")
        return any(hmac.compare_digest(one.encode(), signature) for one in expected)


def _path(request: Request) -> str:
    """Path and query as they were sent, percent signs untouched."""
    sent = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI")
    if not sent:
        query = request.query_string.decode("ascii", "replace")
        return quote(request.path) + (f"?{query}" if query else "")
    try:
        parts = urlsplit(str(sent))
    except ValueError as error:
        raise Unauthorized("the address cannot be read", status=403) from error
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _form(body: bytes) -> Form:
    """The body's parameters, empty ones too; an unreadable body has no signature that fits."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except UnicodeError as error:
        raise Unauthorized("the form cannot be read", status=403) from error
    except ValueError as error:
        raise BadRequest(f"more than {MOST_FIELDS} fields", status=413, code="too_large") from error
    return MultiDict(pairs)


def _has_hash(url: str, body: bytes) -> bool:
    stated = parse_qs(urlsplit(url).query).get(BODY_HASH, [])
    digest = hashlib.sha256(body).hexdigest().encode()
    return len(stated) == 1 and hmac.compare_digest(digest, stated[0].lower().encode())


def _with_ports(url: str) -> Iterator[str]:
    """The address with and without its port: Twilio signs some requests the one way, some the other."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    bare = host[: -len(str(parts.port)) - 1] if parts.port else host
    for netloc in (bare, f"{bare}:{parts.port or PORTS.get(parts.scheme, 80)}"):
        yield parts._replace(netloc=netloc).geturl()
