"""`python -m bot.cli` is the command `sprachportal`."""

from bot.cli import main

main()
