"""Local stand-ins for Twilio's REST API and Meta's Graph, with customers to play: for development and tests only."""

from bot.sandbox.accounts import Accounts
from bot.sandbox.customer import Customer
from bot.sandbox.faults import FaultSettings
from bot.sandbox.inbound import Event
from bot.sandbox.server import Approved, Sandbox
from bot.sandbox.world import Message, Option, Place, Shown, Violation

__all__ = [
    "Accounts",
    "Approved",
    "Customer",
    "Event",
    "FaultSettings",
    "Message",
    "Option",
    "Place",
    "Sandbox",
    "Shown",
    "Violation",
]
