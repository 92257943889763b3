"""Whether the words around a day without a year or week look back or ahead."""

from bot.nlu.tokens import Sentence, word_set

DONE = word_set(
    "bestellt bezahlt ueberwiesen gezahlt geliefert zugestellt verschickt versendet versandt abgeschickt "
    "gekauft storniert zurueckgeschickt zurueckgesendet eingeschickt eingezahlt abgegeben angekommen "
    "gekommen erhalten bekommen telefoniert abgebucht eingegangen gesendet geschickt angerufen angewiesen "
    "abgegangen retourniert bestaetigt kam kamen wurde wurden paid ordered sent transferred arrived came "
    "delivered bought shipped received returned went posted handed placed made confirmed"
)
_WISHED = word_set(
    "wird werden kann koennen koennt koennte koennten soll sollen will wollen bitte wenn moechte moechten "
    "wuerde falls by need needs brauche brauchen bis can could should would will please if shall"
)
_AHEAD = word_set(
    "ziehe ziehen umziehen umzug liefern zustellen verschieben rueckruf anrufen erst bis ab spaetestens "
    "until till after before move moving deliver reschedule callback"
)
_BACK_BEFORE = word_set("vom")
_ORDERED_THINGS = word_set("order invoice parcel purchase delivery return")
_REACH = 7


def looks_back(sentence: Sentence, first: int, last: int) -> bool:
    """Whether the day is past: `vom 3. Mai`, `am Montag überwiesen`; not `kann am Montag geliefert werden`."""
    if sentence.key(first - 1) in _BACK_BEFORE:
        return True
    if sentence.key(first - 1) == "from" and sentence.key(first - 2) in _ORDERED_THINGS:
        return True
    around = _around(sentence, first, last)
    return not around & _WISHED and bool(around & DONE)


def looks_ahead(sentence: Sentence, first: int, last: int) -> bool:
    """Whether the day is to come: `ab 1. August`, `erst nach dem 15.6. liefern`."""
    return not looks_back(sentence, first, last) and bool(_around(sentence, first, last) & (_AHEAD | _WISHED))


def _around(sentence: Sentence, first: int, last: int) -> frozenset[str]:
    return frozenset(sentence.keys(first - _REACH, first) + sentence.keys(last + 1, last + 1 + _REACH))
