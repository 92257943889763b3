"""The inbox in the terminal: cluster after cluster, one key for each sentence, and a way back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from bot.errors import PortalError
from bot.mistakes.clusters import Cluster
from bot.mistakes.review import NEXT_STEPS, Decision, Done, Review
from bot.mistakes.store import Mistake

MOST_SHOWN = 6
WHY = {
    "rejected": "not understood",
    "unsure": "unsure",
    "three_tries": "three tries in vain",
    "corrected": "the customer corrected it",
    "shadow": "another model disagreed",
    "marked": "an agent marked it",
    "rated": "rated badly",
}


@dataclass
class Sitting:
    """One person at the keyboard; `read_key` gives one key, `ask` a line, empty for none.

    A step is what one key decided: one sentence, or while `whole` the rest of a cluster.
    """

    review: Review
    clusters: Sequence[Cluster]
    read_key: Callable[[], str]
    ask: Callable[[str], str] = field(default=lambda text: str(click.prompt(text, default="", show_default=False)))
    console: Console = field(default_factory=Console)
    whole: bool = False
    _steps: list[list[Done]] = field(default_factory=list)
    _left: set[int] = field(default_factory=set)

    def run(self) -> list[Done]:
        """Go through the sentences until all are decided or left, or the person ends it; what was decided."""
        try:
            while (place := self._next()) and self._take_key(*place):
                pass
        except (KeyboardInterrupt, EOFError, click.Abort):
            self.console.print()
        return [done for step in self._steps for done in step]

    def _next(self) -> tuple[int, Mistake] | None:
        """The first sentence that is neither decided nor left, and the number of its cluster."""
        gone = self._left | {done.mistake.id for step in self._steps for done in step}
        for number, cluster in enumerate(self.clusters):
            for mistake in cluster.mistakes:
                if mistake.id not in gone:
                    return number, mistake
        return None

    def _rest(self, number: int, mistake: Mistake) -> list[Mistake]:
        """What a key decides on: the sentence, or with it those after it in its cluster."""
        found = self.clusters[number].mistakes
        return list(found[found.index(mistake) :]) if self.whole else [mistake]

    def _take_key(self, number: int, mistake: Mistake) -> bool:
        """Show a sentence and do what the next key says; False to end."""
        self._show(number, mistake)
        key = self.read_key()
        if key in ("q", "\x03", "\x04", "\x1b"):
            return False
        if key == "a":
            self.whole = not self.whole
        elif key == "s":
            self._left |= {found.id for found in self._rest(number, mistake)}
            self.whole = False
        elif key == "u":
            self._undo()
        elif decision := self._decision(key, mistake):
            self._decide(self._rest(number, mistake), decision)
            self.whole = False
        return True

    def _decision(self, key: str, mistake: Mistake) -> Decision | None:
        """What a key means for the sentence; None when it means nothing, or the person thought better of it."""
        if key == "r" and mistake.intent:
            return Decision("right")
        if key == "o":
            return Decision("out_of_scope")
        if key == "d":
            return Decision("delete")
        if key in "123" and key and int(key) <= len(mistake.ranking):
            return Decision("intent", mistake.ranking[int(key) - 1].intent)
        if key == "4" and mistake.suggested:
            return Decision("intent", mistake.suggested)
        if key == "i":
            intent = self._choose("Intent, or a part of its name", sorted(self.review.examples.intents()))
            return Decision("intent", intent) if intent else None
        return self._new_intent() if key == "n" else None

    def _new_intent(self) -> Decision | None:
        name = self.ask("Name of the new intent, such as ask_gift_wrap").strip()
        topics = self.review.examples.topics()
        topic = self._choose(f"Topic ({', '.join(topics)})", topics) if name else None
        return Decision("new_intent", name, topic) if topic else None

    def _choose(self, question: str, names: Sequence[str]) -> str | None:
        """The one of some names that a person writes or begins to; None for an empty line."""
        while wanted := self.ask(question).strip().lower():
            fitting = [name for name in names if name == wanted] or [name for name in names if wanted in name]
            if len(fitting) == 1:
                return fitting[0]
            self.console.print(escape(", ".join(fitting) or f"nothing is called {wanted}"), style="yellow")
        return None

    def _decide(self, mistakes: Sequence[Mistake], decision: Decision) -> None:
        step: list[Done] = []
        self._steps.append(step)
        for mistake in mistakes:
            try:
                step.append(self.review.decide(mistake.id, decision))
            except PortalError as error:
                self.console.print(f"  {escape(error.what)}. {escape(error.todo)}.", style="red")
                continue
            self.console.print(f"  {escape(told(step[-1]))}", style="green")
            if decision.kind == "new_intent":
                decision = Decision("intent", decision.intent)

    def _undo(self) -> None:
        """Take the last step back, its last sentence first."""
        while self._steps and not self._steps[-1]:
            self._steps.pop()
        if not self._steps:
            self.console.print("  Nothing to take back.", style="yellow")
            return
        for done in reversed(self._steps.pop()):
            try:
                self.review.undo(done)
            except PortalError as error:
                self.console.print(f"  {escape(error.what)}. {escape(error.todo)}.", style="red")
                self._left.add(done.mistake.id)

    def _show(self, number: int, mistake: Mistake) -> None:
        cluster = self.clusters[number]
        turns = "turn" if cluster.count == 1 else "turns"
        self.console.print(Rule(f"{number + 1} of {len(self.clusters)}, {cluster.count} {turns}", align="left"))
        at = cluster.mistakes.index(mistake)
        for found in cluster.mistakes[at : at + MOST_SHOWN]:
            line = f"{'>' if found is mistake else ' '} {found.count:4} x  {escape(found.text)}"
            self.console.print(line, style="bold" if found is mistake else "dim", highlight=False)
        if (more := len(cluster.mistakes) - at - MOST_SHOWN) > 0:
            self.console.print(f"         and {more} more", style="dim")
        self.console.print(escape(_context(mistake)), highlight=False)
        self.console.print(escape(self._keys(mistake)), style="cyan", highlight=False)

    def _keys(self, mistake: Mistake) -> str:
        right = f"r right ({mistake.intent})  " if mistake.intent else ""
        scope = "a only this one  (now: the whole cluster)" if self.whole else "a whole cluster"
        return f"  {right}i intent  n new intent  o out of scope  d delete\n  {scope}  s skip  u undo  q end"


def _context(mistake: Mistake) -> str:
    ranking = "   ".join(
        f"{place} {guess.intent} {guess.confidence:.2f}" for place, guess in enumerate(mistake.ranking[:3], 1)
    )
    suggested = f"   4 {mistake.suggested} (suggested)" if mistake.suggested else ""
    why = ", ".join(WHY.get(kind, kind) for kind in mistake.kinds)
    last = f"{mistake.last_at.astimezone():%d.%m.%Y %H:%M}"
    return f"  {ranking or 'no guess'}{suggested}\n  {why}; {mistake.language}, {mistake.channel}, last {last}"


def told(done: Done) -> str:
    """One line on what a decision did."""
    if done.added:
        return f"{done.added.file}:{done.added.line}: {done.added.text}  ({done.added.intent})"
    return f"was there already: {done.known_at}" if done.known_at else "deleted"


def summary(decided: Sequence[Done]) -> None:
    """What was decided, what new intents still need, and what to do next."""
    if not decided:
        click.echo("Nothing was decided.")
        return
    added = Counter(str(done.added.file) for done in decided if done.added)
    for file, number in sorted(added.items()):
        click.echo(f"{file}: {number} added")
    others = len(decided) - sum(added.values())
    if others:
        click.echo(f"{others} without a new example")
    for done in decided:
        if done.todo:
            click.echo(f"The new intent {done.label} still needs:")
            click.echo("".join(f"  {line}\n" for line in done.todo), nl=False)
    if added:
        click.echo("Next: " + "; ".join(NEXT_STEPS))
