"""TwiML as Twilio reads it, for the simulated phone: an independent check of what the portal answers.

Limits and error numbers are Twilio's (voice/twiml and api/errors of its documentation). A document that Twilio would
refuse, or read otherwise than it is meant, raises `TwimlRefused`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from urllib.parse import quote

from bot.errors import PortalError

MOST_BYTES = 64 * 1024
MOST_ENCODED = 4500
MOST_HINTS = 500
LONGEST_HINT = 100
LONGEST_TEXT = {"Polly": 3000, "Google": 5000, "": 4096}
TWIML_TYPES = ("text/xml", "application/xml", "text/html")
KEYS = "0123456789*#"
GATHER_PARTS = ("Say", "Play", "Pause")
SSML = ("break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w")
SPELLED_OUT = ("characters", "digits", "spell-out", "telephone", "verbatim")
ATTRIBUTES = {
    "Response": "",
    "Say": "voice language loop",
    "Play": "loop digits",
    "Pause": "length",
    "Hangup": "",
    "Redirect": "method",
    "Gather": "input action method actionOnEmptyResult timeout speechTimeout finishOnKey numDigits language speechModel"
    " enhanced hints profanityFilter bargeIn maxSpeechTime",
    "Dial": "action method answerOnBridge callerId callReason hangupOnStar timeLimit timeout ringTone",
    "Number": "url method statusCallback statusCallbackEvent statusCallbackMethod",
}
WHOLE_NUMBERS = {
    "Pause": ("length",),
    "Gather": ("timeout", "numDigits", "maxSpeechTime"),
    "Dial": ("timeout", "timeLimit"),
}
SCHEMA = 12200


class TwimlRefused(PortalError):
    """Twilio would not take this answer; `code` is the number of its error."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(f"Twilio error {code}: {what}")
        self.code = code


@dataclass(frozen=True)
class Listening:
    """An open gather: what the call takes now. `digits` is how many keys end it, None any number; times in seconds."""

    speech: bool
    keys: bool
    action: str
    ask_when_empty: bool
    timeout: float
    finish_key: str
    digits: int | None
    language: str
    hints: tuple[str, ...]

    def collect(self, pressed: str) -> tuple[str, bool]:
        """What of these keys counts, and whether the last of them ended it (else only the timeout does)."""
        taken = ""
        for key in pressed:
            if key == self.finish_key:
                return taken, True
            taken += key
            if len(taken) == self.digits:
                return taken, True
        return taken, False


def read_twiml(body: bytes, content_type: str) -> list[ET.Element]:
    """The verbs of an answer, checked; raises `TwimlRefused`."""
    if content_type.partition(";")[0].strip().lower() not in TWIML_TYPES:
        raise TwimlRefused(12300, f"the content type {content_type or '(none)'} is not TwiML")
    if len(body) > MOST_BYTES:
        raise TwimlRefused(11750, f"the answer has {len(body)} bytes")
    try:
        response = ET.fromstring(body)  # noqa: S314 - the portal under test wrote it; expat fetches nothing
    except ET.ParseError as error:
        raise TwimlRefused(12100, f"the answer is no XML: {error}") from error
    if response.tag != "Response":
        raise TwimlRefused(12100, f"the answer begins with <{response.tag}>")
    for verb in response:
        _check(verb)
    return list(response)


def read_gather(gather: ET.Element) -> Listening:
    """What a gather takes, with Twilio's defaults."""
    inputs = gather.get("input", "dtmf").split()
    digits = gather.get("numDigits")
    hints = gather.get("hints", "")
    return Listening(
        speech="speech" in inputs,
        keys="dtmf" in inputs,
        action=gather.get("action", ""),
        ask_when_empty=gather.get("actionOnEmptyResult", "false") == "true",
        timeout=float(gather.get("timeout", "5")),
        finish_key=gather.get("finishOnKey", "#"),
        digits=int(digits) if digits else None,
        language=gather.get("language", "en-US"),
        hints=tuple(hint.strip() for hint in hints.split(",") if hint.strip()),
    )


def heard_text(say: ET.Element) -> str:
    """The words of a `<Say>` as an ear takes them: spelled out where SSML says so, a comma for a break."""
    words = " ".join(_inner_words(say).split())
    return words.replace(" ,", ",").replace(" .", ".").strip(" ,")


def _inner_words(element: ET.Element) -> str:
    said = [element.text or ""]
    for child in element:
        said += [_words(child), child.tail or ""]
    return "".join(said)


def _words(element: ET.Element) -> str:
    if element.tag == "break":
        return " , "
    if element.tag == "sub":
        return element.get("alias", "")
    inner = _inner_words(element)
    if element.tag == "say-as" and element.get("interpret-as") in SPELLED_OUT:
        return " ".join(inner.replace(" ", ""))
    return f"{inner} " if element.tag in ("p", "s") else inner


def _check(verb: ET.Element) -> None:
    if verb.tag not in ATTRIBUTES or verb.tag == "Response":
        raise TwimlRefused(SCHEMA, f"<{verb.tag}> is no verb that this phone plays")
    unknown = set(verb.keys()) - set(ATTRIBUTES[verb.tag].split())
    if unknown:
        raise TwimlRefused(SCHEMA, f"<{verb.tag}> has no attribute {', '.join(sorted(unknown))}")
    for name in WHOLE_NUMBERS.get(verb.tag, ()):
        if not verb.get(name, "1").isdecimal():
            raise TwimlRefused(SCHEMA, f"<{verb.tag}> {name} is no whole number")
    if verb.get("method", "POST") != "POST":
        raise TwimlRefused(SCHEMA, f"<{verb.tag}>: this phone asks with POST only")
    if rule := RULES.get(verb.tag):
        rule(verb)


def _check_say(say: ET.Element) -> None:
    foreign = [part.tag for part in say.iter() if part is not say and part.tag not in SSML]
    if foreign:
        raise TwimlRefused(SCHEMA, f"<Say> has no <{foreign[0]}>")
    text = "".join(say.itertext())
    if not text.strip():
        raise TwimlRefused(SCHEMA, "<Say> has no words")
    provider = say.get("voice", "").partition(".")[0]
    counted = ET.tostring(say, encoding="unicode") if provider == "Google" else text
    if len(counted) > LONGEST_TEXT.get(provider, LONGEST_TEXT[""]) or len(quote(text)) > MOST_ENCODED:
        raise TwimlRefused(13521, f"<Say> is too long: {len(counted)} characters, {len(quote(text))} when encoded")


def _check_gather(gather: ET.Element) -> None:
    for part in gather:
        if part.tag not in GATHER_PARTS:
            raise TwimlRefused(SCHEMA, f"<Gather> must not contain <{part.tag}>")
        _check(part)
    if not set(gather.get("input", "dtmf").split()) <= {"dtmf", "speech"} or not gather.get("input", "dtmf").split():
        raise TwimlRefused(SCHEMA, f"<Gather> input is {gather.get('input')!r}")
    if len(gather.get("finishOnKey", "#")) > 1 or gather.get("finishOnKey", "#") not in KEYS:
        raise TwimlRefused(SCHEMA, "<Gather> finishOnKey is no key")
    if gather.get("actionOnEmptyResult", "false") not in ("true", "false"):
        raise TwimlRefused(13338, "<Gather> actionOnEmptyResult is neither true nor false")
    if gather.get("numDigits") == "0":
        raise TwimlRefused(SCHEMA, "<Gather> numDigits is 0")
    _check_speech(gather)


def _check_speech(gather: ET.Element) -> None:
    wait = gather.get("speechTimeout", "")
    if wait not in ("", "auto") and not wait.isdecimal():
        raise TwimlRefused(SCHEMA, f"<Gather> speechTimeout is {wait!r}")
    if wait == "auto" and gather.get("speechModel"):
        raise TwimlRefused(SCHEMA, "<Gather> speechTimeout must be a number where speechModel is set")
    hints = [hint for hint in gather.get("hints", "").split(",") if hint]
    if len(hints) > MOST_HINTS or any(len(hint) > LONGEST_HINT for hint in hints):
        raise TwimlRefused(SCHEMA, f"<Gather> has {len(hints)} hints, the longest of {max(map(len, hints))} characters")


def _check_dial(dial: ET.Element) -> None:
    for part in dial:
        if part.tag != "Number" or not (part.text or "").strip():
            raise TwimlRefused(SCHEMA, f"<Dial> with <{part.tag}> is not played by this phone")
    if not dialled(dial):
        raise TwimlRefused(SCHEMA, "<Dial> has no number")


def _check_redirect(redirect: ET.Element) -> None:
    if not (redirect.text or "").strip():
        raise TwimlRefused(SCHEMA, "<Redirect> has no address")


def dialled(dial: ET.Element) -> str:
    """The number or numbers that a `<Dial>` calls."""
    return ", ".join(part.strip() for part in dial.itertext() if part.strip())


RULES = {"Say": _check_say, "Gather": _check_gather, "Dial": _check_dial, "Redirect": _check_redirect}
