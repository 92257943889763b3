"""The types of media that are taken, known by their first bytes alone.

Left out on purpose is what programs open by running parts of it: office documents, archives, web pages, SVG. Plain text
has no first bytes that tell it apart.
"""

from __future__ import annotations

from dataclasses import dataclass

SNIFFED_BYTES = 64
SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})


@dataclass(frozen=True)
class MediaType:
    """A type: its name, its files' extension, and what else it may be called."""

    name: str
    extension: str
    also: frozenset[str] = frozenset()

    def is_called(self, announced: str) -> bool:
        """Whether a content type such as `audio/ogg; codecs=opus` is this one; one that says nothing is."""
        name = announced.partition(";")[0].strip().lower()
        return name in SAYS_NOTHING or name == self.name or name in self.also


JPEG = MediaType("image/jpeg", "jpg", frozenset({"image/jpg", "image/pjpeg"}))
PNG = MediaType("image/png", "png")
GIF = MediaType("image/gif", "gif")
WEBP = MediaType("image/webp", "webp")
HEIC = MediaType("image/heic", "heic", frozenset({"image/heif", "image/heic-sequence", "image/heif-sequence"}))
PDF = MediaType("application/pdf", "pdf", frozenset({"application/x-pdf"}))
OGG = MediaType("audio/ogg", "ogg", frozenset({"audio/opus", "audio/vorbis", "audio/x-ogg", "application/ogg"}))
MP3 = MediaType("audio/mpeg", "mp3", frozenset({"audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/mpg"}))
AAC = MediaType("audio/aac", "aac", frozenset({"audio/aacp", "audio/x-aac", "audio/x-hx-aac-adts"}))
AMR = MediaType("audio/amr", "amr", frozenset({"audio/amr-wb", "audio/3gpp"}))
M4A = MediaType("audio/mp4", "m4a", frozenset({"audio/m4a", "audio/x-m4a", "audio/aac", "video/mp4"}))
MP4 = MediaType("video/mp4", "mp4", frozenset({"audio/mp4", "audio/m4a", "audio/x-m4a", "audio/aac", "video/x-m4v"}))
THREE_GP = MediaType("video/3gpp", "3gp", frozenset({"video/3gpp2", "audio/3gpp", "audio/3gpp2", "video/mp4"}))
MOV = MediaType("video/quicktime", "mov", frozenset({"video/mp4"}))

STARTS = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"%PDF-", PDF),
    (b"ID3", MP3),
    (b"#!AMR\n", AMR),
    (b"#!AMR-WB\n", AMR),
)
OGG_CODECS = (b"OpusHead", b"\x01vorbis", b"Speex   ")
BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIC),
    **dict.fromkeys((b"M4A ", b"M4B "), M4A),
    **dict.fromkeys((b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash"), MP4),
    **dict.fromkeys((b"MSNV", b"M4V ", b"mmp4"), MP4),
    **dict.fromkeys((b"3gp4", b"3gp5", b"3gp6", b"3gp7", b"3g2a", b"3ge6", b"3gg6"), THREE_GP),
    b"qt  ": MOV,
}
LAYER_III, LAYER_OF_AAC = 0b01, 0b00


def sniffed(head: bytes) -> MediaType | None:
    """The type whose file begins with `head` (`SNIFFED_BYTES` of it are enough), None when it is none of ours."""
    for start, kind in STARTS:
        if head.startswith(start):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head.startswith(b"OggS"):
        return OGG if head[28:].startswith(OGG_CODECS) else None
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12])
    return _frame(head)


def _frame(head: bytes) -> MediaType | None:
    """MP3 and AAC without a container begin with the header of a frame (ISO 11172-3 §2.4.2.3, ISO 13818-7 §6.2)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xF0 != 0xF0:
        return None
    layer, bitrate, rate = head[1] >> 1 & 0b11, head[2] >> 4, head[2] >> 2 & 0b11
    if layer == LAYER_III and bitrate not in (0, 15) and rate != 3:
        return MP3
    return AAC if layer == LAYER_OF_AAC and head[2] >> 2 & 0b1111 < 13 else None
