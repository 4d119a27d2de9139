"""Files of other users, and passwords in messages."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from streams.brokers import open_broker
from streams.config.settings import Settings, load_settings
from streams.errors import SettingsError
from tests.conftest import ROOT, copydesk
from workers.commands.status import run_checks
from workers.http.client import map_http_errors
from workers.supervisor import Supervisor

SECRET = "SECRETPW"


def test_new_files_and_folders_are_private(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        copydesk("init", cwd=tmp_path)
        copydesk("feeds", "add", "https://a.example/f", "--log-file", "copydesk.log", cwd=tmp_path)
        copydesk("backup", "b.tar", cwd=tmp_path)
        copydesk("restore", "b.tar", "--data-dir", "restored", cwd=tmp_path)
    finally:
        os.umask(old)
    modes = {str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert "b.tar" in modes
    assert "restored/valkey" in modes
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@h:99999", f"redis://user:{SECRET}/x@h", f"redis://:{SECRET}#x@h:6379",
        f"kafka://u:{SECRET}@h:9092", f"http://:{SECRET}@h", f"redis://:{SECRET}@[::1",
    ],
)  # fmt: skip
def test_message_about_broker_url_holds_no_password(url: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings({"broker_url": url}, environ={})
    assert SECRET not in str(error.value)


def test_banner_and_check_hold_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    settings = replace(Settings(), broker_url=f"redis://:{SECRET}@h:6379/0")
    supervisor = Supervisor(settings)
    supervisor._print_banner("http://127.0.0.1:1/", 1.0)
    report = {
        "workers": [], "lag": 0, "feeds": [], "memory_usage": 0.0, "memory_short_in_s": None, "counters_consistent": True,
        "removed_for_memory": {"messages": {}, "articles_ago_s": None}, "pending_letters": 0, "sinks": [], "groups": [],
    }  # fmt: skip
    out = capsys.readouterr().out + " ".join(check.message for check in run_checks(settings, report))
    assert "redis://h:6379" in out
    assert SECRET not in out


def test_error_of_proxy_holds_no_password() -> None:
    url = URL(f"http://u:{SECRET}@proxy.example:3128")
    info = aiohttp.RequestInfo(url, "CONNECT", CIMultiDictProxy(CIMultiDict()), url)
    error = aiohttp.ClientHttpProxyError(info, (), status=407, message="Proxy Authentication Required")
    assert "407 Proxy" in str(map_http_errors(error, 1.0))
    assert SECRET not in str(map_http_errors(error, 1.0))


@pytest.mark.parametrize("unit", ["copydesk.service", "copydesk@.service"])
def test_units_set_a_private_umask(unit: str) -> None:
    assert "\nUMask=0077\n" in (ROOT / "examples" / "systemd" / unit).read_text("utf-8")


def test_message_about_unknown_scheme_holds_no_password() -> None:
    with pytest.raises(SettingsError, match="unsupported broker URL: amqp://h:1") as error:
        open_broker(Settings(), f"amqp://u:{SECRET}@h:1")
    assert SECRET not in str(error.value)
