"""The poller against ../shared/tools/hostile_server.py. See tests/support/hostile_server.py."""

import json
import os
import subprocess
import sys

import pytest

from streams.config.settings import Settings
from tests.conftest import DEADLINE_S, ROOT
from tests.support.hostile_server import NETNS, SERVER, verdict

# Its 304 answers a request without conditions. The case 304-unasked wants a failed poll for that, this one does not.
CONTRADICTORY = {"304-with-body"}

pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="../shared is missing")


async def test_poller_survives_hostile_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "")  # the run sets it; monkeypatch restores it
    count, wrong = await verdict(settings, netns=False, only=[])
    assert count > 380
    assert set(wrong) == CONTRADICTORY, wrong


def test_poller_survives_hostile_network() -> None:
    """Run the cases with addresses that need a separate network namespace."""
    if os.geteuid() or subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True).returncode:
        pytest.skip("needs root, or a kernel that allows network namespaces")
    manifest = subprocess.run(
        [sys.executable, str(SERVER), "--netns", "--print-manifest"], capture_output=True, text=True, check=True
    )
    cases = [case["id"] for case in json.loads(manifest.stdout)["cases"] if case["category"] == "redirect"]
    done = subprocess.run(
        ["bash", str(NETNS), sys.executable, "-m", "tests.support.hostile_server", "--netns", *cases],
        cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S,
    )  # fmt: skip
    *failures, summary = map(json.loads, done.stdout.splitlines())
    assert failures == []
    assert summary["cases"] == len(cases) > 50, done.stderr
