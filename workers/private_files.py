"""Files that only their owner may read, such as tokens and settings with passwords."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write *text* to *path* with mode 600, and create the folder. No reader sees an empty or half-written file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.rename(path)
