"""What customers send along: fetched under strict rules, kept as files for a while, named to the customer."""

from bot.media.shelf import Kept, Located, Media, MediaSource, TwilioMedia
from bot.media.tables import MediaRow

__all__ = ["Kept", "Located", "Media", "MediaRow", "MediaSource", "TwilioMedia"]
