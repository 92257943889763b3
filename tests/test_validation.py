"""`validate` finds what is wrong in dialogue data, with file, line and remedy, on every channel."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.channels.outlet import Delivery, Form, Outlet, Template
from bot.cli.check import sentence_vectors
from bot.texts import Texts
from bot.training_data import digests
from bot.turns import Reply
from bot.validation import Finding, validate
from bot.validation.channels import check_channels
from bot.validation.code import Code, read_code
from bot.validation.examples import check_near
from bot.validation.outlets import every_outlet
from bot.validation.responses import check_responses
from bot.validation.rules import unled_intents
from bot.validation.shapes import STORIES
from bot.validation.source import read_folder
from tests.conftest import ROOT

PLACE = re.compile(r"(?P<file>[^:]+\.(?:yml|py)):(?P<line>\d+)(: |$)")
NOBODY = "\nresponses:\n  utter_of_nobody:\n"
THANKS = "stories: [{{story: A, steps: [{{intent: {intent}}}, {{action: action_not_understood}}]}}]"
TWICE = "- rule: Again\n  steps:\n  - intent: nlu_fallback\n  - action: action_not_understood\n"
FINE = """
  - condition: [{type: slot, name: language, value: de}]
    text: "Gern."
  - condition: [{type: slot, name: language, value: en}]
    text: "Gladly."
"""


@pytest.fixture(scope="module")
def code() -> Code:
    return read_code(ROOT)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("bot/domain", "nlu_data", "stories", "tests/nlu"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "portal.yml").write_text("company: {name: Nordwind}\n", "utf-8")
    return tmp_path


def change(project: Path, code: Code, file: str, old: str, new: str) -> list[Finding]:
    path = project / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return validate(project, code=code)


def response(folder: Path, variants: str, outlets: Sequence[Outlet] = ()) -> list[Finding]:
    """What is found in one response with these variants, on these channels or on all."""
    (folder / "one.yml").write_text(f"responses:\n  utter_one:{variants}", "utf-8")
    sources = read_folder(folder)
    known = {"affirm", "deny"}
    return [*check_responses(sources, known), *check_channels(sources, outlets or every_outlet(Texts.load()))]


def test_the_project_is_sound_on_every_channel(code: Code) -> None:
    assert validate(ROOT, every_outlet(Texts.load()), code) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("bot/domain/dialogue.yml", 'text: "You are very', 'text: "<b>You are very', "cannot be spoken"),
        ("bot/domain/dialogue.yml", 'text: "You are very', 'text: "😊 You are very', "cannot be spoken"),
        ("bot/domain/dialogue.yml", 'text: "You are very', 'text: "See https://x.example, very', "cannot be spoken"),
        ("bot/domain/dialogue.yml", "You are very welcome!", "Welcome {name}!", "different placeholders"),
        ("bot/domain/dialogue.yml", "You are very welcome!", "x" * 1001, "1001 characters"),
        ("bot/domain/dialogue.yml", "You are very welcome!", "", "the text is empty"),
        ("bot/domain/dialogue.yml", "Öffnungszeiten", "Öffnungszeiten der Filialen", "27 characters"),
        ("bot/domain/dialogue.yml", 'title: "Opening hours"', 'title: "Talk to a human"', "look alike"),
        ("bot/domain/dialogue.yml", "payload: /start_return", "payload: /no_such_intent", "is no intent"),
        ("bot/domain/dialogue.yml", "payload: /start_return", 'payload: "/inform{\\"x\\": 1}"', "single brace"),
        ("bot/domain/dialogue.yml", "  utter_greet:", "  utter_goodbye: []\n\n  utter_greet:", "stands twice"),
        ("bot/domain/orders.yml", "- cancel_order: {use_entities: []}\n", "", "does not know this intent"),
        ("bot/domain/portal.yml", "\nresponses:", f"{NOBODY}{FINE}", "nobody says this response"),
        ("bot/domain/dialogue.yml", "- action_goodbye\n", "", "the action action_goodbye does not exist"),
        (
            "bot/domain/dialogue.yml",
            "- action_goodbye\n",
            "- action_goodbye\n- action_sing\n",
            "no action has this name",
        ),
        ("bot/domain/dialogue.yml", "- iban\n", "- iban\n- shoe_size\n", "nothing finds this entity"),
        ("bot/domain/stores.yml", 'latitude: "{latitude}", ', "", "has no degrees"),
        ("bot/domain/stores.yml", "location: {lat", "map: {lat", "neither a link nor a location"),
        ("stories/dialogue.yml", "intent: thank", "intent: goodbye", "no rule or story begins"),
        ("stories/dialogue.yml", "intent: thank", "intent: thank_much", "no intent thank_much"),
        ("stories/dialogue.yml", "action: utter_greet", "action: utter_hello", "utter_hello does not exist"),
        ("stories/dialogue.yml", "rules:", f"{THANKS.format(intent='thx')}\nrules:", "no intent thx"),
        ("stories/dialogue.yml", "rules:", "stories: [{story: One, steps: []}]\nrules:", "it has no steps"),
        ("stories/dialogue.yml", "rules:", "rules:\n- rule: Nothing\n", "it has no steps"),
        ("stories/dialogue.yml", "- rule: Not understood\n", f"{TWICE}\n- rule: Not understood\n", "the same rule"),
        ("tests/nlu/heldout.tsv", "\ndie ", "\nei\tfoo\tde\tchat\ndie ", "does not know this intent"),
        (
            "portal.yml",
            "company:",
            "messaging: {templates: {x: {text: utter_notice_x}}}\ncompany:",
            "utter_notice_x does not",
        ),
        ("stories/dialogue.yml", "rules:", "rules: [", "no valid YAML"),
        ("stories/dialogue.yml", 'version: "3.1"', "- 3", "no valid YAML"),
        ("nlu_data/orders.de.yml", "examples: |", "examples:", "here is a list instead of a text"),
        ("nlu_data/orders.de.yml", "- intent: cancel_order", "- intent: cancel_it", "does not know this intent"),
        (
            "nlu_data/orders.de.yml",
            "- intent: cancel_order\n  examples: |\n",
            "- intent: cancel_order\n  examples: |\n    - vielen dank\n",
            "stands in",
        ),
    ],
)
def test_what_is_wrong_is_found(project: Path, code: Code, file: str, old: str, new: str, what: str) -> None:
    found = change(project, code, file, old, new)
    assert any(what in finding.what for finding in found), found
    assert all(finding.where and finding.todo for finding in found)
    for finding in found:
        if place := PLACE.match(finding.where):
            assert 0 < int(place["line"]) <= len(Path(place["file"]).read_text("utf-8").splitlines())


def test_a_held_out_sentence_that_is_an_example_is_found_with_both_places(project: Path, code: Code) -> None:
    examples, held_out = project / "nlu_data/orders.de.yml", project / "tests/nlu/heldout.tsv"
    rows = ("Wo bleibt  mein Päckchen?!", "Wo ist das Zelt?", "ein Satz, den niemand lernt")
    lines = [f"{text}\task_order_status\tde\tchat" for text in rows]
    held_out.write_text("\n".join(["text\tintent\tlanguage\tchannel", *lines]), "utf-8")
    first, new = "  examples: |\n", "  examples: |\n    - wo bleibt mein päckchen\n    - wo ist das [Zelt](product)\n"
    found = change(project, code, "nlu_data/orders.de.yml", first, new)
    assert [finding.where for finding in found] == [f"{held_out}:{line}: ask_order_status" for line in (2, 3)]
    assert not any(finding.is_hint for finding in found)
    assert f"({examples}:5: ask_order_status)" in found[0].what
    assert "delete it" in found[0].todo


def test_a_broken_table_of_held_out_sentences_is_found(project: Path, code: Code) -> None:
    held_out = project / "tests/nlu/heldout.tsv"
    held_out.write_text("text\tintent\tlanguage\tchannel\nwo ist es\tgreet\n", "utf-8")
    (finding,) = validate(project, code=code)
    assert finding.what == f"{held_out}:2: 2 columns instead of 4"


def test_a_missing_table_of_held_out_sentences_is_a_hint(project: Path, code: Code) -> None:
    (project / "tests/nlu/heldout.tsv").unlink()
    (finding,) = validate(project, code=code)
    assert finding.is_hint
    assert "`test` and `promote` cannot measure" in finding.what


def test_a_broken_conversation_is_found_with_its_line(project: Path, code: Code) -> None:
    folder = project / "tests/e2e"
    folder.mkdir()
    (folder / "one.yml").write_text("- name: A\n  turns:\n  - said: hallo\n    expect: [Guten Tag]\n", "utf-8")
    (folder / "two.yml").write_text("- name: B\n  turns: [\n", "utf-8")
    one, two = validate(project, code=code)
    assert one.where == f"{folder}/one.yml:3: turns"
    assert one.what == "Object contains unknown field `expect`"
    assert two.where == f"{folder}/two.yml:3"
    assert two.what == "this is no valid YAML"


def test_intents_are_led_by_rules_and_by_stories(tmp_path: Path) -> None:
    rule = "rules:\n- rule: A\n  steps:\n  - intent: greet\n  - action: utter_greet\n"
    story = "stories:\n- story: B\n  steps:\n  - or:\n    - intent: affirm\n    - intent: deny\n"
    (tmp_path / "one.yml").write_text(rule + story, "utf-8")
    assert unled_intents(read_folder(tmp_path), {"thank", "greet", "deny", "affirm", "ask"}) == ["ask", "thank"]


def test_words_such_as_yes_are_texts_as_rasa_reads_them(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text("rules:\n- rule: Yes\n  steps: [{intent: no}]\n", "utf-8")
    (source,) = read_folder(tmp_path, STORIES)
    assert source.data["rules"] == [{"rule": "Yes", "steps": [{"intent": "no"}]}]


def test_numbers_and_times_are_read_as_rasa_reads_them(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text("[1e-3, 4E-1, 10:30, 012, 089, 0o17, 0x1f, -0b11, 1_000]", "utf-8")
    (source,) = read_folder(tmp_path, [object])
    assert source.data == [0.001, 0.4, "10:30", 12, 89, 15, 31, -3, 1000]


def test_a_time_without_quotes_is_the_title_of_a_button(tmp_path: Path) -> None:
    buttons = "buttons:\n    - title: 10:30\n      payload: /affirm"
    assert (
        response(tmp_path, FINE.replace('Gern."', f'Gern."\n    {buttons}').replace('ly."', f'ly."\n    {buttons}'))
        == []
    )
    assert Texts.load(tmp_path).choices("utter_one", "de")[0].title == "10:30"


def test_what_editors_keep_beside_a_file_is_left_aside(project: Path, code: Code) -> None:
    for folder in ("bot/domain", "nlu_data", "stories"):
        (project / folder / ".#orders.yml").symlink_to("someone@somewhere.1234:5678")
    assert validate(project, code=code) == []
    assert Texts.load(project / "bot/domain").has("utter_greet")


def test_files_that_only_training_reads_are_found(project: Path, code: Code) -> None:
    (project / "nlu_data/sub").mkdir()
    for name in ("nlu_data/more.de.yaml", "nlu_data/sub/x.yml", "stories/.hidden.yml", "bot/domain/orders.yaml"):
        (project / name).write_text('version: "3.1"\n', "utf-8")
    assert {(finding.where, finding.todo) for finding in validate(project, code=code)} == {
        (f"{project}/nlu_data/more.de.yaml", f"make it {project}/nlu_data/more.de.yml"),
        (f"{project}/nlu_data/sub/x.yml", f"make it {project}/nlu_data/x.yml"),
        (f"{project}/stories/.hidden.yml", f"make it {project}/stories/hidden.yml"),
        (f"{project}/bot/domain/orders.yaml", f"put it into {project}/bot/domain/orders.yml"),
    }
    assert f"{project}/nlu_data/more.de.yaml" in digests(project / "nlu_data")


def test_a_table_that_begins_with_a_byte_order_mark_is_read(project: Path, code: Code) -> None:
    held_out = project / "tests/nlu/heldout.tsv"
    held_out.write_bytes(b"\xef\xbb\xbf" + held_out.read_bytes())
    assert validate(project, code=code) == []


@pytest.mark.parametrize(
    "key", ["conversation_start: true", "wait_for_user_input: false", "condition: [active_loop: x]"]
)
def test_rules_that_hold_at_other_times_are_not_the_same(project: Path, code: Code, key: str) -> None:
    new = f"{TWICE.replace('steps', key + chr(10) + '  steps')}\n- rule: Not understood\n"
    assert change(project, code, "stories/dialogue.yml", "- rule: Not understood\n", new) == []


def test_a_response_that_code_says_and_nobody_wrote_is_found_in_the_code(project: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "actions", tmp_path / "actions")
    file = tmp_path / "actions/orders.py"
    file.write_text(file.read_text("utf-8").replace('"utter_confirm_cancel"', '"utter_confirm_cancle"'), "utf-8")
    found = [finding for finding in validate(project) if "utter_confirm_cancle does not exist" in finding.what]
    place = PLACE.match(found[0].where)
    assert place is not None
    assert "utter_confirm_cancle" in Path(place["file"]).read_text("utf-8").splitlines()[int(place["line"]) - 1]


def test_the_line_is_that_of_the_sentence(project: Path, code: Code) -> None:
    found = change(
        project, code, "nlu_data/stores.de.yml", "    - filialfinder\n", "    - filialfinder\n    - danke schön\n"
    )
    stated = [PLACE.match(finding.where) for finding in found if "stands in" in finding.what]
    lines = {Path(p["file"]).read_text("utf-8").splitlines()[int(p["line"]) - 1].strip() for p in stated if p}
    assert "- danke schön" in {line.lower() for line in lines}


def test_the_line_is_that_of_the_variant(tmp_path: Path) -> None:
    (finding,) = response(tmp_path, FINE.replace("Gladly.", "Glad*ly"))
    assert finding.where == f"{tmp_path}/one.yml:5: utter_one"


def test_rules_with_other_conditions_do_not_contradict(project: Path, code: Code) -> None:
    path = project / "stories/dialogue.yml"
    rule = "\n- rule: Hello within the form\n  condition:\n  - active_loop: matter_form\n  steps:\n"
    path.write_text(path.read_text("utf-8") + rule + "  - intent: greet\n  - action: utter_help\n", "utf-8")
    assert validate(project, code=code) == []


def test_emoji_and_links_are_fine_where_the_phone_has_its_own_words(tmp_path: Path) -> None:
    spoken = FINE.replace("    text", "    channel: voice\n    text")
    assert response(tmp_path, FINE.replace("Gern.", "Gern 😊 https://x.example/a_b") + spoken) == []


@pytest.mark.parametrize(
    ("attachment", "what"),
    [
        ('{link: {title: "Zur Sendung", url: "{url}"}}', ""),
        ('{link: {title: "Zur Sendung", url: "https://x.example/{number}"}}', ""),
        ('{link: {title: "Zur Sendung", url: "http://x.example"}}', "no https address"),
        ('{link: {url: "https://x.example"}}', "no https address with a title"),
        ('{link: {title: "Verfolgen Sie Ihre Sendung", url: "https://x.example"}}', "too long for a button"),
        ("{location: {latitude: 53.5}}", "has no degrees"),
        ("{}", "neither a link nor a location"),
        ("[]", "neither a link nor a location"),
    ],
)
def test_attachments_are_checked(tmp_path: Path, attachment: str, what: str) -> None:
    variants = FINE.replace('."', f'."\n    attachment: {attachment}')
    found = response(tmp_path, variants)
    assert all(what in finding.what for finding in found)
    assert bool(found) == bool(what), found


def test_an_attachment_is_nothing_for_the_phone(tmp_path: Path) -> None:
    spoken = FINE.replace('."', '."\n    channel: voice\n    attachment: {location: {latitude: 1, longitude: 2}}')
    assert {finding.what for finding in response(tmp_path, FINE + spoken)} == {"a caller cannot see an attachment"}


def test_a_sign_that_makes_text_messages_dear_is_a_hint(tmp_path: Path) -> None:
    (finding,) = response(tmp_path, FINE.replace("Gern.", "Gern „sofort“ → jetzt"))
    assert finding.is_hint
    assert finding.what.startswith("'→'")


class OwnOutlet:
    """An outlet that shows a reply as its test wants."""

    has_window = False

    def __init__(self, name: str, **changes: object) -> None:
        self.name = name
        self._changes = changes

    def forms(self, reply: Reply, reference: str) -> list[Form]:
        body = self._changes.get("body", reply.text)
        buttons = [{"id": f"{reference}.0", "title": choice.title} for choice in reply.choices]
        whole: Form = {"body": body, **({"buttons": buttons} if buttons else {}), **self._changes}
        return [whole] * int(str(self._changes.get("times", 1)))

    def numbers_choices(self, reply: Reply) -> bool:
        return False

    def template_form(self, template: Template, language: str, variables: Mapping[str, str]) -> Form | None:
        return None

    def send(self, delivery: Delivery) -> str:
        raise NotImplementedError

    def find(self, delivery: Delivery) -> str | None:
        return None

    def show_typing(self, address: str, provider_id: str) -> None:
        return None


@pytest.mark.parametrize(
    ("outlet", "what"),
    [
        (OwnOutlet("twilio_whatsapp"), ""),
        (OwnOutlet("twilio_whatsapp", body="Ger"), "the word 'Gern' is lost"),
        (OwnOutlet("twilio_whatsapp", body="Gern. Gladly. " + "x" * 1601), "at most 1600"),
        (OwnOutlet("twilio_whatsapp", body="Gern. Gladly. /inform{"), "customers would read"),
        (OwnOutlet("twilio_whatsapp", body="Gern. Gladly. {number}"), "customers would read"),
        (OwnOutlet("twilio_whatsapp", buttons=[{"id": "1", "title": "Ja"}]), "'Ja bitte' is lost"),
        (OwnOutlet("twilio_whatsapp", buttons=[{"id": "1", "title": "Ja bitte"}] * 4), "4 entries, at most 3"),
        (OwnOutlet("twilio_whatsapp", buttons=[{"id": "1", "title": "Ja bitte"}] * 2), "look alike"),
        (OwnOutlet("twilio_whatsapp", buttons=[{"id": "1", "title": "Ja bitte, sehr gern doch"}]), "at most 20"),
        (OwnOutlet("twilio_whatsapp", buttons=[{"id": "/affirm", "title": "Ja bitte"}]), "customers would read"),
        (OwnOutlet("twilio_whatsapp", colour="red"), "`colour` has no limit"),
        (OwnOutlet("twilio_whatsapp", times=0), "nothing of it is sent"),
        (OwnOutlet("twilio_whatsapp", times=4), "becomes 4 messages"),
        (OwnOutlet("twilio_whatsapp", times="many"), "cannot show it (ValueError)"),
        (OwnOutlet("sms", body="Gern. Gladly. Ja bitte 😊", buttons="Ja"), "an emoji in a text message"),
    ],
)
def test_what_a_channel_does_wrong_is_found(tmp_path: Path, outlet: Outlet, what: str) -> None:
    variants = FINE.replace('."', '."\n    buttons: [{title: Ja bitte, payload: /affirm}]')
    found = [finding.what for finding in response(tmp_path, variants, [outlet])]
    assert any(what in each for each in found) if what else found == [], found


@pytest.mark.parametrize(
    "part",
    [
        'attachment: {location: {latitude: 53.5, longitude: 9.9, name: "Nordwind", address: "Weg 1"}}',
        'attachment: {link: {title: "Zur Sendung", url: "https://x.example/1"}}',
        'image: "https://x.example/1.jpg"',
        "buttons: [{title: Ja, payload: /affirm}]",
        "buttons: [{title: A, payload: /affirm}, {title: B, payload: /deny}, {title: C, payload: /deny},"
        " {title: D, payload: /deny}]",
    ],
)
def test_every_part_that_a_channel_sends_is_held_against_a_limit(tmp_path: Path, part: str) -> None:
    assert response(tmp_path, FINE.replace('."', f'."\n    {part}')) == []


@pytest.mark.parametrize(
    ("sentence", "what"),
    [
        ("{before} paket {after}", "30 of 30 sentences in de have the word 'paket'"),
        ("ich will {before} {after}", "30 of 30 sentences in de begin with 'ich will'"),
        ("{word} hier", "30 of 30 sentences in de have nearly the same length"),
    ],
)
def test_one_sided_examples_are_a_hint(project: Path, code: Code, sentence: str, what: str) -> None:
    some = [f"wort{number}" for number in range(30)]
    words = [
        {"word": some[at], "before": " ".join(some[at : at + at % 7 + 1]), "after": " ".join(some[: at % 5])}
        for at in range(30)
    ]
    lines = "".join(f"    - {sentence.format(**given)}\n" for given in words)
    path = project / "nlu_data/one.de.yml"
    path.write_text(f"nlu:\n- intent: one\n  examples: |\n{lines}", "utf-8")
    (project / "bot/domain/one.yml").write_text("intents: [one]\n", "utf-8")
    hints = [finding for finding in validate(project, code=code) if finding.is_hint]
    assert what in {hint.what for hint in hints}
    assert all(hint.where == f"{path}:4: one" for hint in hints)


def test_examples_of_two_intents_that_mean_the_same_are_hints(tmp_path: Path) -> None:
    near = ("bis bald ihr lieben", "dank euch ihr lieben")

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors that are all different, but for two sentences."""
        rows = np.eye(len(texts), dtype=np.float32)
        rows[texts.index(near[0])] = rows[texts.index(near[1])]
        return rows

    (tmp_path / "one.de.yml").write_text(
        f"nlu:\n- intent: goodbye\n  examples: |\n    - {near[0]}\n    - auf wiedersehen sagen\n"
        f"- intent: thank\n  examples: |\n    - {near[1]}\n    - ja\n",
        "utf-8",
    )
    (finding,) = check_near(read_folder(tmp_path), embed)
    assert finding.is_hint
    assert finding.where == f"{tmp_path}/one.de.yml:8: thank"
    assert finding.what == f"'{near[1]}' is near '{near[0]}' ({tmp_path}/one.de.yml:4: goodbye)"


def test_what_is_near_is_found_in_any_number_of_examples_with_little_memory(tmp_path: Path) -> None:
    """Blocks are compared with all others; a matrix of all pairs would need 64 MB."""
    size, near = 4000, ((3, 3998), (255, 256), (1000, 2001))
    rows = np.random.default_rng(1).standard_normal((size, 64)).astype(np.float32)
    for one, other in near:
        rows[other] = rows[one]
    blocks = "".join(
        f"- intent: {intent}\n  examples: |\n" + "".join(f"    - satz nummer {at}\n" for at in range(first, size, 2))
        for first, intent in enumerate(("even", "odd"))
    )
    (tmp_path / "one.de.yml").write_text(f"nlu:\n{blocks}", "utf-8")
    sources = read_folder(tmp_path)
    tracemalloc.start()
    found = list(check_near(sources, lambda texts: rows[[int(text.rpartition(" ")[2]) for text in texts]]))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    pairs = {tuple(sorted(map(int, re.findall(r"satz nummer (\d+)", finding.what)))) for finding in found}
    assert pairs == set(near)
    assert most < 30 << 20


def test_the_encoder_tells_what_is_near() -> None:
    one, near, far = sentence_vectors(["danke schön", "danke schön tschüss", "wo ist mein paket"])
    assert one @ near > 0.9 > one @ far


def test_the_command_tells_findings_and_fails(project: Path) -> None:
    for folder in ("actions", "voice"):
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = project / "bot/domain/dialogue.yml"
    path.write_text(path.read_text("utf-8").replace("You are very welcome!", "x" * 1001), "utf-8")
    command = [sys.executable, "-m", "bot.cli", "validate", "--json", "--no-rasa", "--no-near"]
    ended = subprocess.run(
        command, cwd=project, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False
    )
    found = [Finding(**json.loads(line)) for line in ended.stdout.splitlines()]
    assert ended.returncode == 1, ended.stderr
    assert any("1001 characters" in finding.what for finding in found)
