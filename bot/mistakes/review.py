"""What a person decides on a sentence of the inbox, and what comes of it; for the terminal and for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.mistakes.clusters import Cluster, Embed, cluster
from bot.mistakes.consent import OUT_OF_SCOPE
from bot.mistakes.examples import Added, Examples, require_new_name
from bot.mistakes.fill import fill
from bot.mistakes.store import Mistake, MistakeError, Mistakes

STILL_NEEDED = (
    "bot/domain/{topic}.yml: `- {intent}: {{use_entities: []}}` under intents, and what is said, in every language",
    "stories/{topic}.yml: a rule that begins with {intent}",
    "nlu_data/{topic}.de.yml and {topic}.en.yml: more sentences (sprachportal validate says how many)",
    "tests/e2e/{topic}.yml: a conversation; docs/topics.md shows all of it",
)
NEXT_STEPS = (
    "git diff nlu_data",
    "sprachportal validate",
    "sprachportal train",
    "sprachportal test",
)


@dataclass(frozen=True)
class Decision:
    """What a sentence is; `intent` for another or a new intent, `topic` for a new one.

    right: the likeliest intent was meant. delete: nothing is learnt from it, and it does not come back.
    """

    kind: Literal["right", "intent", "new_intent", "out_of_scope", "delete"]
    intent: str | None = None
    topic: str | None = None


@dataclass(frozen=True)
class Done:
    """A decision that was carried out; `added` is the new example, `known_at` where the same one stood already."""

    mistake: Mistake
    decision: Decision
    label: str | None
    added: Added | None = None
    known_at: str | None = None

    @property
    def todo(self) -> tuple[str, ...]:
        """What a new intent needs besides its first sentence."""
        if self.decision.kind != "new_intent":
            return ()
        return tuple(line.format(topic=self.decision.topic, intent=self.label) for line in STILL_NEEDED)


class Review:
    """The decisions of one person, `by`, on the sentences of the inbox."""

    def __init__(self, mistakes: Mistakes, examples: Examples, *, by: str) -> None:
        self._mistakes = mistakes
        self.examples = examples
        self._by = by

    def clusters(self, embed: Embed) -> list[Cluster]:
        """The undecided sentences, those of one meaning together, the most frequent first."""
        return cluster(self._mistakes.open(), embed)

    def decide(self, mistake_id: int, decision: Decision) -> Done:
        """Carry a decision out: the sentence becomes an example, or is deleted.

        Raises `MistakeError` when it is decided already, or cannot become an example of this intent.
        """
        with self.examples.locked():
            mistake = self._mistakes.get(mistake_id)
            done = self._learnt(mistake, decision) if decision.kind != "delete" else Done(mistake, decision, None)
            self._mistakes.settle(mistake.id, decision.kind, label=done.label, by=self._by)
            return done

    def undo(self, done: Done) -> None:
        """Take a decision back; raises `MistakeError` when the example was changed since."""
        with self.examples.locked():
            if done.added:
                self.examples.remove(done.added)
            self._mistakes.reopen(done.mistake)

    def _learnt(self, mistake: Mistake, decision: Decision) -> Done:
        label = self._label(mistake, decision)
        text = fill(mistake.text, self.examples.marked())
        known = self.examples.find(text)
        if known and known.intent != label:
            raise MistakeError(
                f"the sentence stands in {known.intent} already ({known.where})", "move it there by hand"
            )
        if known:
            return Done(mistake, decision, label, known_at=known.where)
        added = self.examples.add(text, label, mistake.language, decision.topic)
        return Done(mistake, decision, label, added)

    def _label(self, mistake: Mistake, decision: Decision) -> str:
        if decision.kind == "out_of_scope":
            return OUT_OF_SCOPE
        if decision.kind == "right":
            return mistake.intent or _refuse("the model had no guess for this sentence", "choose an intent")
        intent = decision.intent or _refuse("an intent is missing", "give its name")
        if decision.kind == "new_intent":
            require_new_name(intent, self.examples.intents())
        elif intent not in self.examples.intents():
            raise MistakeError(f"there is no intent {intent}", "choose one of nlu_data, or make a new one")
        return intent


def _refuse(what: str, todo: str) -> str:
    raise MistakeError(what, todo)
