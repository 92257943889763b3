"""What went wrong: how it is kept, sorted and decided on, without a model."""

from __future__ import annotations

import difflib
import json
import shutil
import threading
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import func, select, update

from bot.database import transaction
from bot.mistakes.clusters import cluster
from bot.mistakes.collector import Collector, corrects, went_wrong
from bot.mistakes.examples import Examples
from bot.mistakes.heard import Guess, Heard, heard_of
from bot.mistakes.review import Decision, Done, Review
from bot.mistakes.store import Kind, Mistake, MistakeError, Mistakes
from bot.mistakes.tables import MistakeRow, ReportRow
from bot.models import Disagreement
from bot.store import Store
from bot.tables import TrackerEventRow
from bot.turns import Answer, Incoming, Intent, Reply, Turn, utc_now
from tests.conftest import ROOT

SURE, UNSURE = Guess("ask_order_status", 0.95), Guess("ask_order_status", 0.5)


class Desk:
    """A database with turns in it, as the portal and Rasa write them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = Store(url)
        self.mistakes = Mistakes(url)
        self.conversation = self.store.open_conversation("web", uuid.uuid4().hex, "de")
        self._seq = 0

    def turn(
        self, text: str, *ranking: Guess, intent: Intent | None = None, after: Sequence[dict[str, Any]] = ()
    ) -> str:
        """A turn that was answered; `ranking` as the model gave it, `after` what else the tracker says of it."""
        received = self.store.receive(self._incoming(text, intent), "de", waiting_at_most=10)
        guesses = [{"name": guess.intent, "confidence": guess.confidence} for guess in ranking]
        parsed = {"intent": guesses[0], "intent_ranking": guesses, "entities": []} if guesses else None
        if parsed:
            self._write({"event": "user", "message_id": received.turn_id, "text": text, "parse_data": parsed})
        for event in after:
            self._write(json.loads(json.dumps(event).replace("THIS", received.turn_id)))
        turn = Turn(received.turn_id, self.conversation, "web", text)
        self.store.finish(turn, Answer((Reply("Ja."),)))
        return received.turn_id

    def _incoming(self, text: str, intent: Intent | None) -> Incoming:
        return Incoming("web", "", uuid.uuid4().hex, text=text, intent=intent, conversation=self.conversation)

    def _write(self, event: dict[str, Any]) -> None:
        with transaction(self.url) as session:
            session.add(TrackerEventRow(conversation=self.conversation, seq=self._seq, data=json.dumps(event)))
        self._seq += 1

    def report(self, text: str, *ranking: Guess, kind: Kind = "rejected", suggested: str | None = None) -> int | None:
        return self.mistakes.report(self.turn(text, *ranking), kind, suggested=suggested)

    def heard(self, turn_id: str) -> Heard:
        heard = self.mistakes.heard(turn_id)
        assert heard is not None
        return heard

    def rows(self, table: type[MistakeRow] | type[ReportRow]) -> int:
        with transaction(self.url) as session:
            return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def desk(database_url: str) -> Desk:
    return Desk(database_url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "nlu_data", tmp_path / "nlu_data")
    return tmp_path / "nlu_data"


@pytest.fixture
def review(desk: Desk, folder: Path) -> Review:
    return Review(desk.mistakes, Examples(folder), by="Kim")


def difference(folder: Path) -> list[str]:
    """The lines that were added or taken away, with their file's name."""
    found = []
    for file in sorted(folder.glob("*.yml")):
        before = (ROOT / "nlu_data" / file.name).read_text("utf-8").splitlines(keepends=True)
        lines = difflib.unified_diff(before, file.read_text("utf-8").splitlines(keepends=True), n=0)
        found += [
            f"{file.name}: {line.rstrip()}" for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")
        ]
    return found


def same_bytes(folder: Path) -> bool:
    return all(file.read_bytes() == (ROOT / "nlu_data" / file.name).read_bytes() for file in folder.glob("*.yml"))


# Kept: once, masked, for a while


def test_the_same_sentence_is_counted_and_not_kept_twice(desk: Desk) -> None:
    first = desk.report("Wo ist Paket 10482917??", SURE)
    again = desk.report("wo ist paket 10483055", SURE, kind="unsure")
    other = desk.report("wo ist paket 10483055", Guess("greet", 0.5))
    assert first == again != other
    kept = desk.mistakes.open()[0]
    assert (kept.count, kept.kinds, kept.text) == (2, ("rejected", "unsure"), "Wo ist Paket [order_number]??")


def test_a_turn_reported_for_several_reasons_counts_once(desk: Desk) -> None:
    turn = desk.turn("wo ist es", SURE)
    kinds: tuple[Kind, ...] = ("rejected", "shadow", "marked", "marked")
    for kind in kinds:
        desk.mistakes.report(turn, kind, suggested="ask_exchange" if kind == "shadow" else None)
    (kept,) = desk.mistakes.open()
    assert (kept.count, kept.kinds, kept.suggested) == (1, ("marked", "rejected", "shadow"), "ask_exchange")


def test_the_database_never_holds_the_words_that_were_masked(desk: Desk) -> None:
    desk.report("Hier ist Annika Brandt, nele@example.org, 0171 3920044, 10482917, wo bleibt es", SURE)
    with transaction(desk.url) as session:
        rows = [*session.scalars(select(MistakeRow)), *session.scalars(select(ReportRow))]
        stored = json.dumps([list(map(str, vars(row).values())) for row in rows])
    assert "wo bleibt es" in stored
    assert not any(word in stored for word in ("Annika", "Brandt", "nele", "3920044", "10482917"))


def test_without_consent_nothing_is_kept(desk: Desk) -> None:
    deaf = Mistakes(desk.url, collect=False)
    assert deaf.report(desk.turn("wo ist es", SURE), "marked") is None
    assert desk.rows(MistakeRow) == desk.rows(ReportRow) == 0


def test_data_alone_pressed_buttons_and_unknown_turns_are_not_kept(desk: Desk) -> None:
    assert desk.report("10482917, 22765 Hamburg", SURE) is None
    assert desk.mistakes.report(desk.turn("Ja", SURE, intent=Intent("affirm")), "marked") is None
    assert desk.mistakes.report("nobody knows it", "marked") is None
    assert desk.rows(MistakeRow) == 0


def test_what_did_not_come_again_is_forgotten(desk: Desk) -> None:
    old, fresh = desk.report("wo ist es", SURE), desk.report("was kostet es", SURE)
    with transaction(desk.url) as session:
        session.execute(update(MistakeRow).where(MistakeRow.id == old).values(last_at=utc_now() - timedelta(days=91)))
    assert desk.mistakes.forget_old() == 1
    assert [kept.id for kept in desk.mistakes.open()] == [fresh]
    assert desk.rows(ReportRow) == 1


def test_a_turn_that_the_engine_never_got_is_kept_without_a_guess(desk: Desk) -> None:
    desk.mistakes.report(desk.turn("wo ist es"), "marked")
    (kept,) = desk.mistakes.open()
    assert (kept.intent, kept.confidence, kept.ranking) == ("", 0.0, ())


def test_a_foreign_sentence_is_kept_in_its_own_language(desk: Desk) -> None:
    desk.report("where on earth is my parcel", SURE)
    desk.report("status", SURE)
    assert {kept.text: kept.language for kept in desk.mistakes.open()} == {
        "where on earth is my parcel": "en",
        "status": "de",
    }


# What the engine made of a turn

FORM_RAN = {"event": "action", "name": "matter_form"}
FORM_BEGAN = {"event": "active_loop", "name": "matter_form"}
NEW_MATTER = {"event": "slot", "name": "matter", "value": "ask_exchange"}
MISSED = {"event": "slot", "name": "misses", "value": {"turn": "THIS", "count": 1}}
GAVE_UP = {"event": "bot", "data": {"custom": {"handoff": {"reason": "not_understood"}}}}
FALLBACK = Guess("nlu_fallback", 0.4)


@pytest.mark.parametrize(
    ("ranking", "after", "kinds"),
    [
        ([SURE], [], []),
        ([UNSURE], [], ["unsure"]),
        ([UNSURE], [FORM_RAN, FORM_BEGAN], ["unsure"]),
        ([UNSURE], [FORM_RAN, NEW_MATTER], ["unsure"]),
        ([UNSURE], [FORM_RAN], []),
        ([UNSURE], [FORM_RAN, MISSED], ["unsure"]),
        ([SURE], [FORM_RAN, MISSED], []),
        ([FALLBACK, UNSURE], [MISSED], ["rejected"]),
        ([FALLBACK, UNSURE], [FORM_RAN], []),
        ([FALLBACK, UNSURE], [FORM_RAN, MISSED, GAVE_UP], ["three_tries", "rejected"]),
        ([SURE], [FORM_RAN, GAVE_UP], ["three_tries"]),
    ],
)
def test_only_what_the_dialogue_made_nothing_of_went_wrong(
    desk: Desk, ranking: list[Guess], after: list[dict[str, Any]], kinds: list[str]
) -> None:
    turn = desk.turn("irgendwas", *ranking, after=after)
    desk.turn("noch was", SURE, after=[MISSED, GAVE_UP, NEW_MATTER])
    assert list(went_wrong(desk.heard(turn), 0.7)) == kinds


def test_the_fallback_is_no_guess(desk: Desk) -> None:
    heard = desk.heard(desk.turn("irgendwas", FALLBACK, UNSURE))
    assert (heard.rejected, heard.best) == (True, UNSURE)


def test_a_turn_of_long_ago_is_still_known(desk: Desk) -> None:
    first = desk.turn("das erste", SURE, after=[MISSED])
    for _ in range(3):
        desk.turn("weiter", SURE, after=[FORM_RAN] * 60)
    with transaction(desk.url) as session:
        heard = heard_of(session, desk.conversation, first)
    assert heard
    assert heard.missed
    assert heard.best == SURE


# Corrections


@pytest.mark.parametrize(
    "said",
    [
        "nein, ich meinte einen Umtausch",
        "Nein das meinte ich nicht",
        "nee ich meine die andere Jacke zurückschicken",
        "Sie haben mich falsch verstanden",
        "danach habe ich nicht gefragt",
        "darum geht es nicht",
        "ich meinte eigentlich ich will stornieren wegen der 10482917",
        "no, I meant an exchange",
        "That's not what I asked",
        "you misunderstood me",
        "you've got me wrong",
    ],
)
def test_a_correction_is_recognised(said: str) -> None:
    assert corrects(said, "de")


@pytest.mark.parametrize(
    "said",
    [
        "nein",
        "nein danke",
        "nein, ich meinte die 10482917",
        "no i meant 22765",
        "ich meine die Jacke gefällt mir nicht",
        "nein ich möchte umtauschen",
        "was meinen Sie",
    ],
)
def test_a_plain_no_and_a_corrected_number_are_no_corrections(said: str) -> None:
    assert not corrects(said, "de")


def collect(desk: Desk, *turns: str) -> list[Mistake]:
    collector = Collector(desk.mistakes, unsure_below=0.7)
    for turn in turns:
        collector.offer(Turn(turn, desk.conversation, "web", "nein, ich meinte umtauschen"))
    collector.stop()
    return desk.mistakes.open()


def test_a_correction_reports_the_turn_before_with_what_was_meant(desk: Desk) -> None:
    desk.turn("es passt nicht", SURE)
    (kept,) = collect(desk, desk.turn("nein, ich meinte umtauschen", Guess("ask_exchange", 0.9)))
    assert (kept.text, kept.kinds, kept.suggested) == ("es passt nicht", ("corrected",), "ask_exchange")


def test_a_correction_after_a_pressed_button_reports_nothing(desk: Desk) -> None:
    desk.turn("es passt nicht", SURE)
    desk.turn("Etwas zurücksenden", intent=Intent("start_return"))
    assert collect(desk, desk.turn("nein, ich meinte umtauschen", Guess("ask_exchange", 0.9))) == []


def test_a_shadow_that_sees_another_intent_suggests_it(desk: Desk) -> None:
    collector = Collector(desk.mistakes, unsure_below=0.7)
    for words, intent in (("es passt nicht", "ask_exchange"), ("wo ist es", "ask_order_status")):
        turn = Turn(desk.turn(words, SURE), desk.conversation, "web", words)
        collector.disagreed(turn, Disagreement(turn.id, SURE.intent, 0.95, intent, 0.9, values_differ=True))
    (kept,) = desk.mistakes.open()
    assert (kept.text, kept.kinds, kept.suggested) == ("es passt nicht", ("shadow",), "ask_exchange")


def test_turns_that_cannot_be_looked_at_disturb_nobody(desk: Desk) -> None:
    collector = Collector(Mistakes("sqlite:////nowhere/at/all.db"), unsure_below=0.7)
    collector.offer(Turn("a", desk.conversation, "web", "hallo"))
    collector.stop()
    assert desk.mistakes.open() == []


# Clusters


def by_first_word(texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors that are alike when the first words are the same."""
    words = sorted({text.split()[0] for text in texts})
    return np.eye(len(words), dtype=np.float32)[[words.index(text.split()[0]) for text in texts]]


def test_the_largest_cluster_comes_first_and_begins_with_its_most_frequent_sentence(desk: Desk) -> None:
    for said in ("wo ist es", "was kostet das", "was kostet 10482917", "was kostet 10483055", "was nun"):
        desk.report(said, SURE)
    found = cluster(desk.mistakes.open(), by_first_word)
    assert [(group.count, len(group.mistakes)) for group in found] == [(4, 3), (1, 1)]
    assert found[0].mistakes[0].text == "was kostet [order_number]"
    assert cluster([], by_first_word) == []


# Decisions


def decide(desk: Desk, review: Review, text: str, decision: Decision, *ranking: Guess) -> Done:
    mistake = desk.report(text, *(ranking or (SURE,)))
    assert mistake is not None
    return review.decide(mistake, decision)


def test_each_decision_becomes_one_line_in_the_right_place(desk: Desk, review: Review, folder: Path) -> None:
    decide(desk, review, "wann trudelt mein kram denn ein", Decision("right"))
    decide(desk, review, "passt mir nicht, andere her", Decision("intent", "ask_exchange"))
    decide(desk, review, "strickt ihr auch socken", Decision("out_of_scope"))
    assert difference(folder) == [
        "dialogue.de.yml: +    - strickt ihr auch socken",
        "orders.de.yml: +    - wann trudelt mein kram denn ein",
        "returns.de.yml: +    - passt mir nicht, andere her",
    ]
    examples = {found.text: found.intent for found in Examples(folder).all()}
    assert examples["wann trudelt mein kram denn ein"] == "ask_order_status"
    assert examples["passt mir nicht, andere her"] == "ask_exchange"
    assert examples["strickt ihr auch socken"] == "out_of_scope"
    assert desk.mistakes.open() == []


def test_placeholders_land_as_natural_values(desk: Desk, review: Review, folder: Path) -> None:
    done = decide(desk, review, "hier ist annika brandt wo zum kuckuck bleibt die 27004118", Decision("right"))
    assert done.added
    assert "[" not in done.added.text
    assert difference(folder) == [f"orders.de.yml: +    - {done.added.text}"]


def test_undo_gives_back_every_byte_and_the_sentence(desk: Desk, review: Review, folder: Path) -> None:
    decisions = (
        Decision("right"),
        Decision("out_of_scope"),
        Decision("delete"),
        Decision("new_intent", "ask_gift_wrap", "orders"),
    )
    for number, decision in enumerate(decisions):
        done = decide(desk, review, f"wickelt ihr {'das ' * number}ein", decision)
        review.undo(done)
        assert same_bytes(folder)
        assert [kept.text for kept in desk.mistakes.open()][-1:] == [done.mistake.text]
        review.decide(done.mistake.id, Decision("delete"))


def test_a_new_intent_begins_a_block_and_says_what_it_still_needs(desk: Desk, review: Review, folder: Path) -> None:
    done = decide(desk, review, "packt ihr das als geschenk ein", Decision("new_intent", "ask_gift_wrap", "orders"))
    assert difference(folder) == [
        "orders.de.yml: +- intent: ask_gift_wrap",
        "orders.de.yml: +  examples: |",
        "orders.de.yml: +    - packt ihr das als geschenk ein",
    ]
    assert any("bot/domain/orders.yml" in line for line in done.todo)
    assert any("stories/orders.yml" in line for line in done.todo)
    decide(desk, review, "geschenkpapier gibts auch", Decision("intent", "ask_gift_wrap"))
    assert difference(folder)[-1] == "orders.de.yml: +    - geschenkpapier gibts auch"


@pytest.mark.parametrize(
    ("decision", "what"),
    [
        (Decision("intent", "no_such_intent"), "there is no intent no_such_intent"),
        (Decision("intent"), "an intent is missing"),
        (Decision("new_intent", "Gift Wrap", "orders"), "is no name for an intent"),
        (Decision("new_intent", "greet", "orders"), "is there already"),
        (Decision("new_intent", "ask_gift_wrap", "gifts"), "there is no file"),
        (Decision("new_intent", "ask_gift_wrap", "../orders"), "there is no file"),
    ],
)
def test_a_wrong_decision_changes_nothing(
    desk: Desk, review: Review, folder: Path, decision: Decision, what: str
) -> None:
    with pytest.raises(MistakeError, match=what):
        decide(desk, review, "packt ihr das als geschenk ein", decision)
    assert same_bytes(folder)
    assert len(desk.mistakes.open()) == 1


def test_without_a_guess_nothing_was_right(desk: Desk, review: Review) -> None:
    mistake = desk.mistakes.report(desk.turn("wo ist es"), "marked")
    assert mistake
    with pytest.raises(MistakeError, match="had no guess"):
        review.decide(mistake, Decision("right"))


def test_a_sentence_is_never_there_twice(desk: Desk, review: Review, folder: Path) -> None:
    known = decide(desk, review, "Wo ist meine Bestellung???", Decision("right"))
    assert known.known_at
    assert "orders.de.yml" in known.known_at
    assert same_bytes(folder)
    with pytest.raises(MistakeError, match=r"stands in ask_order_status already \(.*orders\.de\.yml:\d+"):
        decide(desk, review, "wo ist meine bestellung", Decision("out_of_scope"), Guess("greet", 0.4))


def test_a_deleted_sentence_is_gone_and_does_not_come_back(desk: Desk, review: Review) -> None:
    decide(desk, review, "etwas sehr privates", Decision("delete"))
    desk.report("Etwas sehr Privates!", SURE, suggested="greet")
    assert desk.mistakes.open() == []
    with transaction(desk.url) as session:
        assert session.scalars(select(MistakeRow.text)).all() == [""]
        assert session.scalars(select(MistakeRow.suggested)).all() == [None]


def test_of_two_people_at_once_one_decides(desk: Desk, folder: Path) -> None:
    mistake = desk.report("wann trudelt mein kram denn ein", SURE)
    assert mistake
    told: list[str] = []

    def work(name: str) -> None:
        try:
            Review(desk.mistakes, Examples(folder), by=name).decide(mistake, Decision("right"))
        except MistakeError as error:
            told.append(error.what)

    people = [threading.Thread(target=work, args=(name,)) for name in ("Kim", "Ada", "Jo", "Mo")]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert told == [f"the sentence {mistake} is decided already"] * 3
    assert len(difference(folder)) == 1


# The files


@pytest.mark.parametrize("file", sorted((ROOT / "nlu_data").glob("*.yml")), ids=lambda file: file.name)
def test_a_line_more_is_all_that_changes_in_a_file(file: Path, tmp_path: Path) -> None:
    shutil.copy(file, tmp_path)
    examples = Examples(tmp_path)
    language = file.name.split(".")[1]
    intents = list(examples.intents())
    for intent in (intents[0], intents[len(intents) // 2], intents[-1]):
        added = examples.add("ein ganz neuer satz: mit #, 'zeichen' und \\", intent, language)
        after = (tmp_path / file.name).read_bytes().decode().splitlines()
        assert after[added.line - 1] == "    - ein ganz neuer satz: mit #, 'zeichen' und \\"
        del after[added.line - 1]
        assert after == file.read_bytes().decode().splitlines()
        examples.remove(added)
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


ONE, TWO = "- intent: one\n  examples: |\n    - a\n", "- intent: two\n  examples: |\n    - b\n"
ODD = {
    "crlf": f'version: "3.1"\nnlu:\n{ONE}{TWO}'.replace("\n", "\r\n"),
    "no end": f"nlu:\n{TWO}{ONE.rstrip()}",
    "indented": f"nlu:\n  # first\n{indent(ONE, '  ')}\n{indent(TWO, '  ')}",
    "synonym after it": f"nlu:\n{ONE}- synonym: x\n  examples: |\n    - y\n",
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD.keys())
def test_other_styles_of_files_are_kept(content: str, tmp_path: Path) -> None:
    file = tmp_path / "topic.de.yml"
    file.write_bytes(content.encode())
    examples = Examples(tmp_path)
    added = examples.add("neu", "one", "de")
    assert [found.text for found in examples.all() if found.intent == "one"] == ["a", "neu"]
    assert file.read_bytes().decode().count("\r\n") in (0, file.read_bytes().count(b"\n"))
    examples.remove(added)
    block = examples.add("neu", "three", "de", "topic")
    assert examples.find("NEU!") is not None
    examples.remove(block)
    assert file.read_bytes() == content.encode()


def test_an_odd_style_is_left_to_a_person(tmp_path: Path) -> None:
    file = tmp_path / "topic.de.yml"
    content = 'nlu:\n- intent: one\n  metadata: {by: x}\n  examples: "- a\\n\\\n    - b"\n'
    file.write_text(content)
    with pytest.raises(MistakeError, match="written in another way"):
        Examples(tmp_path).add("neu", "one", "de")
    assert file.read_text() == content


def test_a_new_intent_is_left_to_a_person_where_something_follows_the_examples(tmp_path: Path) -> None:
    file = tmp_path / "topic.de.yml"
    file.write_text(f"nlu:\n{ONE}rules:\n- rule: x\n  steps: []\n")
    with pytest.raises(MistakeError, match="written in another way"):
        Examples(tmp_path).add("neu", "three", "de", "topic")
    Examples(tmp_path).add("neu", "one", "de")
    assert file.read_text() == f"nlu:\n{ONE}    - neu\nrules:\n- rule: x\n  steps: []\n"


def test_broken_files_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "topic.de.yml").write_text("nlu:\n- intent: one\n examples: |\n")
    with pytest.raises(MistakeError, match=r"topic\.de\.yml:\d+: this is no valid YAML"):
        Examples(tmp_path).find("neu")


def test_a_line_that_was_changed_since_is_not_taken_out(desk: Desk, review: Review, folder: Path) -> None:
    done = decide(desk, review, "wann trudelt mein kram denn ein", Decision("right"))
    file = folder / "orders.de.yml"
    file.write_text(file.read_text("utf-8").replace("mein kram denn ein", "mein kram denn ein heute"), "utf-8")
    with pytest.raises(MistakeError, match="was changed"):
        review.undo(done)
    assert desk.mistakes.open() == []


def test_entities_are_marked_where_the_examples_mark_them(tmp_path: Path) -> None:
    (tmp_path / "topic.de.yml").write_text("nlu:\n- intent: one\n  examples: |\n    - die [10482917](order_number)\n")
    examples = Examples(tmp_path)
    assert examples.marked() == {"order_number"}
    assert examples.find("die 10482917") is not None
