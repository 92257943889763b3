"""Parts of the day beside a time: `um drei nachmittags`, `acht uhr abends`, `3 p.m.`."""

from bot.nlu.tokens import Sentence, word_set

_AFTERNOON = word_set("nachmittag nachmittags abend abends afternoon evening tonight pm")
_MORNING = word_set("morgen morgens frueh vormittag vormittags morning am")
_NOON = word_set("mittag mittags")
_NIGHT = word_set("nacht nachts night")
PARTS = _AFTERNOON | _MORNING | _NOON | _NIGHT
PARTS_ALONE = PARTS - {"am", "morgen"}
_BEFORE_PART = word_set("in am the heute morgen at on gestern")
_BETWEEN_PART_AND_TIME = _BEFORE_PART | word_set(
    "um gegen ab bis from around until till by zwischen between nach before after kurz von und and"
)
_DOTTED: dict[tuple[str, ...], str] = {("p", ".", "m"): "pm", ("a", ".", "m"): "am"}
_WEEKDAYS = word_set("montag dienstag mittwoch donnerstag freitag samstag sonntag")
_ENGLISH_PARTS = word_set("morning afternoon evening")
_REACH_BEFORE, _REACH_AFTER = 4, 2


def hour_in(part: str, hour: int) -> int:
    """The hour of 24 that is meant by an hour said with a part of the day; `part` may be empty."""
    if part in _AFTERNOON and 1 <= hour < 12:
        return hour + 12
    if part in _NIGHT and 9 <= hour <= 12:
        return (hour + 12) % 24
    if part in _NOON and 1 <= hour <= 4:
        return hour + 12
    return 0 if part in _MORNING and hour == 12 else hour


def part_at(sentence: Sentence, index: int) -> str:
    """The part of the day that a token says, or an empty string."""
    key = sentence.key(index)
    if key == "am":
        english = sentence.language == "en" or sentence.glued(index)
        return key if english and sentence.key(index + 1) not in _WEEKDAYS else ""
    if key == "morgen" and sentence.key(index - 1) not in {"am", "heute"}:
        return ""
    return key if key in PARTS else _DOTTED.get(_three(sentence, index), "")


def part_beside(sentence: Sentence, first: int, end: int) -> tuple[str, int]:
    """The part of the day after or before the tokens of a time, and where the time with it ends."""
    after = part_at(sentence, end)
    if after:
        return after, end + (3 if _three(sentence, end) in _DOTTED else 1)
    for skip in range(1, _REACH_AFTER + 1):
        after = part_at(sentence, end + skip)
        if after and _BEFORE_PART.issuperset(sentence.keys(end, end + skip)):
            return after, end
    return _part_before(sentence, first), end


def _part_before(sentence: Sentence, first: int) -> str:
    for position in range(first - 1, max(first - 1 - _REACH_BEFORE, -1), -1):
        key = sentence.key(position)
        if key in PARTS_ALONE or (key == "morgen" and part_at(sentence, position)):
            return key
        if key not in _BETWEEN_PART_AND_TIME:
            return ""
    return ""


def half_of_day(sentence: Sentence, index: int) -> bool:
    """Whether `am`, `pm` or `in the morning` follows; a German `am` does not count."""
    if sentence.keys(index, index + 2) == ("in", "the") and sentence.key(index + 2) in _ENGLISH_PARTS:
        return True
    key = sentence.key(index)
    if key == "pm" or _three(sentence, index) in _DOTTED:
        return True
    return key == "am" and (sentence.glued(index) or sentence.language == "en")


def _three(sentence: Sentence, index: int) -> tuple[str, ...]:
    return sentence.keys(index, index + 3)
