"""The longest that ordinarily stands in a response's placeholders, for the checks of the channels' limits."""

from __future__ import annotations

from collections.abc import Mapping

OTHERS = "Wanderrucksack Fjell 45 Damen, Farbe Nachtblau"
WORDS = (
    "Der Reißverschluss am großen Fach schließt seit der ersten Wanderung nicht mehr richtig, und die linke "
    "Schulternaht ist auf einer Länge von etwa vier Zentimetern aufgegangen. "
)
SAMPLES: Mapping[str, str] = {
    "address": "Ernst-August-Friedrichs-Straße 117 b, 26203 Wardenburg-Südmoslesfehn",
    "amount": "12.345,60 €",
    "choices": "Telefonnummer, E-Mail-Adresse, Anschrift oder Name",
    "cities": "Hamburg, Leipzig, München, Frankfurt (Oder) und Garmisch-Partenkirchen",
    "code": "WILLKOMMEN-ZURUECK-2027",
    "company": "Nordwind Versandhandel für Reise und Wandern",
    "count": "12",
    "day": "übermorgen, Donnerstag, den 24. September 2027",
    "days": "30",
    "defect": WORDS * 3,
    "description": WORDS * 3,
    "distance": "1.234 km",
    "email": "m***@fernwanderverein-oberbayern.example",
    "holiday": "Tag der Deutschen Einheit",
    "items": ", ".join([OTHERS] * 8),
    "latitude": "53.55101",
    "longitude": "-10.00132",
    "number": "10482917",
    "numbers": "10482917, 10481232, 10483055, 10483774 und 10484129",
    "phone": "+49 171 39200112",
    "postcode": "22765",
    "quantity": "140",
    "span": "10 bis 19:30 Uhr",
    "stores": "; ".join(["Garmisch-Partenkirchener Straße 119, 80331 München"] * 6),
    "time": "14:30 Uhr",
    "tracking": "00340434161094021501",
    "url": "https://nordwind.example/sendung/00340434161094021501?sprache=de",
    "week": "Montag bis Mittwoch 10 bis 19:30 Uhr, Donnerstag 10 bis 20 Uhr, Freitag 9 bis 19, Samstag 10 bis 18 Uhr",
    "when": "übermorgen, Donnerstag, den 24. September 2027, 14:30 Uhr",
}


def sample(placeholder: str) -> str:
    """What may stand in the placeholder at the longest."""
    return SAMPLES.get(placeholder, OTHERS)
