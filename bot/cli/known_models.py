"""The register of models as commands use it: opened, with who is at work, and the model a person means."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess

import click

from bot.cli.wiring import prepare_database
from bot.errors import PortalError
from bot.logs import set_up_logs
from bot.models import Register
from bot.settings import Settings, load_settings
from bot.training import Model, find_model


def open_register(settings: Settings) -> Register:
    """The register in the portal's database, its tables up to date."""
    set_up_logs(50)
    prepare_database(settings)
    return Register(settings.database_url)


def operator() -> str:
    """Who trains or promotes: `GIT_AUTHOR_NAME`, git's `user.name`, else the login name."""
    given = os.environ.get("GIT_AUTHOR_NAME")
    if given:
        return given
    try:
        return _git_name() or getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _git_name() -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    asked = subprocess.run([git, "config", "user.name"], capture_output=True, text=True, check=False)  # noqa: S603
    return asked.stdout.strip()


def register_trained(model: Model) -> None:
    """Write a model that was just trained to the register; without a database it is written when it is promoted."""
    try:
        open_register(load_settings()).add(model, by=operator())
    except PortalError as error:
        click.echo(f"The model is not in the register yet: {error.what}.", err=True)


def wanted_model(name: str) -> Model:
    """The model that a person means: `live` (which answers customers), `newest`, or (part of) a name.

    Raises `ModelMissing` when there is none, or when its file was cut or changed.
    """
    register = open_register(load_settings())
    return Model(register.present_file() if name == "live" else register.file_of(find_model(name)))
