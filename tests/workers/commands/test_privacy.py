"""Files of other users, and passwords in messages."""

import os
import ssl
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
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
REPORT: dict[str, Any] = {
    "workers": [], "lag": 0, "feeds": [], "memory_usage": 0.0, "memory_short_in_s": None, "counters_consistent": True,
    "removed_for_memory": {"messages": {}, "articles_ago_s": None}, "pending_letters": 0, "sinks": [], "groups": [],
}  # fmt: skip


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
    out = capsys.readouterr().out + " ".join(check.message for check in run_checks(settings, REPORT))
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


@pytest.mark.parametrize(
    ("toml", "is_secret"),
    [
        ("kafka_password = 'x'", True), (f"broker_url = 'redis://:{SECRET}@h:6379'", True), ("web_port = 1", False),
        ("[[feeds]]\nurl = 'https://a.example/*'\npassword = 'x'", True),
        ("[[feeds]]\nurl = 'https://a.example/*'\nfull_text = true", False),
        ("[[sinks]]\nname = 'a'\ntype = 'webhook'\nurl = 'https://a.example/'\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'", True),
        ("[[sinks]]\nname = 'a'\ntype = 'slack'\nurl = 'https://hooks.a.example/services/X'", True),
        ("[[sinks]]\nname = 'a'\ntype = 'postgresql'\nurl = 'postgresql://u:p@h/d'", True),
        ("[[sinks]]\nname = 'a'\ntype = 'sqlite'\npath = 'a.db'", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_readable_passwords_are_reported(toml: str, is_secret: bool, mode: int, tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text(toml)
    path.chmod(mode)
    done = copydesk("settings", cwd=tmp_path)
    assert ("readable by all users" in done.stderr) == (is_secret and mode == 0o644)


def test_password_file_gives_the_kafka_password(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n")
    environ = {
        "COPYDESK_BROKER_URL": "kafka://h", "COPYDESK_STATE_URL": "redis://h", "COPYDESK_KAFKA_USERNAME": "u",
        "COPYDESK_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "COPYDESK_KAFKA_PASSWORD_FILE": str(path),
    }  # fmt: skip
    assert load_settings({}, environ).kafka_password == SECRET
    path.unlink()
    with pytest.raises(SettingsError, match="kafka_password_file"):
        load_settings({}, environ)


@pytest.mark.parametrize("os_error", [ConnectionRefusedError(111, "Connection refused"), OSError("no route")])
def test_connection_error_omits_tls_internals(os_error: OSError) -> None:
    key = ConnectionKey("a.example", 80, False, True, None, None, None)
    text = str(map_http_errors(aiohttp.ClientConnectorError(key, os_error), 1.0))
    assert text == f"unreachable: a.example:80 ({os_error.strerror or os_error})"
    certificate = aiohttp.ClientConnectorCertificateError(key, ssl.SSLCertVerificationError("expired"))
    assert "a.example:80" in str(map_http_errors(certificate, 1.0))
    assert "ssl:" not in text + str(map_http_errors(certificate, 1.0))


def test_check_groups_many_failing_feeds() -> None:
    feeds = [
        {"url": f"https://{n}.example/", "failures": 1, "paused": False, "items_deferred": 0,
         "error": f"unreachable: {n}.example:443", "error_kind": "timeout" if n % 3 else "tls"}
        for n in range(30)
    ]  # fmt: skip
    rows = [row for row in run_checks(Settings(), REPORT | {"feeds": feeds}) if not row.ok]
    assert [row.message.partition(";")[0] for row in rows if row.name == "feeds"][1:] == [
        "20 with timeout, such as https://1.example/: unreachable: 1.example:443",
        "10 with tls, such as https://0.example/: unreachable: 0.example:443",
    ]
    few = [row.name for row in run_checks(Settings(), REPORT | {"feeds": feeds[:10]})]
    assert few.count("feed") == 10
