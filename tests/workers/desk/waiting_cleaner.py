"""A cleaner whose import takes until a file exists: a template of cleaning processes that is slow to start.

WAITING_FOLDER: folder in which the import makes the file `begun`, and waits for the file `go`.
"""

import os
import time
from pathlib import Path

from workers.desk.article import clean_item as clean  # noqa: F401  # the cleaner

FOLDER = Path(os.environ["WAITING_FOLDER"])
(FOLDER / "begun").touch()
while not (FOLDER / "go").exists():
    time.sleep(0.01)  # a process of its own: there is nothing to await
