"""`sprachportal call`: a simulated phone call in the terminal, against the running portal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

import click
import httpx
import phonenumbers

from bot.errors import SettingsError
from bot.settings import for_demo, load_settings
from voice.phone import WITHHELD, Call, Heard, Line, NotListening

with contextlib.suppress(ImportError):
    import readline  # noqa: F401 - gives `input` arrow keys and a history where there is a terminal for it

DEFAULT_URL = "http://127.0.0.1:8080"
STRANGER = "+491713920099"
READY_SECONDS = 3.0
HELP = """\
  Type what you say and press Enter.
  #123      press keys, such as #10482917# (a # at the end says that the number is complete)
  (empty)   say nothing
  /hangup   end the call; /help shows this again
"""


@click.command()
@click.option("--url", default=DEFAULT_URL, show_default=True, help="Where the portal listens.")
@click.option(
    "--from", "caller", default=STRANGER, show_default=True, help="The caller's number; 'anonymous' withholds it."
)
def call(url: str, caller: str) -> None:
    """Call the running portal: type what you say, #123 for keys, nothing for silence."""
    phone = Call(_line(url.rstrip("/")), caller=_checked(caller))
    click.secho(f"  Calling {phone.line.number} at {url} as {phone.caller}", dim=True)
    click.secho(HELP, dim=True)
    phone.ring()
    try:
        _converse(phone)
    except KeyboardInterrupt:
        click.echo()
    phone.hang_up()
    click.secho(f"  The call has ended after {_minutes(phone.seconds)} on the phone's clock.", dim=True)
    if any(heard.kind == "problem" for heard in phone.heard):
        click.secho(_advice(phone), fg="yellow")
        sys.exit(1)


def _advice(phone: Call) -> str:
    """What to do about a call that broke off."""
    status = phone.exchanges[-1].status if phone.exchanges else 0
    advice = {
        403: "the signature does not fit: give --url as the portal knows itself, with the same TWILIO_* settings",
        404: "the portal takes no calls: start it with --demo, or set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
    }
    return f"What to do: {advice.get(status, 'look at what the portal logs')}"


def _checked(caller: str) -> str:
    try:
        number = phonenumbers.parse(caller)
    except phonenumbers.NumberParseException:
        number = None
    if caller != WITHHELD and not (number and phonenumbers.is_possible_number(number)):
        raise click.UsageError(f"--from must be a number such as {STRANGER}, or {WITHHELD}")
    return caller


def _line(url: str) -> Line:
    """A line with the portal's own credentials, those of the demo where none are set."""
    settings = for_demo(load_settings(), url)
    client = httpx.Client()
    try:
        ready = client.get(f"{url}/readyz", timeout=READY_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SettingsError(
            f"no portal answers at {url}", "start one: make run, or give its address with --url"
        ) from error
    if ready.status_code != 200:
        click.secho("  The portal is still starting; it will say so itself.", fg="yellow")
    key, algorithm = settings.twilio_signing
    account, number = settings.twilio_account, settings.twilio_number
    return Line(client, settings.public_url, account, key, number, send_to=url, algorithm=algorithm)


def _converse(phone: Call) -> None:
    while not phone.ended:
        while phone.due:
            for heard in phone.advance():
                _tell(heard)
        if not phone.ended:
            _take_line(phone)


def _take_line(phone: Call) -> None:
    """One line of the caller's; what the call does not take is explained and asked for again."""
    try:
        line = input("You     ").strip()
    except EOFError:
        click.echo()
        line = "/hangup"
    try:
        _do(phone, line)
    except NotListening as error:
        click.secho(f"  {error.what}", fg="yellow")


def _do(phone: Call, line: str) -> None:
    commands: dict[str, Callable[[], None]] = {
        "": phone.stay_silent,
        "/hangup": phone.hang_up,
        "/help": lambda: click.secho(HELP, dim=True),
    }
    if line in commands:
        commands[line]()
    elif line.startswith("/"):
        click.secho(HELP, dim=True)
    elif line[0] in "#*":
        phone.press(_keys(line))
    else:
        phone.speak(line)


def _keys(line: str) -> str:
    """The keys of a line: `#123` is 123, a lone `#` is that key, `*` needs no `#` before it."""
    keys = line.replace(" ", "")
    return keys[1:] if keys.startswith("#") and len(keys) > 1 else keys


def _tell(heard: Heard) -> None:
    if heard.kind == "say":
        click.echo(click.style("Portal  ", fg="green", bold=True) + heard.text)
        return
    lines = {
        "pause": f"(a pause of {heard.seconds:.0f} s)",
        "play": f"(a sound: {heard.text})",
        "dial": f"(connecting to {heard.text}; nobody answers in a simulated call)",
        "hangup": "(the portal hangs up)",
        "problem": f"The call broke off. {heard.text}",
    }
    click.secho(f"  {lines[heard.kind]}", fg="red" if heard.kind == "problem" else None, dim=heard.kind != "problem")


def _minutes(seconds: float) -> str:
    return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"
