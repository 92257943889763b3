"""A sentence encoder from a folder: a tiny network that looks vectors of words up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException

from bot.nlu.encoder import load_encoder
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.onnx_folder import OnnxFolder

WORDS = {"[PAD]": [9, 9], "[UNK]": [0, 0], "wo": [1, 0], "paket": [0, 1], "query": [4, 4], ":": [0, 0]}


def write_folder(folder: Path) -> Path:
    """A folder as sentence-transformers writes it."""
    import onnx
    import tokenizers

    (folder / "onnx").mkdir(parents=True)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    onnx.save(_network(onnx), str(folder / "onnx" / "model.onnx"))
    return folder


def _network(onnx: Any) -> Any:
    """Token ids in, the vector of each token out."""
    helper, kinds = onnx.helper, onnx.TensorProto
    ids = helper.make_tensor_value_info("input_ids", kinds.INT64, ["batch", "tokens"])
    output = helper.make_tensor_value_info("last_hidden_state", kinds.FLOAT, ["batch", "tokens", 2])
    table = onnx.numpy_helper.from_array(np.array(list(WORDS.values()), np.float32), "table")
    node = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    graph = helper.make_graph([node], "words", [ids], [output], [table])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model


def test_a_vector_is_the_mean_of_its_tokens_without_the_padding(tmp_path: Path) -> None:
    encoder = OnnxFolder(write_folder(tmp_path / "words"))
    vectors = encoder.encode(["wo", "wo paket paket paket"])
    assert encoder.sizes == (2,)
    assert np.allclose(vectors, np.array([[1, 0], [0.1**0.5, 0.9**0.5]]))


def test_the_first_token_and_a_prompt_when_the_folder_says_so(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "words")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    assert np.allclose(OnnxFolder(folder).encode(["wo paket"]), [[1, 0]])
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "query: "}}))
    assert np.allclose(OnnxFolder(folder).encode(["wo paket"]), [[0.5**0.5, 0.5**0.5]])


def test_a_folder_is_an_encoder_in_the_configuration(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "words")
    LinearIntentClassifier.validate_config({"encoder": str(folder)})
    assert isinstance(load_encoder(str(folder)), OnnxFolder)
    assert LinearIntentClassifier.fingerprint_addon({"encoder": str(folder)}).startswith("words-")


def test_a_folder_stands_beside_other_encoders(tmp_path: Path) -> None:
    name = f"universal+{write_folder(tmp_path / 'words')}"
    LinearIntentClassifier.validate_config({"encoder": name})
    encoder = load_encoder(name)
    assert encoder is not None
    assert encoder.sizes == (512, 2)
    assert np.allclose(encoder.encode(["wo"])[0, 512:], [1, 0])
    with pytest.raises(InvalidConfigException, match="several joined by"):
        LinearIntentClassifier.validate_config({"encoder": f"{name}+nowhere"})


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigException, match=r"model\.onnx"):
        OnnxFolder(tmp_path)
