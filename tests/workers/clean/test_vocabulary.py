"""The model belongs to its vocabulary and to its columns: `load` rejects any other combination."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from workers.clean.line_types import is_link_label
from workers.clean.model.model import FILE, InputHashes, StoredModel, input_hashes, load
from workers.clean.model.vocabulary import (
    ENTRIES,
    PROMPT_WORD_PARTS,
    PROMPT_WORDS,
    VOCABULARY_HASH,
    WEAK_BARS,
    WEAK_LABELS,
    hash_entries,
    normalise,
)
from workers.clean.phrases import Entry
from workers.clean.rules.lexicon import ENTRIES as LEXICON
from workers.text.normalise import match_key

KINDS = ("text", "html", "page")


def stored_models() -> dict[str, StoredModel]:
    return msgspec.msgpack.decode(FILE.read_bytes(), type=dict[str, StoredModel])


def with_inputs(kind: str, inputs: InputHashes) -> bytes:
    model = msgspec.structs.replace(stored_models()[kind], inputs=inputs)
    return msgspec.msgpack.encode({kind: model})


@pytest.mark.parametrize("kind", KINDS)
def test_shipped_model_has_hashes_of_present_inputs(kind: str) -> None:
    assert stored_models()[kind].inputs == input_hashes(html=kind != "text")
    load(FILE.read_bytes(), kind)


@pytest.mark.parametrize(
    "entries",
    [
        (*ENTRIES, Entry("label", "en", "More of the harbour")),
        ENTRIES[1:],
        tuple(e._replace(phrase="Sponsored by the harbour") if e.phrase == "Sponsored" else e for e in ENTRIES),
        tuple(e._replace(kind="share") if e.phrase == "Sponsored" else e for e in ENTRIES),
    ],
    ids=["added", "removed", "changed", "moved"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_load_rejects_model_of_other_vocabulary(kind: str, entries: tuple[Entry, ...]) -> None:
    trained = input_hashes(html=kind != "text")
    other = hash_entries(entries)
    message = (
        f"model rejected: {kind} (vocabulary hash {other} in model.msgpack, {VOCABULARY_HASH} in the code); "
        "run `make train`"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        load(with_inputs(kind, msgspec.structs.replace(trained, vocabulary=other)), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_load_rejects_model_of_other_columns(kind: str) -> None:
    other = input_hashes(html=kind == "text")
    with pytest.raises(ValueError, match=f"columns hash {other.columns} in model.msgpack, .*run `make train`"):
        load(with_inputs(kind, other), kind)


def test_load_rejects_model_without_hashes() -> None:
    fields = msgspec.structs.asdict(stored_models()["text"])
    del fields["inputs"]
    with pytest.raises(ValueError, match="vocabulary hash missing in model.msgpack"):
        load(msgspec.msgpack.encode({"text": fields}), "text")


def test_vocabulary_hash_ignores_order_and_language() -> None:
    assert hash_entries(tuple(reversed(ENTRIES))) == VOCABULARY_HASH
    assert hash_entries(tuple(entry._replace(language="xx") for entry in ENTRIES)) == VOCABULARY_HASH


def test_vocabulary_phrases_are_unique() -> None:
    phrases = [(entry.kind, normalise(entry)) for entry in ENTRIES]
    assert len(set(phrases)) == len(phrases) == 2_711
    assert (len(WEAK_LABELS), len(WEAK_BARS), len(PROMPT_WORDS), len(PROMPT_WORD_PARTS)) == (1_117, 466, 154, 21)
    assert len({entry.language for entry in ENTRIES}) > 30


def test_vocabulary_contains_strong_lexicon_lines() -> None:
    tables = {"label": WEAK_LABELS, "share": WEAK_BARS, "ad": WEAK_BARS}
    assert [entry.phrase for entry in LEXICON if match_key(entry.phrase) not in tables[entry.kind]] == []


def test_weak_labels_are_not_link_labels() -> None:
    weak = [entry.phrase for entry in ENTRIES if entry.kind == "label" and not is_link_label(entry.phrase)]
    assert len(weak) > 500


WITHOUT_RULES = """
from workers.clean.rules import bylines, labels, lexicon, prompts
labels.LINK_LABELS.clear()
labels.INLINE_LEADS, prompts.PROMPTS, lexicon.LABELS, lexicon.SHARE_BARS = ("-",), prompts.PROMPTS[:1], frozenset(), frozenset()
bylines.BYLINE = bylines.READING_TIME = prompts.PROMPTS[0]
"""
PRINT_ROWS = """
from workers.clean.model.text_features import text_features
from workers.text.normalise import match_key
lines = ("Recommended", "Subscribe now", "Print", "Read more: Bridge closed", "By Ida Marrow", "3 min read", "The bridge is closed.")
print([text_features(line, match_key(line), len(line.split())) for line in lines])
"""


def test_features_ignore_tables_of_rules() -> None:
    rows = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for code in (PRINT_ROWS, WITHOUT_RULES + PRINT_ROWS)
    ]
    assert rows[0] == rows[1] != ""


@pytest.mark.train
def test_training_writes_input_hashes(tmp_path: Path) -> None:
    import numpy as np
    from catboost import CatBoostClassifier

    from tests.tools.train.grow import TrainedModel, stored_model
    from workers.clean.model.block_features import WORD_BUCKETS
    from workers.clean.model.context_features import columns, second_columns

    def trees(width: int) -> CatBoostClassifier:
        rows = np.random.default_rng(1).normal(size=(64, width))
        settings = {"iterations": 2, "depth": 2, "verbose": 0, "allow_writing_files": False}
        return CatBoostClassifier(**settings).fit(rows, rows[:, 0] > 0)

    first, second = trees(len(columns(html=False))), trees(len(second_columns(html=False)))
    trained = TrainedModel(np.ones(WORD_BUCKETS), None, first, second, (), 1.0)
    stored = stored_model(trained, html=False, block_cost=1.0, word_cost=1.0)
    assert stored.inputs == input_hashes(html=False)
    load(msgspec.msgpack.encode({"text": stored}), "text")
