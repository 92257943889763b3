"""What becomes of an accepted message: sent, delivered, read, each told to the portal in its provider's way."""

from __future__ import annotations

from typing import Any

from bot.sandbox.accounts import Accounts
from bot.sandbox.courier import Courier, Webhook, meta_webhook, twilio_webhook
from bot.sandbox.faults import Faults
from bot.sandbox.inbound import BUSINESS_SCOPED, PREFIXES, messenger_event, whatsapp_change
from bot.sandbox.world import Message, World

UNDELIVERED = {"twilio": 30003, "whatsapp": 131026}
WINDOW_CLOSED = {"twilio": 63016, "whatsapp": 131047}
TITLES = {131026: "Message undeliverable", 131047: "Re-engagement message"}
UNREADABLE = ("sms",)


class Statuses:
    """Plans the statuses of messages, with the faults set for them."""

    def __init__(self, world: World, accounts: Accounts, courier: Courier, faults: Faults) -> None:
        self._world = world
        self._accounts = accounts
        self._courier = courier
        self._faults = faults

    def plan(self, message: Message, error: int | None = None) -> None:
        """Tell what becomes of it; with `error` it fails."""
        states, error = self._states(message, error)
        order = list(states)
        if self._faults.happens(self._faults.settings.reorder_statuses):
            self._faults.shuffle(order)
        seconds = 0.0
        for state in order:
            seconds += self._faults.pause()
            self._courier.later(self._webhook(message, state, error), seconds)
            if self._faults.happens(self._faults.settings.duplicate_statuses):
                self._courier.later(self._webhook(message, state, error), seconds + self._faults.pause())

    def _states(self, message: Message, error: int | None) -> tuple[list[str], int | None]:
        if (
            error is None
            and message.provider in UNDELIVERED
            and self._faults.happens(self._faults.settings.undelivered)
        ):
            error = UNDELIVERED[message.provider]
        if error is not None:
            return ["failed"], error
        return ["sent", "delivered"] if message.channel in UNREADABLE else ["sent", "delivered", "read"], None

    def _webhook(self, message: Message, state: str, error: int | None) -> Webhook:
        """The state's webhook; the state counts as reached with the first attempt to tell it."""
        told = self._reached(message, state, error)
        if message.provider == "twilio":
            form = self._twilio_form(message, state, error)
            return twilio_webhook(message.status_callback, form, self._accounts.twilio_token, told)
        if message.provider == "whatsapp":
            payload = whatsapp_change(self._accounts, {"statuses": [self._whatsapp_status(message, state, error)]})
            url = f"{self._courier.public_url}/webhooks/whatsapp"
        else:
            own = self._messenger_own(message, state)
            payload = messenger_event(self._accounts, message.recipient, own, self._world.clock())
            url = f"{self._courier.public_url}/webhooks/messenger"
        return meta_webhook(url, payload, self._accounts.meta_secret, told)

    def _reached(self, message: Message, state: str, error: int | None) -> Any:
        def told(_status: int) -> None:
            if state not in message.states:
                self._world.set_state(message, state, error)

        return told

    def _twilio_form(self, message: Message, state: str, error: int | None) -> dict[str, str]:
        prefix = PREFIXES[message.channel]
        form = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "MessageStatus": state,
            "SmsStatus": state,
            "AccountSid": self._accounts.twilio_account,
            "From": prefix + message.sender,
            "To": prefix + message.recipient,
            "ApiVersion": "2010-04-01",
        }
        if prefix:
            form |= {"ChannelPrefix": prefix.rstrip(":"), "ChannelToAddress": message.recipient}
        if state == "read":
            form["EventType"] = "READ"
        if error is not None:
            form["ErrorCode"] = str(error)
        return form

    def _whatsapp_status(self, message: Message, state: str, error: int | None) -> dict[str, Any]:
        status: dict[str, Any] = {
            "id": message.sid,
            "status": state,
            "timestamp": str(int(self._world.clock().timestamp())),
        }
        to_user = BUSINESS_SCOPED.fullmatch(message.recipient)
        status["recipient_user_id" if to_user else "recipient_id"] = message.recipient.lstrip("+")
        if message.delivery:
            status["biz_opaque_callback_data"] = message.delivery
        if error is not None:
            title = TITLES.get(error, "Error")
            status["errors"] = [{"code": error, "title": title, "message": title, "error_data": {"details": title}}]
        else:
            status["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "service"}
        return status

    def _messenger_own(self, message: Message, state: str) -> dict[str, Any]:
        if state == "sent":
            return {"message": _echo(message, self._accounts)}
        watermark = int(self._world.clock().timestamp() * 1000)
        if state == "delivered":
            return {"delivery": {"mids": [message.sid], "watermark": watermark}}
        return {"read": {"watermark": watermark}}


def tells_statuses(message: Message) -> bool:
    """Whether the portal wants to hear: Twilio needs an address for it."""
    return bool(message.status_callback) or message.provider != "twilio"


def _echo(message: Message, accounts: Accounts) -> dict[str, Any]:
    content = message.form.get("message", {})
    echo: dict[str, Any] = {"mid": message.sid, "is_echo": True, "app_id": int(accounts.app)}
    if "text" in content:
        echo["text"] = content["text"]
    if "attachment" in content:
        echo["attachments"] = [content["attachment"]]
    if message.delivery:
        echo["metadata"] = message.delivery
    return echo
