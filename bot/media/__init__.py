"""What customers send along: fetched under strict rules, kept as files, named to the customer."""

from bot.media.shelf import Kept, Located, Media, MediaRow, MediaSource, TwilioMedia

__all__ = ["Kept", "Located", "Media", "MediaRow", "MediaSource", "TwilioMedia"]
