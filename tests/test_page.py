"""The page in a real browser."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import until
from tests.test_up import output, up


def test_the_page_shows_articles_and_what_was_taken_out(tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")

    async def go() -> None:
        with up(tmp_path):
            await until(lambda: output(tmp_path).count("●") > 5)
            url = output(tmp_path).partition("status page ")[2].split()[0]
            dom = await asyncio.to_thread(dump, chromium, url, tmp_path)
        assert "<h3>" in dom
        assert "blocks taken out" in dom
        assert "Explore" in dom
        assert "nothing missing" in dom

    asyncio.run(go())


def dump(chromium: str, url: str, folder: Path) -> str:
    flags = [
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
    ]
    if os.getuid() == 0:
        flags.append("--no-sandbox")
    done = subprocess.run(
        [chromium, *flags, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=8000", "--dump-dom", url],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    return done.stdout
