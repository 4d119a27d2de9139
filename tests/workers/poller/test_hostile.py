"""The poller among strangers: ../shared/tools/hostile_server.py, as far as it goes here. See tests/support/hostile_server.py."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.config.settings import Settings
from tests.conftest import DEADLINE_S
from tests.support.hostile_server import NETNS, SERVER, verdict

ROOT = Path(__file__).parents[2]
# aiohttp takes a body where HTTP allows none for a broken answer, and copydesk for a failed poll: told, and tried
# again, but not the "not modified" that one could make of it.
KNOWN = {"head-204", "304-with-body"}

pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="../shared isn't there")


def test_all_that_a_server_can_do_wrong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "")  # set by the run, put back after it
    count, wrong = asyncio.run(verdict(settings, netns=False, only=[]))
    assert count > 380
    assert set(wrong) <= KNOWN, wrong


def test_all_that_a_network_can_do_wrong() -> None:
    """The cases with addresses that only a network namespace of our own can have."""
    if os.geteuid() or subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True).returncode:
        pytest.skip("needs root, or a kernel that lets us have a network namespace")
    manifest = subprocess.run(
        [sys.executable, str(SERVER), "--netns", "--print-manifest"], capture_output=True, text=True, check=True
    )
    cases = [case["id"] for case in json.loads(manifest.stdout)["cases"] if case["category"] == "redirect"]
    done = subprocess.run(
        ["bash", str(NETNS), sys.executable, "-m", "tests.support.hostile_server", "--netns", *cases],
        cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S,
    )  # fmt: skip
    *wrong, summary = map(json.loads, done.stdout.splitlines())
    assert wrong == []
    assert summary["cases"] == len(cases) > 50, done.stderr
