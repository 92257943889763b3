"""`sprachportal parse` and `sprachportal chat`: what the bot understands, and a talk in the terminal."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import click

from bot.channels.forms import link_line, location_lines
from bot.cli import wiring
from bot.cli.known_models import wanted_model
from bot.cli.reading import load_agents
from bot.cli.train import Progress
from bot.errors import PortalError
from bot.logs import set_up_logs
from bot.rows import reply_of
from bot.settings import Settings, load_settings
from bot.turns import Choice, Incoming, Intent, clean_text, read_payload


@click.command()
@click.argument("text", required=False)
@click.option(
    "--model", default="live", show_default=True, help="Its name, `newest`, or `live`: who answers customers."
)
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="One text a line.")
@click.option("--channel", type=click.Choice(["chat", "voice"]), default="chat", show_default=True)
@click.option("--language", type=click.Choice(["de", "en"]), help="Otherwise it is guessed.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="The day that `morgen` is counted from.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per text.")
def parse(**options: Any) -> None:
    """Show what a model understands of TEXT, of a FILE, or of standard input."""
    set_up_logs(50)
    _read_settings()
    texts = _texts(options["text"], options["file"])
    model = wanted_model(options["model"])
    with Progress("Loading the model"):
        (agent,) = load_agents(model.file)
    click.echo(f"Read by {model.name}:", err=True)
    today = options["today"].date() if options["today"] else date.today()
    for text in texts:
        understood = understand(agent, text, options["channel"], options["language"], today)
        click.echo(json.dumps(understood, ensure_ascii=False) if options["as_json"] else _readable(understood))


def _read_settings() -> Settings:
    """The settings; what looks for the database in the environment finds the one of a `.env` file, too."""
    settings = load_settings()
    os.environ["DATABASE_URL"] = settings.database_url
    return settings


def _texts(text: str | None, file: Path | None) -> Iterable[str]:
    if text is not None and file is not None:
        raise click.UsageError("give a TEXT or --file FILE, not both")
    if text is not None:
        return [text]
    if file is not None:
        return _lines(file)
    if sys.stdin.isatty():
        raise click.UsageError("give a TEXT, --file FILE, or texts on standard input")
    return (line.rstrip("\n") for line in sys.stdin)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise PortalError(
            f"{file} is not a text in UTF-8", f"save it as UTF-8; byte {error.start + 1} is none"
        ) from error
    except OSError as error:
        raise PortalError(f"{file} cannot be read: {error.strerror}", "look at its permissions") from error


def understand(agent: Any, text: str, channel: str, language: str | None, today: date) -> dict[str, Any]:
    """What the model makes of a text: intent, confidence, ranking, entities with normalised values."""
    from rasa.core.channels.channel import UserMessage

    cleaned = clean_text(text)
    guess = wiring.guess_language(cleaned)
    spoken = language or (guess[0] if guess else "de")
    metadata = {"channel": channel, "language": spoken, "today": today.isoformat()}
    parsed = asyncio.run(agent.processor.parse_message(UserMessage(cleaned, metadata=metadata)))
    ranking = [
        {"name": i["name"], "confidence": round(float(i["confidence"]), 4)} for i in parsed["intent_ranking"][:5]
    ]
    return {
        "text": text,
        "language": spoken,
        "intent": parsed["intent"]["name"],
        "confidence": round(float(parsed["intent"]["confidence"]), 4),
        "ranking": ranking,
        "entities": [_entity(found) for found in parsed["entities"]],
    }


def _entity(found: dict[str, Any]) -> dict[str, Any]:
    wanted = ("entity", "value", "start", "end", "alternatives")
    return {name: found[name] for name in wanted if name in found}


def _readable(understood: dict[str, Any]) -> str:
    values = ", ".join(f"{e['entity']}={e['value']}" for e in understood["entities"])
    return f"{understood['intent']:22} {understood['confidence']:.2f}  {understood['text']}" + (
        f"  [{values}]" if values else ""
    )


@click.command()
@click.option("--language", type=click.Choice(["de", "en"]), default="de", show_default=True)
def chat(language: str) -> None:
    """Talk to the bot in the terminal. A number picks a choice; an empty line or Ctrl+D ends."""
    set_up_logs(50)
    settings = _read_settings()
    wiring.prepare_database(settings)
    wiring.require_company(settings)
    conversations = wiring.build_conversations(settings)
    conversations.engine.start()
    with Progress("Loading the model"):
        wiring.wait_until_ready(conversations)
    talk = TerminalTalk(conversations, language)
    talk.say("", Intent("conversation_started"))
    while line := _read_line():
        talk.answer(line)
    conversations.engine.stop()


def _read_line() -> str:
    try:
        return input("> ").strip()
    except (EOFError, KeyboardInterrupt):
        click.echo()
        return ""


class TerminalTalk:
    """One conversation in the terminal."""

    def __init__(self, conversations: Any, language: str) -> None:
        self._conversations = conversations
        self._language = language
        self._conversation = conversations.store.open_conversation("terminal", uuid.uuid4().hex, language)
        self._choices: list[Choice] = []

    def answer(self, line: str) -> None:
        """Say a line, or pick the choice with this number."""
        if line.isdecimal() and 0 < int(line) <= len(self._choices):
            choice = self._choices[int(line) - 1]
            self.say(choice.title, read_payload(choice.payload))
        else:
            self.say(line, None)

    def say(self, text: str, intent: Intent | None) -> None:
        """Take the turn in, have it answered and print what is said back."""
        turn_id = uuid.uuid4().hex
        incoming = Incoming("terminal", "", turn_id, text=text, intent=intent, conversation=self._conversation)
        received = self._conversations.receive(incoming, language=self._language)
        self._conversations.handle(self._conversation)
        replies, effects = self._conversations.store.answer_to(received.turn_id)
        for reply in map(reply_of, replies):
            beside = (link_line(reply), location_lines(reply.location) if reply.location else "", reply.image)
            click.secho("\n".join(line for line in (reply.text, *beside) if line), fg="green")
        self._choices = [Choice(**choice) for reply in replies for choice in reply.choices]
        for number, choice in enumerate(self._choices, 1):
            click.echo(f"  {number}  {choice.title}")
        for effect in effects:
            click.secho(f"  [{effect.name} {json.dumps(effect.data)}]", dim=True)
