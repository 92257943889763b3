"""What Twilio refuses, the simulated phone refuses with Twilio's error number."""

from __future__ import annotations

import pytest

from voice.phone_twiml import MOST_BYTES, TwimlRefused, read_twiml

XML = "text/xml"
LONG = "ä" * 800
REFUSED = {
    12100: ["", "<Response>", "<html/>", "<Response><Say>\x0b</Say></Response>", "<Response/><Response/>"],
    12200: [
        "<Response><Sing>la</Sing></Response>",
        "<Response><Say pitch='high'>a</Say></Response>",
        "<Response><Say> </Say></Response>",
        "<Response><Say><b>a</b></Say></Response>",
        "<Response><Pause length='long'/></Response>",
        "<Response><Gather><Redirect>/a</Redirect></Gather></Response>",
        "<Response><Gather input='touch'/></Response>",
        "<Response><Gather finishOnKey='##'/></Response>",
        "<Response><Gather numDigits='0'/></Response>",
        "<Response><Gather speechTimeout='soon'/></Response>",
        "<Response><Gather speechTimeout='auto' speechModel='experimental_utterances'/></Response>",
        f"<Response><Gather hints='{'a' * 101}'/></Response>",
        f"<Response><Gather hints='{'a,' * 501}'/></Response>",
        "<Response><Dial/></Response>",
        "<Response><Redirect> </Redirect></Response>",
        "<Response><Redirect method='GET'>/a</Redirect></Response>",
    ],
    13338: ["<Response><Gather actionOnEmptyResult='yes'/></Response>"],
    13521: [
        f"<Response><Say>{LONG}</Say></Response>",
        f"<Response><Say voice='Polly.Vicki-Neural'>{'a ' * 1501}</Say></Response>",
        f"<Response><Gather><Say>{LONG}</Say></Gather></Response>",
    ],
    11750: [f"<Response><!--{'a' * MOST_BYTES}--></Response>"],
}


@pytest.mark.parametrize(("code", "body"), [(code, body) for code, bodies in REFUSED.items() for body in bodies])
def test_what_twilio_refuses_is_refused(code: int, body: str) -> None:
    with pytest.raises(TwimlRefused) as refused:
        read_twiml(body.encode(), XML)
    assert refused.value.code == code


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json"])
def test_other_content_types_are_refused(content_type: str) -> None:
    with pytest.raises(TwimlRefused) as refused:
        read_twiml(b"<Response/>", content_type)
    assert refused.value.code == 12300
