"""Words around a number that say what it is."""

from bot.nlu.runs import Run
from bot.nlu.tokens import Sentence, word_set

ORDER = ("bestell", "auftrag", "auftraege", "order")
INVOICE = ("rechnung", "invoice", "mahnung", "bill", "zahlungserinnerung")
CUSTOMER = ("kundennummer", "kundennr", "kunden", "kunde", "customer", "account", "mitglied")
TRACKING = ("sendungsnummer", "sendungsnr", "sendungsverfolg", "sendung", "paketnummer", "tracking", "trackingnummer")
CARRIERS = ("dhl", "dpd", "gls", "hermes", "ups", "parcel")
PHONE = (
    *(
        "telefon",
        "handy",
        "mobil",
        "rueckruf",
        "anrufen",
        "ruf",
        "erreich",
        "phone",
        "mobile",
        "call",
        "reach",
        "festnetz",
    ),
    *("whatsapp", "cell", "vorwahl", "nummer", "number", "sms"),
)
POSTCODE = ("postleitzahl", "plz", "postcode", "zip", "postal", "leitzahl")
BIRTH = ("gebor", "geburt", "born", "birth", "dob", "birthday", "birthdate")
UNITS = word_set(
    "euro euros eur cent cents € $ % prozent percent dollar pfund pounds km kilometer meter metern cm mm "
    "m l liter litern g gramm kg kilo kilogramm ml watt w mah v volt lumen stueck mal paar punkte punkten "
    "schritte schritten tage tagen wochen woche monate monaten jahre jahren jahr stunden stunde minuten "
    "minute sekunden days day weeks week months month years year hours hour minutes seconds times pieces "
    "points steps litres liters litre liter metres meters grams uhr grad pakete pakete paket parcels "
    "packages personen people leute artikel items mann zelte tickets kunden zoll inch inches"
)


def near(sentence: Sentence, run: Run, stems: tuple[str, ...], *, before: int = 7, after: int = 4) -> bool:
    """Whether a word that begins with one of the stems stands near a run."""
    around = sentence.keys(run.first - before, run.first) + sentence.keys(run.last + 1, run.last + 1 + after)
    return any(key.startswith(stems) for key in around)


def counted(sentence: Sentence, index: int) -> bool:
    """Whether the number before token `index` counts or measures something: `45 Liter`."""
    return sentence.key(index) in UNITS


def mentions(sentence: Sentence, stems: tuple[str, ...]) -> bool:
    """Whether any word of the sentence begins with one of the stems."""
    return any(token.key.startswith(stems) for token in sentence.tokens)
