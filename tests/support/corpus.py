"""Samples of the corpus in ../shared: a fixed part of its files in `make test`, and all of them in `make corpus`."""

from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import pytest

SAMPLED_SHARE = 32  # one file in 32: about 280 of the 8,933 feeds
WHOLE = 1

# Arguments of `pytest.mark.parametrize` for a test that reads many files.
EACH_SHARE = ("share", [pytest.param(SAMPLED_SHARE, id="sample"), pytest.param(WHOLE, id="whole", marks=pytest.mark.corpus_full)])  # fmt: skip


def sampled(paths: Iterable[Path], folder: Path, share: int) -> list[Path]:
    """Return one file in *share*, by a hash of its name in *folder*: the same files in each run."""
    return [path for path in paths if crc32(str(path.relative_to(folder)).encode()) % share == 0]
