"""A sentence encoder from a folder as sentence-transformers and Optimum write it, run by onnxruntime on the CPU.

The folder has `tokenizer.json`, the network as `model.onnx` (there or in `onnx/`), and perhaps `1_Pooling/config.json`,
`sentence_bert_config.json` and `config_sentence_transformers.json`, which say how to pool, how many tokens are read at
most and what is put before a text. Needs the packages onnxruntime and tokenizers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from rasa.shared.exceptions import InvalidConfigException

from bot.nlu.encoder import Vectors

_NETWORKS = ("model.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx", "model_quantized.onnx")
_BATCH = 32
_MOST_TOKENS = 256


class OnnxFolder:
    """The encoder of a folder; raises `InvalidConfigException` when something is missing in it or not installed."""

    def __init__(self, folder: Path) -> None:
        """Look at the folder; the network is loaded when it is first used."""
        self._folder = folder
        self._network = next((folder / name for name in _NETWORKS if (folder / name).is_file()), None)
        if self._network is None or not (folder / "tokenizer.json").is_file():
            raise InvalidConfigException(f"encoder: {folder} has no tokenizer.json or no model.onnx.")

    @cached_property
    def name(self) -> str:
        """The folder's name and a hash of its network."""
        with self._path.open("rb") as file:
            return f"{self._folder.name}-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """As many numbers as the network gives."""
        return (self._encode(["."]).shape[1],)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of some texts, one row each."""
        batches = [self._encode(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        return np.vstack(batches) if batches else np.zeros((0, *self.sizes), np.float32)

    @property
    def _path(self) -> Path:
        assert self._network is not None
        return self._network

    @cached_property
    def _session(self) -> Any:
        runtime = _package("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        return runtime.InferenceSession(str(self._path), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizer = _package("tokenizers").Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.enable_truncation(self._setting("sentence_bert_config.json").get("max_seq_length") or _MOST_TOKENS)
        tokenizer.enable_padding()
        return tokenizer

    @cached_property
    def _prompt(self) -> str:
        """What stands before every text, such as `query: `; intents are told like queries are compared."""
        setting = self._setting("config_sentence_transformers.json")
        prompts = setting.get("prompts") or {}
        return str(prompts.get(setting.get("default_prompt_name") or "query") or "")

    @cached_property
    def _first_token(self) -> bool:
        """Whether the first token's vector stands for the text, not the mean of all."""
        return bool(self._setting("1_Pooling/config.json").get("pooling_mode_cls_token"))

    def _setting(self, file: str) -> dict[str, Any]:
        path = self._folder / file
        return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}

    def _encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of one batch."""
        tokens = self._tokenizer.encode_batch([self._prompt + text for text in texts])
        ids = np.array([token.ids for token in tokens], dtype=np.int64)
        given = {
            "input_ids": ids,
            "attention_mask": np.array([token.attention_mask for token in tokens], dtype=np.int64),
            "token_type_ids": np.zeros_like(ids),
        }
        wanted = {entry.name for entry in self._session.get_inputs()}
        (output, *_) = self._session.run(None, {name: value for name, value in given.items() if name in wanted})
        pooled = self._pooled(output, given["attention_mask"]) if output.ndim == 3 else output
        return np.asarray(pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-9), np.float32)

    def _pooled(self, output: Vectors, mask: np.ndarray[Any, np.dtype[np.int64]]) -> Vectors:
        """One vector a text from one a token."""
        if self._first_token:
            return output[:, 0]
        weights = mask[:, :, None].astype(np.float32)
        return np.asarray((output * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1))


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise InvalidConfigException(f"encoder: a model's folder needs the package {name}: install it.") from error
