"""All our actions, for rasa-sdk's own action server."""

from actions.executor import load_topics

load_topics()
