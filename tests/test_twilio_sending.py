"""Answers through Twilio: what Twilio receives for each channel, and what becomes of a sending that fails."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.forms import utf16
from bot.channels.outlet import DeliveryError, Form, NotTaken, OptedOut, Refused, Template, Unclear, WindowClosed
from bot.channels.twilio_api import TwilioApi, content_base
from bot.channels.twilio_outlet import TwilioOutlet
from bot.turns import Choice, Link, Location, Reply
from tests.twilio_wire import ADDRESS, OURS, PUBLIC, THEIRS, FakeTwilio, Fault, delivery, fake_twilio, outlets

CHANNELS = ("sms", "twilio_whatsapp", "twilio_messenger")
RICH = CHANNELS[1:]
YES_NO = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))
FIVE = tuple(
    Choice(title, "/x") for title in ("Bestellung", "Rückgabe", "Rechnung", "Filiale", "Etwas ganz anderes fragen")
)
LONG = tuple(
    Choice(f"{number}. Eintrag, der in keine Zeile einer Liste passt, weil er so lang ist wie dieser", "/x")
    for number in range(4)
)
IMAGE = "https://shop.example.com/zelt.jpg"
SHOP = Location(53.5503, 9.99, "Nordwind Hamburg", "Lange Reihe 7, 20099 Hamburg")
FREE = outlets("https://api.twilio.com")
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


@pytest.fixture
def server() -> Iterator[FakeTwilio]:
    """Twilio; everything it got must fit Twilio's OpenAPI."""
    with fake_twilio() as running:
        yield running
        assert running.problems == []


def sent(server: FakeTwilio, reply: Reply, channel: str, address: str = ADDRESS) -> list[dict[str, Any]]:
    """What Twilio got for a reply, in order, without addresses."""
    outlet = outlets(server.url)[channel]
    for form in outlet.forms(reply, "r7"):
        outlet.send(delivery(form, channel, address))
    common = ("To", "From", "StatusCallback")
    return [{name: each for name, each in one["sent"].items() if name not in common} for one in server.messages[::-1]]


def test_a_text_message_says_whom_from_whom_and_where_its_state_goes(server: FakeTwilio) -> None:
    made = delivery({"body": "Guten Tag"})
    sid = outlets(server.url)["sms"].send(made)
    callback = f"{PUBLIC}/webhooks/twilio/status?delivery={made.id}#rc=5&rp=all"
    assert server.messages[0]["sid"] == sid
    assert server.messages[0]["sent"] == {
        "From": OURS,
        "To": THEIRS,
        "StatusCallback": callback,
        "Body": "Guten Tag",
    }


@pytest.mark.parametrize(("channel", "prefix"), [("twilio_whatsapp", "whatsapp:"), ("twilio_messenger", "messenger:")])
def test_addresses_have_their_channels_prefix(server: FakeTwilio, channel: str, prefix: str) -> None:
    outlets(server.url)[channel].send(delivery({"body": "Guten Tag"}, channel))
    got = server.messages[0]["sent"]
    assert (got["From"], got["To"]) == (prefix + OURS, prefix + THEIRS)


def test_a_text_message_has_numbers_for_choices_and_addresses_for_the_rest(server: FakeTwilio) -> None:
    link = Link("Sendung verfolgen", "https://track.example.com/1")
    (got,) = sent(
        server, Reply("Passt das? 🙂 „Ja“ – oder nein …", YES_NO, image=IMAGE, link=link, location=SHOP), "sms"
    )
    assert set(got) == {"Body"}
    body = got["Body"]
    assert body.startswith('Passt das? "Ja" - oder nein ...\nSendung verfolgen: https://track.example.com/1\n')
    assert "Lange Reihe 7" in body
    assert IMAGE in body
    assert "\n1 Ja\n2 Nein\n" in body
    assert "/affirm" not in body
    assert set(body) <= GSM


def test_two_choices_are_buttons_with_ids_of_ours(server: FakeTwilio) -> None:
    for channel in RICH:
        got = sent(server, Reply("Passt das?", YES_NO), channel)[-1]
        variables = {"body": "Passt das?", "title1": "Ja", "id1": "r7.0", "title2": "Nein", "id2": "r7.1"}
        assert json.loads(got["ContentVariables"]) == variables
        assert set(got) == {"ContentSid", "ContentVariables"}
        quick = server.contents[got["ContentSid"]]["types"]["twilio/quick-reply"]
        assert quick["body"] == "{{body}}"
        assert quick["actions"][1] == {"type": "QUICK_REPLY", "title": "{{title2}}", "id": "{{id2}}"}


def test_five_choices_are_a_list_on_whatsapp_and_numbers_where_one_is_too_long_for_a_button(server: FakeTwilio) -> None:
    (got,) = sent(server, Reply("Worum geht es?", FIVE), "twilio_whatsapp")
    picker = server.contents[got["ContentSid"]]["types"]["twilio/list-picker"]
    variables = json.loads(got["ContentVariables"])
    assert variables["button"] == "Auswählen"
    assert variables["title1"] == "Bestellung"
    assert (variables["id5"], variables["description5"]) == ("r7.4", "Etwas ganz anderes fragen")
    assert len(variables["title5"]) <= 24
    assert ["description" in item for item in picker["items"]] == [False] * 4 + [True]
    (text,) = sent(server, Reply("Worum geht es?", FIVE), "twilio_messenger")[1:]
    assert "5 Etwas ganz anderes fragen" in text["Body"]


def test_choices_that_fit_nowhere_are_numbers(server: FakeTwilio) -> None:
    for channel in CHANNELS:
        assert FREE[channel].numbers_choices(Reply("Was?", LONG))
    (got,) = sent(server, Reply("Was?", LONG), "twilio_whatsapp")
    assert got["Body"].startswith("Was?\n\n1: 0. Eintrag")


def test_only_numbered_choices_are_said_to_be() -> None:
    said = {name: outlet.numbers_choices(Reply("Passt das?", YES_NO)) for name, outlet in FREE.items()}
    assert said == {"sms": True, "twilio_whatsapp": False, "twilio_messenger": False}
    assert not FREE["sms"].numbers_choices(Reply("Gern."))


def test_an_image_has_the_text_as_its_caption(server: FakeTwilio) -> None:
    assert sent(server, Reply("Das Zelt.", image=IMAGE), "twilio_whatsapp") == [
        {"Body": "Das Zelt.", "MediaUrl": [IMAGE]}
    ]


def test_an_image_alone_goes_without_text(server: FakeTwilio) -> None:
    assert sent(server, Reply("", image=IMAGE), "twilio_messenger") == [{"MediaUrl": [IMAGE]}]


def test_buttons_come_after_everything_else(server: FakeTwilio) -> None:
    got = sent(server, Reply("Dort?", YES_NO, image=IMAGE, location=SHOP), "twilio_whatsapp")
    assert [set(one) for one in got] == [{"Body", "PersistentAction"}, {"MediaUrl"}, {"ContentSid", "ContentVariables"}]
    assert got[0]["PersistentAction"] == ["geo:53.550300,9.990000|Lange Reihe 7, 20099 Hamburg"]


def test_a_place_is_text_where_there_are_no_places(server: FakeTwilio) -> None:
    (got,) = sent(server, Reply("Hier:", location=SHOP), "twilio_messenger")
    assert "Nordwind Hamburg\nLange Reihe 7, 20099 Hamburg\nhttps://" in got["Body"]


def test_choices_without_words_get_some(server: FakeTwilio) -> None:
    (got,) = sent(server, Reply("", YES_NO, language="en"), "twilio_whatsapp")
    assert json.loads(got["ContentVariables"])["body"] == "Please choose."


def test_a_long_text_comes_in_pieces_and_the_buttons_with_the_last(server: FakeTwilio) -> None:
    words = " ".join(f"Satz {number} ist zu Ende." for number in range(300))
    got = sent(server, Reply(words, YES_NO), "twilio_whatsapp")
    last = json.loads(got[-1]["ContentVariables"])["body"]
    assert all(one["Body"].endswith(".") for one in got[:-1])
    assert " ".join([*(one["Body"] for one in got[:-1]), last]) == words
    assert max(len(one["Body"]) for one in got[:-1]) <= 1600
    assert len(last) <= 1024


REPLIES = st.builds(
    Reply,
    st.text(max_size=4000),
    st.lists(st.builds(Choice, st.text(min_size=1, max_size=80), st.just("/secret")), max_size=14).map(tuple),
    image=st.none() | st.just(IMAGE),
    link=st.none() | st.just(Link("Hier", "https://example.com")),
    location=st.none() | st.just(SHOP),
    language=st.sampled_from(["de", "en"]),
)


@given(REPLIES)
def test_every_form_keeps_twilios_limits_and_no_payload_is_told(reply: Reply) -> None:
    for outlet in FREE.values():
        for form in outlet.forms(reply, "r7"):
            assert utf16(form.get("body", "")) <= (1024 if {"buttons", "rows", "media"} & set(form) else 1600)
            assert form.get("body", "x").strip()
            assert {"body", "media"} & set(form)
            assert len(form.get("buttons", [])) <= 10
            assert len(form.get("rows", [])) <= 10
            for pressed in [*form.get("buttons", []), *form.get("rows", [])]:
                assert utf16(pressed["title"]) <= (20 if "buttons" in form else 24)
                assert "/secret" not in pressed["id"]
            json.dumps(form)


def test_a_content_of_each_shape_is_made_once(server: FakeTwilio) -> None:
    outlet = outlets(server.url)["twilio_whatsapp"]
    for number in range(3):
        (form,) = outlet.forms(Reply(f"Passt {number}?", YES_NO), f"r{number}")
        outlet.send(delivery(form, "twilio_whatsapp"))
    assert len({one["sent"]["ContentSid"] for one in server.messages}) == len(server.contents) == 1


def test_after_a_restart_the_contents_of_before_are_used(server: FakeTwilio) -> None:
    for _ in range(2):
        sent(server, Reply("Passt das?", YES_NO), "twilio_whatsapp")
    assert len(server.contents) == 1


def test_no_words_of_customers_are_kept_in_contents(server: FakeTwilio) -> None:
    sent(server, Reply("Ihre Bestellung 10482917, Frau Muster?", (Choice("Frau Muster", "/x"),)), "twilio_whatsapp")
    assert "10482917" not in json.dumps(server.contents)
    assert "Muster" not in json.dumps(server.contents)


def test_choices_are_words_when_no_content_can_be_made(server: FakeTwilio) -> None:
    server.content_faults = [Fault(400, {"code": 20001})]
    (got,) = sent(server, Reply("Passt das?", YES_NO), "twilio_whatsapp")
    assert got == {"Body": "Passt das?\n- Ja\n- Nein"}


def test_choices_are_words_when_the_content_is_gone_and_it_is_made_anew_next_time(server: FakeTwilio) -> None:
    outlet = outlets(server.url)["twilio_whatsapp"]
    (form,) = outlet.forms(Reply("Passt das?", YES_NO), "r7")
    outlet.send(delivery(form, "twilio_whatsapp"))
    server.faults = [Fault(400, {"code": 21655})]
    outlet.send(delivery(form, "twilio_whatsapp"))
    assert server.messages[0]["sent"]["Body"] == "Passt das?\n- Ja\n- Nein"
    outlet.send(delivery(form, "twilio_whatsapp"))
    assert server.messages[0]["sent"]["ContentSid"] in list(server.contents)[1:]


@pytest.mark.parametrize("fault", [Fault(500, {}), Fault(), Fault(429, {}), Fault(201, {"no": "sid"})])
def test_a_content_that_may_not_be_made_now_is_tried_later_with_nothing_sent(server: FakeTwilio, fault: Fault) -> None:
    outlet = outlets(server.url)["twilio_whatsapp"]
    (form,) = outlet.forms(Reply("Passt das?", YES_NO), "r7")
    server.content_faults = [fault]
    with pytest.raises(NotTaken):
        outlet.send(delivery(form, "twilio_whatsapp"))
    assert server.messages == []
    outlet.send(delivery(form, "twilio_whatsapp"))


def test_spelled_out_choices_fit_into_one_text(server: FakeTwilio) -> None:
    rows = tuple(
        Choice(f"{letter * 12} und so viele Zeichen mehr, wie in eine Zeile passen", "/x") for letter in "ABCDEFGHIJ"
    )
    server.content_faults = [Fault(400, {})]
    got = sent(server, Reply("Lang. " * 165, rows), "twilio_whatsapp")
    assert got[-1]["Body"].count("\n- ") == 10
    assert len(got[-1]["Body"]) <= 1600


def test_an_approved_template_is_filled_in_order(server: FakeTwilio) -> None:
    sid = "HX" + "a" * 32
    template = Template("order_update", {"de": sid}, ("order", "day"))
    variables = {"day": "morgen", "order": "10482917\n\t ist da"}
    outlet = outlets(server.url)["twilio_whatsapp"]
    form = outlet.template_form(template, "de", variables)
    assert form is not None
    outlet.send(delivery(form, "twilio_whatsapp"))
    got = server.messages[0]["sent"]
    assert (got["ContentSid"], json.loads(got["ContentVariables"])) == (sid, {"1": "10482917 ist da", "2": "morgen"})
    assert "Body" not in got


def test_there_is_no_template_in_another_language_or_on_another_channel() -> None:
    template = Template("order_update", {"de": "HX" + "a" * 32}, ())
    assert FREE["twilio_whatsapp"].template_form(template, "en", {}) is None
    assert FREE["sms"].template_form(template, "de", {}) is None
    assert FREE["twilio_messenger"].template_form(template, "de", {}) is None


def fails(outlet: TwilioOutlet, form: Form | None = None) -> Any:
    """The error of a sending."""
    with pytest.raises((Refused, NotTaken, Unclear)) as caught:
        outlet.send(delivery(form or {"body": "Guten Tag"}, outlet.name))
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 63016, WindowClosed),
        (400, 21610, OptedOut),
        (400, 21211, Refused),
        (400, 21614, Refused),
        (400, 99999, Refused),
        (404, 20404, Refused),
        (400, 63018, NotTaken),
        (400, 21611, NotTaken),
        (429, 20429, NotTaken),
        (503, 20503, NotTaken),
        (401, 20003, NotTaken),
        (500, 20500, Unclear),
        (502, None, Unclear),
        (302, None, Unclear),
    ],
)
def test_an_error_says_whether_it_helps_to_try_again(
    server: FakeTwilio, status: int, code: int | None, kind: type[DeliveryError]
) -> None:
    server.faults = [Fault(status, {"code": code, "message": f"{THEIRS} is wrong", "status": status})]
    error = fails(outlets(server.url)["sms"])
    assert type(error) is kind
    assert error.code == ("" if code is None else str(code))
    assert THEIRS not in str(error)


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7.0), ("0.5", 0.5), ("99999999", 3600.0), ("soon", None), ("-1", None), ("nan", None)]
)
def test_too_many_requests_say_how_long_to_wait(server: FakeTwilio, said: str, seconds: float | None) -> None:
    server.faults = [Fault(429, {"code": 20429}, {"Retry-After": said})]
    assert fails(outlets(server.url)["sms"]).retry_after == seconds


@pytest.mark.parametrize("body", [b"<html>", b"\xff\xfe", b"[]", b"null", b'{"code": {"a": 1}}', b""])
def test_an_error_page_that_is_no_json_is_understood_by_its_status(server: FakeTwilio, body: bytes) -> None:
    for status, kind in ((400, Refused), (429, NotTaken), (500, Unclear), (201, Unclear)):
        server.faults = [Fault(status, body, takes=status == 201)]
        assert type(fails(outlets(server.url)["sms"])) is kind


def test_a_connection_cut_after_sending_is_unclear_and_found_again(server: FakeTwilio) -> None:
    outlet, made = outlets(server.url)["sms"], delivery({"body": "Guten Tag"})
    server.faults = [Fault(takes=True)]
    with pytest.raises(Unclear):
        outlet.send(made)
    assert outlet.find(made) == server.messages[0]["sid"]


def test_a_connection_that_is_not_made_is_not_taken() -> None:
    with fake_twilio() as gone:
        url = gone.url
    assert type(fails(outlets(url)["sms"])) is NotTaken


class Broken(httpx.BaseTransport):
    """A network that fails in one way; `timeout` is what it was given."""

    def __init__(self, error: type[httpx.RequestError]) -> None:
        self.error = error
        self.timeout: dict[str, float] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Fail."""
        self.timeout = request.extensions["timeout"]
        raise self.error("broken", request=request)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError, NotTaken),
        (httpx.ConnectTimeout, NotTaken),
        (httpx.PoolTimeout, NotTaken),
        (httpx.ReadTimeout, Unclear),
        (httpx.WriteError, Unclear),
        (httpx.RemoteProtocolError, Unclear),
    ],
)
def test_where_the_connection_broke_says_what_is_known(
    error: type[httpx.RequestError], kind: type[DeliveryError]
) -> None:
    network = Broken(error)
    assert type(fails(outlets("https://api.twilio.com", transport=network)["sms"])) is kind
    assert network.timeout["connect"] <= 3
    assert network.timeout["connect"] + network.timeout["read"] <= 10


def test_a_sending_with_a_new_content_takes_no_longer_than_any_other(server: FakeTwilio) -> None:
    network = Slow(0.4)
    outlet = outlets(server.url, transport=network)["twilio_whatsapp"]
    (form,) = outlet.forms(Reply("Passt das?", YES_NO), "r7")
    outlet.send(delivery(form, "twilio_whatsapp"))
    assert network.limits == sorted(network.limits, reverse=True)
    assert network.limits[-1] < 10 - 0.8


class Slow(httpx.HTTPTransport):
    """A network on which everything takes `seconds`; `limits` are the seconds that each request was given."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.limits: list[float] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Do it later."""
        timeout = request.extensions["timeout"]
        self.limits.append(timeout["connect"] + timeout["read"])
        time.sleep(self.seconds)
        return super().handle_request(request)


def test_a_message_of_another_delivery_is_not_found(server: FakeTwilio) -> None:
    earlier = outlets(server.url)["sms"].send(delivery({"body": "Guten Tag"}))
    assert outlets(server.url, frozenset({earlier}))["sms"].find(delivery({"body": "Guten Tag"})) is None


def test_only_the_same_words_of_the_last_hour_to_the_same_customer_are_found(server: FakeTwilio) -> None:
    outlet = outlets(server.url)["sms"]
    sid = outlet.send(delivery({"body": "Guten Tag"}))
    assert outlet.find(delivery({"body": "Guten Tag "})) == sid
    assert outlet.find(delivery({"body": "Guten"})) is None
    assert outlet.find(delivery({"media": IMAGE})) is None
    assert outlet.find(delivery({"body": "Guten Tag"}, address=f"{OURS}/+491713920099")) is None
    assert outlets(server.url)["twilio_whatsapp"].find(delivery({"body": "Guten Tag"}, "twilio_whatsapp")) is None
    server.messages[0]["date_created"] = "Mon, 16 Nov 2026 08:00:00 +0000"
    assert outlet.find(delivery({"body": "Guten Tag"})) is None


@pytest.mark.parametrize("change", [{"direction": "inbound"}, {"date_created": None}, {"date_created": "gestern"}])
def test_what_is_not_surely_ours_is_not_found(server: FakeTwilio, change: dict[str, str | None]) -> None:
    outlet = outlets(server.url)["sms"]
    outlet.send(delivery({"body": "Guten Tag"}))
    server.messages[0].update(change)
    assert outlet.find(delivery({"body": "Guten Tag"})) is None


def test_two_that_fit_are_none(server: FakeTwilio) -> None:
    outlet = outlets(server.url)["sms"]
    for _ in range(2):
        outlet.send(delivery({"body": "Guten Tag"}))
    assert outlet.find(delivery({"body": "Guten Tag"})) is None


@pytest.mark.parametrize(
    "fault", [Fault(500, {}), Fault(429, {}), Fault(404, {}), Fault(), Fault(200, {"messages": 1})]
)
def test_what_cannot_be_asked_stays_unclear(server: FakeTwilio, fault: Fault) -> None:
    server.faults = [fault]
    with pytest.raises(Unclear):
        outlets(server.url)["sms"].find(delivery({"body": "Guten Tag"}))


def test_typing_is_not_shown_and_asks_nothing(server: FakeTwilio) -> None:
    for outlet in outlets(server.url).values():
        outlet.show_typing(ADDRESS, "SM" + "a" * 32)
    assert server.asked == []


def test_contents_have_a_host_of_their_own_at_twilio_only() -> None:
    assert content_base("https://api.twilio.com") == "https://content.twilio.com"
    assert content_base("https://api.dublin.ie1.twilio.com") == "https://content.dublin.ie1.twilio.com"
    assert content_base("http://127.0.0.1:9090") == "http://127.0.0.1:9090"


class Drips(httpx.BaseTransport):
    """A network that gives an answer byte by byte, five a second."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The beginning of an answer that never ends."""
        return httpx.Response(201, stream=Drops())


class Drops(httpx.SyncByteStream):
    """Blanks without end."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            time.sleep(0.2)
            yield b" "


def test_an_answer_that_drips_without_end_is_unclear_after_its_time() -> None:
    api = TwilioApi("AC1", "secret", "https://api.twilio.com", Drips())
    begun = time.monotonic()
    with pytest.raises(Unclear):
        api.send({"To": "x"}, begun + 1.5)
    assert time.monotonic() - begun < 4
