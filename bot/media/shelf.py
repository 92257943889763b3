"""Photos, documents and voice notes of customers: fetched once, kept as files, told to the customer.

Each attachment has a file of its own. A row is written when its outcome is known; a turn that is tried again finds it
there and fetches nothing.
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, cast

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from bot.database import transaction
from bot.errors import PortalError
from bot.media.fetch import ContentRefused, Fetched, Fetcher, FetchError, NotServed, WrongType, allowed_host
from bot.media.files import MediaFiles
from bot.media.retention import Retention
from bot.media.tables import MediaRow
from bot.media.time_limit import Deadline
from bot.media.transcriber import load_transcriber
from bot.media.words import SPOKEN, Arrival, Details, clean_name, told
from bot.messaging_settings import TWILIO_API
from bot.settings import Settings
from bot.tables import ContactRow, ConversationRow
from bot.texts import Texts
from bot.turns import Attachment, Turn, clean_text

log = logging.getLogger(__name__)
TYPES_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "image": ("image/",),
    "document": ("application/", "image/", "audio/", "video/"),
    "audio": ("audio/", "video/mp4", "video/3gpp"),
    "voice": ("audio/", "video/mp4", "video/3gpp"),
    "video": ("video/",),
}
TRANSCRIBE_SECONDS = 30.0
PAUSE_SECONDS = 0.5
TWILIO_MEDIA_HOSTS = ("*.twiliocdn.com", "*.amazonaws.com")

State = Literal["kept", "refused", "failed", "gone"]


@dataclass(frozen=True)
class Located:
    """Where an attachment is fetched from.

    `headers` (a credential) go to the first host only. `allowed_hosts` as in `bot.media.fetch`. `sha256` is stated by
    the provider, in hex or base64, if it states one.
    """

    url: str
    allowed_hosts: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    sha256: str | None = None


class MediaSource(Protocol):
    """Knows where a channel's attachments are."""

    def locate(self, attachment: Attachment, address: str) -> Located:
        """Where it is; `address` is the contact's. Raises `PortalError`, `retry_helps` when a moment later may do."""


class TwilioMedia:
    """Twilio's media: below its API, which leads on to a storage host.

    The account's credential goes to media of this account only, and not to where Twilio leads on
    (https://www.twilio.com/docs/messaging/api/media-resource).
    """

    def __init__(self, account: str, token: str, api: str = TWILIO_API) -> None:
        self._own = f"{api}/2010-04-01/Accounts/{account}/"
        self._credential = base64.b64encode(f"{account}:{token}".encode()).decode()
        self._hosts = (allowed_host(api), *TWILIO_MEDIA_HOSTS)

    def locate(self, attachment: Attachment, address: str) -> Located:
        """The attachment's MediaUrl."""
        is_own = attachment.source.startswith(self._own)
        headers = {"Authorization": f"Basic {self._credential}"} if is_own else {}
        return Located(attachment.source, self._hosts, headers)


@dataclass(frozen=True)
class Kept:
    """What became of one attachment; `file` is None unless `state` is kept, `why` a fixed word otherwise.

    `state` is gone for what was kept and is deleted now. `text` is what a voice note says, empty when it is not known.
    """

    position: int
    kind: str
    state: State
    why: str = ""
    media_type: str = ""
    file: Path | None = None
    text: str = ""


class Media:
    """Keeps what comes with turns, and deletes it again (`retention`); `sources` are by the name of the channel.

    Raises `SettingsError` at start.
    """

    def __init__(self, settings: Settings, sources: Mapping[str, MediaSource], texts: Texts) -> None:
        self._limits = settings.portal.messaging.media
        self._url = settings.database_url
        self._sources = sources
        self._texts = texts
        self._details = Details(settings.twilio_number if settings.phone_is_on else "", self._limits.most_megabytes)
        self._transcriber = load_transcriber(self._limits.transcriber)
        self._fetcher = Fetcher()
        self._files = MediaFiles(Path(self._limits.folder))
        self.retention = Retention(settings.database_url, self._files, settings.portal.messaging.media_days)

    def keep(self, turn: Turn) -> list[Kept]:
        """What became of each attachment of a turn, fetched now unless that was done before.

        All fetching of a turn together takes `messaging.media.seconds` at most, and listening half a minute more.
        Raises `StoreError`.
        """
        if not turn.attachments:
            return []
        known, address = self._known(turn)
        fetching, listening = Deadline(self._limits.seconds), Deadline(self._limits.seconds + TRANSCRIBE_SECONDS)
        kept = []
        for position, attachment in enumerate(turn.attachments):
            if position not in known:
                row = MediaRow(turn_id=turn.id, position=position, kind=attachment.kind[:20])
                self._fetch(row, turn, attachment, address, fetching)
                known[position] = self._heard(self._write(row), turn, listening)
            kept.append(known[position])
        return kept

    def text_of(self, turn: Turn, kept: Sequence[Kept]) -> str:
        """The turn's words: what was written, and what its voice notes say."""
        return clean_text("\n".join(text for text in (turn.text, *(one.text for one in kept)) if text))

    def named(self, turn: Turn, kept: Sequence[Kept], language: str) -> str:
        """What the customer is told of the attachments; empty when there is nothing to say."""
        arrivals = [
            Arrival(one.kind, one.state, one.why, clean_name(turn.attachments[one.position].name), bool(one.text))
            for one in kept
        ]
        return told(self._texts, arrivals, language, self._details)

    def _known(self, turn: Turn) -> tuple[dict[int, Kept], str]:
        """What was done before, by position, and the contact's address."""
        contact = select(ContactRow.address).join(ConversationRow).where(ConversationRow.id == turn.conversation)
        with transaction(self._url) as session:
            rows = session.scalars(select(MediaRow).where(MediaRow.turn_id == turn.id))
            return {row.position: self._kept(row) for row in rows}, session.scalars(contact).one()

    def _kept(self, row: MediaRow) -> Kept:
        file = self._files.path(row.file) if row.state == "kept" else None
        return Kept(row.position, row.kind, cast(State, row.state), row.why, row.media_type, file, row.text)

    def _fetch(self, row: MediaRow, turn: Turn, attachment: Attachment, address: str, deadline: Deadline) -> None:
        """Fill the row with the attachment's outcome."""
        try:
            fetched, row.file = self._patiently(row, turn, attachment, address, deadline)
        except (PortalError, OSError) as error:
            is_final = isinstance(error, PortalError) and not error.retry_helps
            row.state, row.why = "refused" if is_final else "failed", _why(error)
            log.warning("attachment %d of turn %s is %s: %s", row.position, turn.id, row.state, row.why)
        else:
            row.state, row.media_type = "kept", fetched.media_type.name
            row.bytes, row.sha256 = fetched.size, fetched.sha256

    def _patiently(
        self, row: MediaRow, turn: Turn, attachment: Attachment, address: str, deadline: Deadline
    ) -> tuple[Fetched, str]:
        """Try again while that can help and there is time, with growing pauses."""
        pause = PAUSE_SECONDS
        while True:
            try:
                return self._try(row, turn, attachment, address, deadline)
            except PortalError as error:
                if not error.retry_helps or deadline.left() <= pause:
                    raise
            time.sleep(pause)
            pause *= 2

    def _try(
        self, row: MediaRow, turn: Turn, attachment: Attachment, address: str, deadline: Deadline
    ) -> tuple[Fetched, str]:
        """Fetch into a file; what it is, and the file's name. Raises `PortalError`, and OSError of the disk."""
        if attachment.kind not in TYPES_OF_KIND:
            raise ContentRefused("attachments of this kind are not fetched")
        if turn.channel not in self._sources:
            raise NotServed("this channel is off")
        located = self._sources[turn.channel].locate(attachment, address)
        with self._files.part() as part:
            fetched = self._fetcher.fetch(
                located.url,
                part,
                allowed_hosts=located.allowed_hosts,
                headers=located.headers,
                announced=attachment.media_type,
                most_bytes=self._limits.most_megabytes * 1024 * 1024,
                deadline=deadline,
            )
            _check(fetched, attachment, located)
            return fetched, self._files.settle(part, fetched, turn.id, row.position)

    def _write(self, row: MediaRow) -> Kept:
        """Write the outcome down; when another process was faster, its outcome counts."""
        try:
            with transaction(self._url) as session:
                session.add(row)
                session.flush()
                return self._kept(row)
        except IntegrityError:
            same = (MediaRow.turn_id == row.turn_id) & (MediaRow.position == row.position)
            with transaction(self._url) as session:
                return self._kept(session.scalars(select(MediaRow).where(same)).one())

    def _heard(self, kept: Kept, turn: Turn, deadline: Deadline) -> Kept:
        """With what a voice note says; once only, so that a transcriber that kills the process does not do so twice."""
        if kept.kind not in SPOKEN or not kept.file or not self._transcriber or kept.text:
            return kept
        seconds = min(TRANSCRIBE_SECONDS, deadline.left())
        text = self._transcriber.text(kept.file, kept.media_type, turn.language, seconds=seconds)
        same = (MediaRow.turn_id == turn.id) & (MediaRow.position == kept.position)
        with transaction(self._url) as session:
            session.execute(update(MediaRow).where(same, MediaRow.state == "kept").values(text=text))
        return replace(kept, text=text)


def _why(error: PortalError | OSError) -> str:
    if isinstance(error, FetchError):
        return error.why
    return "disk" if isinstance(error, OSError) else "source"


def _check(fetched: Fetched, attachment: Attachment, located: Located) -> None:
    """Raises `WrongType` when it is no file of the attachment's kind, or not the one the provider has."""
    if not fetched.media_type.name.startswith(TYPES_OF_KIND[attachment.kind]):
        raise WrongType("no file of this kind")
    digest = bytes.fromhex(fetched.sha256)
    if located.sha256 and located.sha256 not in (fetched.sha256, base64.b64encode(digest).decode()):
        raise WrongType("another checksum than the provider's")
