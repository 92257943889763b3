"""All values in a sentence, typed or spoken, German or English: found and normalised.

Usable alone: no Rasa, no network. Each kind of value has a finder; they run in a fixed order and
a later one sees only what the earlier ones left.
"""

from collections.abc import Callable, Iterator
from datetime import date

from bot.nlu.amounts import find_amounts
from bot.nlu.contact import find_emails, find_ibans, find_phone_numbers
from bot.nlu.dates import find_dates
from bot.nlu.names import find_person_names
from bot.nlu.parcels import find_tracking_numbers
from bot.nlu.places import find_store_streets, find_stores
from bot.nlu.products import find_products
from bot.nlu.references import find_references, luhn_valid
from bot.nlu.second_thoughts import without_taken_back
from bot.nlu.streets import find_streets
from bot.nlu.times import find_times
from bot.nlu.tokens import Found, Sentence

__all__ = ["Found", "extract", "luhn_valid"]

_FINDERS: tuple[Callable[[Sentence], Iterator[Found]], ...] = (
    find_emails,
    find_ibans,
    find_tracking_numbers,
    find_products,
    find_amounts,
    find_dates,
    find_times,
    find_store_streets,
    find_streets,
    find_phone_numbers,
    find_references,
    find_stores,
    find_person_names,
)


def extract(text: str, *, language: str = "de", channel: str = "chat", today: date | None = None) -> list[Found]:
    """The values in a text, sorted, not overlapping; `language` is a hint, `today` resolves relative dates."""
    sentence = Sentence(text, language, channel, today or date.today())
    found: list[Found] = []
    for find in _FINDERS:
        for value in find(sentence):
            if sentence.free(value.start, value.end):
                sentence.claim(value.start, value.end)
                found.append(value)
    return without_taken_back(sentence, sorted(found, key=lambda value: value.start))
