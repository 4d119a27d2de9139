"""The import of structlog in services: rich, which it does not need there, costs memory."""

import subprocess
import sys

PROGRAM = """
import sys
from workers import services
from streams.logger import get_logger

async def main():
    get_logger("workers.harbour").warning("gate open")
    return 0 if "structlog" in sys.modules else 1

code = services.run(main)
print(any(name.split(".")[0] == "rich" for name in sys.modules))
import rich.console
sys.exit(code)
"""


def test_services_log_without_rich() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
    assert "gate open" in result.stderr
