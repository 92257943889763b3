"""Twilio's error codes and statuses, with what they mean for a delivery.

Codes come in the answer to a sending, or later in a status callback. A code that is not here is one that sending again
does not help. Sources: https://www.twilio.com/docs/api/errors, https://www.twilio.com/docs/messaging/api/message-resource.
"""

from __future__ import annotations

from bot.channels.events import State
from bot.channels.outlet import DeliveryError, NotTaken, OptedOut, Refused, WindowClosed

CODES: dict[str, tuple[type[DeliveryError], str]] = {
    # The portal or the account.
    "20003": (NotTaken, "Twilio does not accept TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
    "20404": (Refused, "what was asked for does not exist"),
    "20429": (NotTaken, "too many requests at once"),
    "14107": (NotTaken, "too many messages at once"),
    "21408": (Refused, "the account may not send to this country"),
    "21606": (Refused, "our number cannot send text messages"),
    "21608": (Refused, "a trial account sends to verified numbers only"),
    "21609": (Refused, "the address for status callbacks is not accepted: check SPRACHPORTAL_PUBLIC_URL"),
    "21611": (NotTaken, "too many messages of our number wait"),
    "21617": (Refused, "the text is too long"),
    "21619": (Refused, "there is neither text nor media"),
    "21620": (Refused, "the media address is not accepted"),
    "21655": (Refused, "there is no such content"),
    "21656": (Refused, "the content's variables are not accepted"),
    "63007": (Refused, "our number or page is not connected to this channel at Twilio"),
    "63038": (NotTaken, "the account's messages for today are used up"),
    # The customer.
    "21211": (Refused, "the customer's number is none"),
    "21610": (OptedOut, "the customer does not want text messages"),
    "21612": (Refused, "our number cannot reach the customer's"),
    "21614": (Refused, "the customer's number takes no text messages"),
    "30003": (Refused, "the phone cannot be reached"),
    "30004": (Refused, "the phone or its network blocks the message"),
    "30005": (Refused, "the number is not in use"),
    "30006": (Refused, "the number is a landline or cannot be reached"),
    "63003": (Refused, "the customer is not known on this channel"),
    "63015": (Refused, "the customer has not joined the WhatsApp sandbox"),
    "63024": (Refused, "the customer cannot receive messages of this kind"),
    # The message and its way.
    "30001": (NotTaken, "too many messages wait"),
    "30007": (Refused, "the network filtered the message"),
    "30008": (Refused, "the network did not say why"),
    "63005": (Refused, "the channel does not accept the content"),
    "63013": (Refused, "the channel's policy forbids the message"),
    "63016": (WindowClosed, "the customer has not written for 24 hours"),
    "63018": (NotTaken, "too many messages to the channel"),
    "63021": (Refused, "the channel does not accept the content"),
}
# No message gets through until somebody acts.
FOR_ALL = frozenset({"20003", "63038"})
# Twilio's own limits on contents: the same words as plain text are taken.
CONTENT_CODES = frozenset({"20404", "21655", "21656", "63021"})

STATES: dict[str, State] = {
    "accepted": "sent",
    "scheduled": "sent",
    "queued": "sent",
    "sending": "sent",
    "sent": "sent",
    "delivered": "delivered",
    "partially_delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}


def error_of(code: str, retry_after: float | None = None) -> DeliveryError:
    """The error for a sending that Twilio answered with this code."""
    kind, meaning = CODES.get(code, (Refused, "Twilio refused the message"))
    if kind is NotTaken:
        return NotTaken(meaning, code, retry_after, for_all=code in FOR_ALL)
    return kind(meaning, code)
