"""`sprachportal test` and its report: the figures are right, and the page shows them offline."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Browser
from sklearn.metrics import precision_recall_fscore_support

from bot.cli.measure import good_enough, json_of
from bot.cli.reading import load_agents, read_all, threshold_of
from bot.cli.talk import understand
from bot.dialogues import Failure
from bot.errors import PortalError
from bot.reports.html import render, require_writable, write_report
from bot.reports.recipe import read_recipe
from bot.reports.refit import in_folds, learning_curve
from bot.reports.sentences import Sentence, read_held_out, read_training
from bot.reports.statistics import Reading, Share, by_confidence, calibration_error, confusions, per_intent
from bot.reports.summary import Conversations, Measured, Subject, Summary, sum_up
from bot.reports.values import measure_values
from bot.validation.conversations import read_dialogues
from bot.validation.held_out import HELD_OUT
from bot.validation.tables import TableError, read_table
from tests.e2e.conftest import browser
from tests.full_disk import full_disk
from tests.model_copies import typed

__all__ = ["browser"]
HEAD = "text\tintent\tlanguage\tchannel\n"
NASTY = "</script><script>alert(1)</script> & \"wo\" ist 'es'?"
SOME = ("ask_voucher", "greet", "ask_warranty", "praise")


def reading(intent: str, guessed: str, confidence: float = 0.9, text: str = "wo ist es", best: str = "") -> Reading:
    return Reading(text, intent, "de", "chat", guessed, best or guessed, confidence)


def summed(*readings: Reading, failed: tuple[Failure, ...] = ()) -> Summary:
    subject = Subject("20261122-081500-1f2e3d4c", "1f2e3d4c", "2026-11-22 09:15+01:00", 0.4)
    return sum_up(subject, Measured(list(readings), [], {"hallo"}, None, Conversations(3, list(failed))))


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html)


def shown(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def percent(share: float) -> str:
    """A share as `shown` gives it."""
    return f"{share * 100:.1f} %"


def table(page: ElementTree.Element, first_head: str) -> list[list[str]]:
    """The cells of the table whose first column has this head."""
    found = next(t for t in page.iter("table") if shown(next(t.iter("th"))) == first_head)
    return [[shown(cell) for cell in row.iter("td")] for row in found.iter("tr") if row.find("td") is not None]


@pytest.fixture(scope="module")
def tested(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What `sprachportal test --json` says of the suite's model, and the report."""
    file = tmp_path_factory.mktemp("report") / "folder" / "report.html"
    result = typed("test", "--no-conversations", "--json", "--model", model.name, "--report", str(file))
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["report"] == str(file)
    return told, file.read_text("utf-8")


def test_the_report_is_well_formed_and_loads_nothing(tested: tuple[dict[str, Any], str]) -> None:
    page = parsed(tested[1])
    for element in page.iter():
        assert not {"src", "href", "action", "style", "onclick", "onload"} & set(element.attrib), element.attrib
        assert element.tag not in ("link", "img", "iframe", "object", "embed", "base")
    policy = next(meta for meta in page.iter("meta") if "http-equiv" in meta.attrib).attrib["content"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "url(" not in tested[1]
    assert len(list(page.iter("svg"))) == 4


def test_the_numbers_of_the_report_are_those_of_the_json(tested: tuple[dict[str, Any], str]) -> None:
    told, page = tested[0], parsed(tested[1])
    headlines = [shown(strong) for strong in page.iter("strong")]
    rejections, values = told["rejections"], told["values"]
    assert told["unseen"] == told["understood"], "a held-out sentence stands in the training data"
    wanted = [told["understood"]["value"], told["macro_f1"]]
    wanted += [rejections["rejected"]["value"], rejections["none_found"]["value"], values["exact"]["value"]]
    assert headlines == list(map(percent, wanted))
    intents = [[percent(one["f1"]), percent(one["precision"]), percent(one["recall"])] for one in told["intents"]]
    assert [row[1:4] for row in table(page, "Intent")] == intents
    assert [row[0] for row in table(page, "Sentence")] == [" ".join(one["text"].split()) for one in told["wrong"]]
    kinds = [[kind["name"], percent(kind["found"]["value"])] for kind in values["kinds"]]
    assert [row[:2] for row in table(page, "Kind")] == kinds
    assert told["subject"]["model"] in shown(next(page.iter("h1")))


def test_the_json_has_the_figures_of_the_register_and_agrees_with_them(tested: tuple[dict[str, Any], str]) -> None:
    told = tested[0]
    assert told["accuracy"]["all"] == told["understood"]["value"]
    assert {name: told["accuracy"][name] for name in told["groups"]} == {
        name: group["value"] for name, group in told["groups"].items()
    }
    assert told["per_intent"] == {one["name"]: one["recall"] for one in told["intents"]}
    assert told["sentences"] == told["understood"]["total"] == sum(one["sentences"] for one in told["reliability"])
    assert len(told["wrong"]) == told["sentences"] - told["understood"]["right"]
    assert [point["part"] for point in told["learning_curve"]] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert told["learning_curve"][-1]["understood"]["value"] == pytest.approx(told["understood"]["value"], abs=0.02)


def test_words_of_customers_are_text_and_nothing_else() -> None:
    failure = Failure(NASTY, 1, NASTY, NASTY)
    page = parsed(render(summed(reading(NASTY, "greet", text=NASTY), reading("greet", "greet"), failed=(failure,))))
    assert len(list(page.iter("script"))) == 1
    assert [row[:3] for row in table(page, "Sentence")] == [[NASTY, NASTY, "greet"]]
    assert [shown(pre) for pre in page.iter("pre")] == [NASTY]


def test_a_report_of_a_faultless_model_has_no_confusions() -> None:
    page = parsed(render(summed(reading("greet", "greet"))))
    assert [shown(head) for head in page.iter("h2")] == [
        "Language and channel",
        "Confidence",
        "Reliability",
        "Every intent",
    ]


def test_many_sentences_at_once_are_read_like_one_at_a_time(model: Path) -> None:
    (agent,) = load_agents(model)
    sentences = read_held_out(HELD_OUT)[::5]
    readings = read_all(agent, sentences)
    alone = [understand(agent, one.text, one.channel, one.language, date.today()) for one in sentences]
    assert [one.guessed for one in readings] == [one["intent"] for one in alone]
    rankings = [[found for found in one["ranking"] if found["name"] != "nlu_fallback"] for one in alone]
    assert [one.best for one in readings] == [ranking[0]["name"] for ranking in rankings]
    for one, ranking in zip(readings, rankings, strict=True):
        assert one.confidence == pytest.approx(ranking[0]["confidence"], abs=0.0002)
    assert 0 < threshold_of(agent) < 1


def test_precision_recall_and_f1_are_those_of_scikit_learn() -> None:
    chance = np.random.default_rng(1)
    names = ["greet", "thank", "goodbye", "out_of_scope"]
    pairs = [(str(chance.choice(names)), str(chance.choice([*names, "nlu_fallback"]))) for _ in range(300)]
    readings = [reading(intent, guessed) for intent, guessed in pairs]
    answers = [one.answer for one in readings]
    wanted = precision_recall_fscore_support([i for i, _ in pairs], answers, labels=names, zero_division=0)
    found = {one.name: one for one in per_intent(readings)}
    for place, name in enumerate(names):
        figures = (found[name].precision, found[name].recall, found[name].f1)
        assert figures == pytest.approx([column[place] for column in wanted[:3]], abs=0.0001)
        assert found[name].sentences == wanted[3][place]


def test_shares_have_wilsons_interval() -> None:
    # Newcombe 1998, table I: 81 of 263 and 15 of 148; all of ten do not prove that all are.
    assert (Share.of(81, 263).low, Share.of(81, 263).high) == pytest.approx((0.2553, 0.3662), abs=0.0001)
    assert (Share.of(15, 148).low, Share.of(15, 148).high) == pytest.approx((0.0624, 0.1605), abs=0.0001)
    assert Share.of(10, 10).low == pytest.approx(0.7225, abs=0.0001)
    assert Share.of(0, 0) == Share(0, 0, 0.0, 0.0, 1.0)


def test_confidences_that_promise_too_much_show_as_calibration_error() -> None:
    honest = [reading("greet", "greet" if number < 8 else "thank", 0.8) for number in range(10)]
    boasting = [reading("greet", "greet" if number < 5 else "thank", 1.0) for number in range(10)]
    assert calibration_error(by_confidence(honest, 10)) == pytest.approx(0)
    assert calibration_error(by_confidence(boasting, 10)) == pytest.approx(0.5)
    assert calibration_error(by_confidence([*honest, *boasting], 10)) == pytest.approx(0.25)


def test_a_rejection_is_right_for_what_is_out_of_scope_and_wrong_for_our_matters() -> None:
    none, ours = reading("out_of_scope", "nlu_fallback"), reading("greet", "nlu_fallback", best="greet")
    summary = summed(none, ours, reading("greet", "out_of_scope"), reading("greet", "greet"))
    assert summary.understood.right == 2
    assert summary.rejections.none_found == Share.of(1, 1)
    assert (summary.rejections.rejected, summary.rejections.taken_for_none) == (Share.of(1, 3), Share.of(1, 3))
    assert [(pair.intent, pair.guessed) for pair in confusions([none, ours])] == [("greet", "nlu_fallback")]


def test_sentences_that_stand_in_the_training_data_are_told_apart() -> None:
    summary = summed(reading("greet", "greet", text="Hallo!"), reading("greet", "thank"), reading("greet", "greet"))
    assert (summary.understood, summary.unseen) == (Share.of(2, 3), Share.of(1, 2))
    assert "50.0 % of the 2 sentences that do not stand in the training data" in shown(parsed(render(summary)))


def test_a_model_fails_by_what_it_understands_and_by_conversations() -> None:
    right, wrong = reading("greet", "greet"), reading("greet", "thank")
    assert good_enough(summed(right, right, right, wrong))
    assert not good_enough(summed(right, wrong))
    assert not good_enough(summed(right, failed=(Failure("Storno", 2, "expected: Ja", "Nein"),)))


def test_cross_validation_reads_each_example_once_by_what_did_not_learn_it() -> None:
    recipe = read_recipe()
    assert recipe is not None
    training = [one for one in read_training() if one.intent in SOME]
    lonely = Sentence("xyzzy plugh", "only_here", "de")
    training.append(lonely)
    folds = list(in_folds(recipe, training, 3))
    readings = [one for fold in folds for one in fold]
    assert sorted(one.text for one in readings) == sorted(one.text for one in training)
    assert max(map(len, folds)) - min(map(len, folds)) <= len(SOME) + 1
    assert not next(one for one in readings if one.intent == lonely.intent).right
    assert sum(one.right for one in readings) > 0.8 * len(readings)


def test_the_learning_curve_learns_from_ever_more_of_each_intent() -> None:
    recipe = read_recipe()
    assert recipe is not None
    training = [one for one in read_training() if one.intent in SOME]
    sentences = [one for one in read_held_out(HELD_OUT) if one.intent in SOME]
    points = list(learning_curve(recipe, training, sentences))
    assert [point.examples for point in points] == sorted({point.examples for point in points})
    assert points[0].examples == pytest.approx(0.2 * len(training), abs=len(SOME))
    assert points[-1].examples == len(training)
    assert points[-1].understood.value > 0.8


def test_marks_of_entities_are_no_part_of_a_training_sentence(tmp_path: Path) -> None:
    (tmp_path / "orders.de.yml").write_text(
        'nlu:\n- intent: ask_stock\n  examples: |\n    - gibt es [Zelt](product) und [Hut]{"entity": "product"} noch\n'
    )
    assert [one.text for one in read_training(tmp_path)] == ["gibt es Zelt und Hut noch"]
    (tmp_path / "orders.en.yml").write_text("nlu:\n- intent: [\n")
    with pytest.raises(PortalError, match=r"orders\.en\.yml:\d"):
        read_training(tmp_path)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"", ":1: the head must name"),
        (b"text\tintent\n", ":1: the head must name"),
        (HEAD.encode(), "has no sentences"),
        (f"{HEAD}Hallo\tgreet\tde\tchat\n\nHallo\tgreet\tde\n".encode(), ":4: 3 columns instead of 4"),
        (f"{HEAD}Hallo\tgreet\tde\tsms\n".encode(), ":2: channel is 'sms', it can be chat or voice"),
        (f"{HEAD}Hallo\t\tde\tchat\n".encode(), ":2: intent is empty"),
        (HEAD.encode() + b"sch\xf6n\tpraise\tde\tchat\n", ":2: this is not UTF-8"),
    ],
)
def test_a_broken_table_is_told_with_its_line(text: bytes, where: str, tmp_path: Path) -> None:
    file = tmp_path / "sentences.tsv"
    file.write_bytes(text)
    with pytest.raises(TableError, match=re.escape(where)) as told:
        read_held_out(file)
    assert str(file) in told.value.what
    assert told.value.todo


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path / "none.tsv", ["text"])


def test_values_are_counted_by_kind_and_broken_expectations_told(tmp_path: Path) -> None:
    file, head = tmp_path / "values.tsv", "channel\tlanguage\ttext\texpected\n"
    lines = ['chat\tde\tam 24.12.2026\t[["date", "2026-12-24"]]', "chat\tde\tBestellung 10482917\t[]"]
    file.write_text(head + "\n".join(lines) + "\n")
    figures = measure_values([file])
    assert figures.exact == Share.of(1, 2)
    kinds = {kind.name: (kind.found.right, kind.found.total, kind.too_many) for kind in figures.kinds}
    assert kinds == {"date": (1, 1, 0), "order_number": (0, 0, 1)}
    file.write_text(head + "chat\tde\theute\t[[1]]\n")
    with pytest.raises(TableError, match=r"values\.tsv:2: the expected values"):
        measure_values([file])


def test_a_report_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "report.html"):
        result = typed("test", "--report", str(place))
        assert isinstance(result.exception, PortalError)
        assert str(place) in result.exception.what
        with pytest.raises(PortalError):
            require_writable(place)
    with pytest.raises(PortalError, match="cannot be written"):
        write_report(tmp_path / "nowhere" / "report.html", "")
    with full_disk(), pytest.raises(PortalError, match="File too large"):
        write_report(tmp_path / "report.html", "<html></html>")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "words", [("--folds", "5"), ("--cross-validate", "--model", "newest"), ("--cross-validate", "--folds", "1")]
)
def test_wrong_use_is_told(words: tuple[str, ...]) -> None:
    assert typed("test", *words).exit_code == 2


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = typed("test", "--model", "19990101-000000-00000000", "--report", str(tmp_path / "report.html"))
    assert isinstance(result.exception, PortalError)
    assert "there is no model" in result.exception.what


def test_a_broken_conversation_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "orders.yml").write_text("- name: Storno\n  turns: nothing\n")
    with pytest.raises(PortalError, match=r"orders\.yml:2: turns: Expected `array`"):
        read_dialogues(tmp_path)


def test_the_json_of_a_summary_can_be_read_by_programs() -> None:
    one = reading("greet", "thank")
    told = json.loads(json.dumps(json_of(summed(one), [one])))
    assert told["wrong"][0]["text"] == one.text
    assert told["confusions"] == [{"intent": "greet", "guessed": "thank", "sentences": [one.text]}]


# At the end: while the browser is open, its event loop runs in the main thread.
def test_the_report_opens_offline_without_complaint_and_filters(
    tested: tuple[dict[str, Any], str], browser: Browser, tmp_path: Path
) -> None:
    file, complaints = tmp_path / "report.html", list[str]()
    file.write_text(tested[1], "utf-8")
    asked: list[str] = []
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    rows = page.locator("#wrong tbody tr")
    wrong = tested[0]["wrong"]
    assert rows.count() == len(wrong)
    page.fill("#words", wrong[0]["text"][:20].upper())
    assert rows.locator("visible=true").count() >= 1
    page.fill("#words", "kein Satz hat diese Worte")
    assert rows.locator("visible=true").count() == 0
    assert page.text_content("#shown") == f"0 of {len(wrong)}"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()
    assert complaints == []
    assert asked == [file.as_uri()]
