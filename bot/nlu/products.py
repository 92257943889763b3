"""Articles: those listed in products.txt, and German compounds such as `Zweimannzelt`."""

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from bot.nlu.tokens import Found, Sentence, tokenize, word_set

_HEADS = (
    *(
        "rucksack",
        "rucksaecke",
        "jacke",
        "jacken",
        "zelt",
        "zelte",
        "schlafsack",
        "schlafsaecke",
        "isomatte",
        "isomatten",
        "hose",
        "hosen",
    ),
    *(
        "lampe",
        "lampen",
        "muetze",
        "muetzen",
        "schuh",
        "schuhe",
        "schuhen",
        "stiefel",
        "socke",
        "socken",
        "kocher",
        "handschuhe",
    ),
    *("stoecke", "kartusche", "kartuschen", "trinkflasche", "pullover", "weste", "helm", "stuhl"),
)
_NO_COMPOUNDS = word_set(
    "vereinzelt vereinzelte schwester einzelt wilhelm anselm suedwesten nordwesten handschuhe drucker"
)
_SHORTEST_PREFIX = 3
Forms = dict[str, list[tuple[tuple[str, ...], str]]]


@lru_cache(maxsize=1)
def catalogue() -> Forms:
    """First folded word of a form -> all forms that begin with it, longest first, with the article's name."""
    forms: Forms = {}
    for line in files(__package__).joinpath("products.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name = line.split("|")[0]
            for form in line.split("|"):
                words = tuple(t.key for t in tokenize(form) if t.key != "-")
                forms.setdefault(words[0], []).append((words, name))
    for same in forms.values():
        same.sort(key=lambda entry: -len(entry[0]))
    return forms


def find_products(sentence: Sentence) -> Iterator[Found]:
    """Articles by their listed name, else as the compound the customer used."""
    words = [i for i in range(len(sentence)) if sentence.key(i) != "-"]
    for place, index in enumerate(words):
        if sentence.open(index):
            found = _listed(sentence, words[place : place + 8]) or _compound(sentence, index)
            if found:
                yield found


def _listed(sentence: Sentence, window: list[int]) -> Found | None:
    keys = tuple(sentence.key(i) for i in window)
    for form, name in catalogue().get(keys[0], ()):
        if keys[: len(form)] == form and sentence.open(window[len(form) - 1]):
            return sentence.found("product", name, window[0], window[len(form) - 1])
    return None


def _compound(sentence: Sentence, index: int) -> Found | None:
    token = sentence.tokens[index]
    if token.key in _NO_COMPOUNDS or not token.key.endswith(_HEADS):
        return None
    head = max((h for h in _HEADS if token.key.endswith(h)), key=len)
    if len(token.key) < len(head) + _SHORTEST_PREFIX:
        return None
    first = (
        index - 2 if sentence.key(index - 1) == "-" and sentence.glued(index) and sentence.open(index - 2) else index
    )
    text = sentence.text[sentence.tokens[first].start : token.end]
    return sentence.found("product", text[:1].upper() + text[1:], first, index)
