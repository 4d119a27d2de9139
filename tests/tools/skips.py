"""Skipped tests: a session with skips fails in CI, where every server and tool is installed."""

import os
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[3] / "shared"
NO_CORPUS = "../shared isn't there"


def corpus_is_absent() -> bool:
    """Return whether CI runs without ../shared, which is not public."""
    return os.environ.get("COPYDESK_TEST_CORPUS") == "absent" and not SHARED.is_dir()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a session with skipped tests in CI, and name each reason.

    Parallel workers have no terminal reporter. The reporter of the main process has their reports.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if corpus_is_absent():
        skipped = [report for report in skipped if NO_CORPUS not in str(report.longrepr)]
    if reporter and os.environ.get("CI") and skipped and exitstatus == 0:
        reporter.write_line(f"tests skipped in CI: {len(skipped)}; install the missing parts as .ci/run does", red=True)
        for report in skipped:
            reporter.write_line(f"{report.nodeid}: {reason(report)}", red=True)
        session.exitstatus = 1


def reason(report: Any) -> str:
    """Return the reason of a skipped test or module; pytest reports a skip as (file, line, reason)."""
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
