"""Exit codes and the immediate exit."""

import subprocess
import sys

from streams.exit_codes import ExitCode
from tests.conftest import ROOT

CODE = """
import atexit, logging
from streams.exit_codes import ExitCode, abort
logging.basicConfig(format="%(levelname)s %(message)s")
atexit.register(print, "cleanup")
print("buffered", end="")
try:
    raise ValueError("cause")
except ValueError:
    try:
        abort(ExitCode.SOFTWARE, "bug: stopping", exc_info=True)
    finally:
        print("finally")
"""


def test_abort_logs_reason_and_skips_cleanup() -> None:
    result = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == int(ExitCode.SOFTWARE) == 70
    assert result.stdout == "buffered"
    assert result.stderr.startswith("CRITICAL bug: stopping\nTraceback")
    assert "ValueError: cause" in result.stderr
