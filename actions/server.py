"""All our actions for an action server of their own: `python -m rasa_sdk --actions actions.server`."""

from actions.executor import load_topics

load_topics()
