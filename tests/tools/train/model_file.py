"""The file of the models: kinds of input are trained apart, and each has its own model."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from workers.clean.model.model import StoredModel

KINDS = ("text", "html", "page")


def read_models(path: Path) -> dict[str, StoredModel]:
    """Return the models in the file *path* by kind; none without the file."""
    return msgspec.msgpack.decode(path.read_bytes(), type=dict[str, StoredModel]) if path.exists() else {}


def replace_models(new: Mapping[str, StoredModel], path: Path) -> None:
    """Replace the models of the kinds in *new* in the file *path*. All others keep their bytes."""
    models = {**read_models(path), **new}
    path.write_bytes(msgspec.msgpack.encode({kind: models[kind] for kind in KINDS if kind in models}))
