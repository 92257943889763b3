"""Whether we may learn from the customer's words: what they say about it, in German and English."""

from __future__ import annotations

import re
from collections.abc import Iterator

from actions.case import Case
from actions.matter import Matter, register
from actions.needs import ChoiceNeed, Need

NO_REFUSAL = re.compile(
    r"(nichts|nix) (da)?gegen|(kein|no) problem|warum (denn )?nicht|why not|(don.?t|not) mind"
    r"|(no|withdraw|revoke|take back)( my| any)? objections?"
    r"|(widerruf|zieh|nehm)\w* (\w+ ){0,2}widerspruch(.*zurück)?|widerspruch (\w+ ){0,5}zurück\w*"
)
REFUSES = re.compile(
    r"\b(nicht|nich|net|ned|nichts|nix|kein\w*|nie|niemals|nimmer|nein|nö|ohne|raus|dagegen|gegen|lassen"
    r"|against|not?|non|never|nobody|without|cannot|(do|wo|ca|must|should)n['’]?t)\b"
    r"|widersprech|widerspruch|widerruf|(erlaubnis|einwilligung|zustimmung) .*zurück|untersag|verbiet|verbitt"
    r"|verhinder|verzicht|abstell|aufhör|hört auf|hör auf|lösch|ausschliess|rausnehm|herausnehm|weglass|unterlass"
    r"|opt.?out|\bopt\w* .*out|stop|object|refuse|revoke|withdraw|forbid|prohibit|leave .*(alone|out)|delete|exclude"
    r"|remove|(turn|switch) .*off"
)
QUESTION = re.compile(
    r"\?|^\W*((äh|ähm|hm|also|und|um|uh|so|and) )*(wer|was|wie|wo|wann|warum|wieso|welche\w*|wird|werd\w*|ist|sind"
    r"|hab\w*|muss|soll\w*|darf|d[uü]rf\w*|kann|könn\w*|lern\w*|benutz\w*|nutz\w*|heb\w*|speicher\w*"
    r"|wh\w+|how|did|do|does|is|are|am|was|were|can|could|may|must|should|have|has)\b"
)
ALLOWS = re.compile(
    r"(ihr|sie|du) (dürf|darf)|(ihr|sie|du) (könn|kann)\w* .*(lern|nutz|nehm|verwend|train|auswert|speicher|aufheb)"
    r"|einverstanden|erlaub|von mir aus|meinetwegen|\bgern|ruhig"
    r"|you (may|can|are (welcome|allowed))|i (agree|allow|consent)|fine (with|by) me|feel free|happy (for|to)"
)


class LearningNeed(ChoiceNeed):
    """Whether we may learn from the customer's words; a word that may mean a refusal counts as one."""

    def read(self, case: Case) -> str | None:
        """The button, the words, or a yes or no to the question."""
        if case.heard.get("choice") in self.options:
            return case.take("choice")
        asked = case.asked_for(self.slot)
        if case.get(self.slot) and not asked:
            return None
        wish = learning_wish(case.text if asked else str(case.slot("opening") or ""))
        return wish or ({"affirm": "allow", "deny": "refuse"}.get(case.intent) if asked else None)


def learning_wish(text: str) -> str | None:
    """`refuse` or `allow`, None when the words do not say; a question allows nothing."""
    said = text.casefold()
    rest = NO_REFUSAL.sub(" ", said)
    if REFUSES.search(rest):
        return "refuse"
    if QUESTION.search(rest):
        return None
    return "allow" if rest != said or ALLOWS.search(rest) else None


@register
class ManageLearning(Matter):
    """Refuse or allow that we learn from one's words; needs no proof, as it concerns only the one who speaks."""

    intent = "manage_learning"
    interrupts = True

    def needs(self, case: Case) -> Iterator[Need]:
        """Which of the two."""
        yield LearningNeed("learning_wish", {"refuse": (), "allow": ()})

    def do(self, case: Case) -> None:
        """Tell the portal, which keeps the sentences."""
        is_allowed = case.get("learning_wish") == "allow"
        case.effect(learning={"allowed": is_allowed})
        case.say("utter_learning_allowed" if is_allowed else "utter_learning_refused")
