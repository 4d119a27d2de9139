"""The modules that `copydesk up` imports before its workers start."""

import subprocess
import sys

from tests.conftest import ROOT

LATE = ("aiohttp", "feedparser", "lxml", "warcio", "numpy", "workers.clean", "workers.web", "workers.poller.formats")


def test_supervisor_imports_no_web_server() -> None:
    """They take half a second of CPU time, and the workers would start that much later."""
    program = f"import sys, workers.supervisor; print(*(name for name in {LATE} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
