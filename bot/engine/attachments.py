"""What a response of the domain brings along beside its words: a link, a location.

In `bot/domain` it stands as Rasa's `attachment`, with placeholders as in the text:

    attachment:
      link: {title: "Sendung verfolgen", url: "{url}"}
      location: {latitude: "{latitude}", longitude: "{longitude}", name: "{store}", address: "{address}"}

A part whose placeholders were filled with nothing, or with what is no address of a page or place, is left out.
"""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import urlsplit

from bot.turns import Link, Location

LONGEST_URL = 2000
NOT_IN_A_URL = re.compile(r"[\s\x00-\x20\x7f\"<>\\^`{|}]")


def link_in(attachment: Any) -> Link | None:
    """The link in an attachment; None when there is none, or its address is no plain https one."""
    found = _part(attachment, "link")
    title, url = str(found.get("title") or "").strip(), str(found.get("url") or "").strip()
    return Link(title, url) if title and is_page(url) else None


def location_in(attachment: Any) -> Location | None:
    """The location in an attachment; None when there is none, or its degrees are none."""
    found = _part(attachment, "location")
    latitude, longitude = _degrees(found.get("latitude"), 90), _degrees(found.get("longitude"), 180)
    if latitude is None or longitude is None:
        return None
    return Location(latitude, longitude, str(found.get("name") or ""), str(found.get("address") or ""))


def is_page(url: str) -> bool:
    """Whether this is the whole https address of a page, without a login in it."""
    if len(url) > LONGEST_URL or NOT_IN_A_URL.search(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def _part(attachment: Any, name: str) -> dict[str, Any]:
    found = attachment.get(name) if isinstance(attachment, dict) else None
    return found if isinstance(found, dict) else {}


def _degrees(given: Any, most: float) -> float | None:
    try:
        degrees = float(given)
    except (TypeError, ValueError):
        return None
    return degrees if math.isfinite(degrees) and abs(degrees) <= most else None
