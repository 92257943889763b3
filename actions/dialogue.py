"""Actions of the dialogue itself: the form, its end, fallback, repetition, restart, language."""

from __future__ import annotations

import re
from typing import Any

from rasa_sdk.events import ActionExecuted, EventType, FollowupAction, SessionStarted, SlotSet

from actions.base import CaseAction
from actions.case import Case
from actions.form import FORM, FRESH_START, declined, form_turn, leave, resume, start
from actions.matter import MATTERS
from actions.misses import MOST_MISSES, count_miss, way_out
from actions.models import Performed

BARE_NUMBERS = {
    "order_number": "ask_order_status",
    "invoice_number": "ask_invoice",
    "customer_number": "identify",
    "store": "ask_store_hours",
}
OTHER_LANGUAGE = {"de": "en", "en": "de"}
WORDS_FOR_LANGUAGE = {"en": r"engl\w*", "de": "german|deutsch"}
REFUSED = (
    r"(don.?t|not|no|cannot|can.?t|kein\w*|nicht|kaum|schlecht|bad|little)\W+(\w+\W+){{0,2}}({words})"
    r"|({words})\W+(\w+\W+){{0,2}}(bad|schlecht|nicht|not good)\b"
)


class ValidateMatterForm(CaseAction):
    """One turn of the form: what was said, what is asked next."""

    def name(self) -> str:
        """Rasa's name for the form's validation."""
        return "validate_matter_form"

    def act(self, case: Case) -> list[EventType]:
        """See `actions.form`."""
        return form_turn(case)


class ActionDoMatter(CaseAction):
    """Does the matter once its needs are filled; a turn that comes again is told the same, nothing is done twice.

    One turn may do two matters: its own, and one that was left for it and has all it needs.
    """

    def name(self) -> str:
        """Rasa's name."""
        return "action_do_matter"

    def act(self, case: Case) -> list[EventType]:
        """Do it, or say what this turn has done before; then go on with what was left for it."""
        matter = case.slot("matter")
        deed = f"{case.turn_id}:{matter}"
        if before := case.session.get(Performed, deed):
            case.dispatcher.messages.extend(before.outcome["says"])
            return list(before.outcome["events"])
        events = self._do(case)
        outcome: dict[str, Any] = {"says": case.dispatcher.messages, "events": events}
        if matter:
            case.session.add(Performed(deed=deed, outcome=outcome))
        return events

    def _do(self, case: Case) -> list[EventType]:
        matter = MATTERS.get(case.slot("matter") or "")
        if matter and declined(case):
            case.say("utter_nothing_changed")
        elif matter:
            matter.do(case)
        if resume(case):
            case.say("utter_back_to_before")
            return [*case.events(), FollowupAction(FORM)]
        offer = case.slot("offer")
        return [*_cleared(case, offer), FollowupAction("action_listen")]


def _cleared(case: Case, offer: Any) -> list[EventType]:
    for slot, value in {**FRESH_START, "matter": None, "offer": offer}.items():
        case.set(slot, value)
    return case.events()


class ActionSessionStart(CaseAction):
    """The first words of a conversation: that a machine speaks (EU AI Act, article 50), once."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_session_start"

    def act(self, case: Case) -> list[EventType]:
        """Say who speaks; the start of a session empties the slots, the language stays."""
        case.say("utter_ai_notice", company=case.company.name)
        return [SessionStarted(), SlotSet("language", case.language), ActionExecuted("action_listen")]


class ActionNotUnderstood(CaseAction):
    """The ladder for what was not understood: rephrase, choices, a human."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_not_understood"

    def act(self, case: Case) -> list[EventType]:
        """One step further."""
        return not_understood(case)


def not_understood(case: Case) -> list[EventType]:
    """One step down the ladder."""
    misses = count_miss(case)
    if misses >= MOST_MISSES:
        way_out(case)
        return leave(case)
    if case.intent == "out_of_scope":
        case.say("utter_out_of_scope")
    else:
        case.say("utter_not_understood" if misses == 1 else "utter_not_understood_choices")
    return case.events()


class ActionInform(CaseAction):
    """Bare data without a matter: a number says which matter it belongs to."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_inform"

    def act(self, case: Case) -> list[EventType]:
        """Begin the matter that the number belongs to."""
        return by_number(case) or not_understood(case)


def by_number(case: Case) -> list[EventType]:
    """Begin the matter that a bare number belongs to; nothing when there is no number."""
    said = [str(found["entity"]) for found in case.message.get("entities") or []]
    matter = next((BARE_NUMBERS[entity] for entity in said if entity in BARE_NUMBERS), None)
    if matter is None:
        return []
    start(case, matter)
    return [*case.events(), FollowupAction(FORM)]


class ActionAffirm(CaseAction):
    """A yes outside a question of the form: takes up what was offered."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_affirm"

    def act(self, case: Case) -> list[EventType]:
        """Begin the offered matter, or ask what it is about."""
        offered = case.slot("offer")
        if offered not in MATTERS:
            case.say("utter_what_else")
            return case.events()
        start(case, offered)
        return [*case.events(), FollowupAction(FORM)]


class ActionDeny(CaseAction):
    """A no outside a question of the form: drops what was offered."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_deny"

    def act(self, case: Case) -> list[EventType]:
        """Leave it there; data that came along are used."""
        case.set("offer", None)
        if events := by_number(case):
            return events
        case.say("utter_all_right")
        return case.events()


class ActionRepeat(CaseAction):
    """Says again what was said last; the form itself asks its question again."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_repeat"

    def act(self, case: Case) -> list[EventType]:
        """Repeat the words since the customer's turn before, without the question that the form repeats."""
        said = _said_last(case)
        if case.tracker.active_loop_name:
            said = said[:-1]
        for event in said:
            data = event.get("data") or {}
            buttons, attachment = data.get("buttons") or [], data.get("attachment")
            case.dispatcher.utter_message(text=event.get("text"), buttons=buttons, attachment=attachment)
        if not said and not case.tracker.active_loop_name:
            case.say("utter_how_can_i_help")
        return case.events()


def _said_last(case: Case) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    turns = 0
    for event in reversed(case.tracker.events):
        turns += event.get("event") == "user"
        if turns > 1 and said:
            break
        if event.get("event") == "bot" and event.get("text"):
            said.insert(0, event)
    return said


class ActionStartOver(CaseAction):
    """From the beginning: drops the matter, keeps who the customer is."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_start_over"

    def act(self, case: Case) -> list[EventType]:
        """Forget the matter and offer the main ones."""
        case.set("reference", None)
        case.say("utter_start_over")
        return leave(case)


class ActionStop(CaseAction):
    """Leaves the matter where it is; what was left for it before is left as well."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_stop"

    def act(self, case: Case) -> list[EventType]:
        """End the form."""
        case.say("utter_stopped")
        return leave(case)


class ActionGoodbye(CaseAction):
    """The customer leaves; what was open is left as well."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_goodbye"

    def act(self, case: Case) -> list[EventType]:
        """Say goodbye and end the form."""
        case.say("utter_goodbye")
        return leave(case)


class ActionSwitchLanguage(CaseAction):
    """Goes on in the other language, or in the one that was named."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_switch_language"

    def act(self, case: Case) -> list[EventType]:
        """Switch; the rule's next step confirms it in the new language."""
        code = language_meant(case.text) or OTHER_LANGUAGE[case.language]
        case.effect(language={"code": code})
        return [SlotSet("language", code)]


def language_meant(text: str) -> str | None:
    """The language that is named and not refused: `I don't speak German` means English; None when it is not clear."""
    said = text.casefold()
    refused = {code for code, words in WORDS_FOR_LANGUAGE.items() if re.search(REFUSED.format(words=words), said)}
    named = {code for code, words in WORDS_FOR_LANGUAGE.items() if re.search(words, said)} - refused
    if len(named) == 1:
        return named.pop()
    return OTHER_LANGUAGE[refused.pop()] if len(refused) == 1 and not named else None
