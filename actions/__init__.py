"""What the bot can do for a customer: the shop's data and the actions that use it."""
