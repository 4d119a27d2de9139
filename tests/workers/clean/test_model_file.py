"""The file of the models: one kind is replaced, and the bytes of the others stay."""

from pathlib import Path

import msgspec

from tests.tools.train.model_file import read_models, replace_models
from workers.clean.model.model import FILE, load


def test_replace_models_other_kinds_keep_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.msgpack"
    path.write_bytes(FILE.read_bytes())
    models = read_models(path)
    replace_models({"page": msgspec.structs.replace(models["page"], clutter_word_cost=0.75)}, path)
    replaced = msgspec.msgpack.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    before = msgspec.msgpack.decode(FILE.read_bytes(), type=dict[str, msgspec.Raw])
    assert list(replaced) == list(before)
    assert [kind for kind in before if bytes(replaced[kind]) != bytes(before[kind])] == ["page"]
    assert load(path.read_bytes(), "page").clutter_word_cost == 0.75


def test_replace_models_missing_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "model.msgpack"
    replace_models({"page": read_models(FILE)["page"]}, path)
    assert list(read_models(path)) == ["page"]
