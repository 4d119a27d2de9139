"""Settings: sources, precedence, and error messages."""

from pathlib import Path
from typing import Any

import pytest

from streams.config.display import effective_settings
from streams.config.settings import Settings, load_settings, load_with_sources
from streams.errors import SettingsError


@pytest.mark.parametrize(
    ("flags", "environ", "message"),
    [
        ({"web_port": "eighty"}, {}, "web_port = 'eighty' (flag --web-port); expected a whole number"),
        ({"web_port": "70000"}, {}, "web_port = '70000' (flag --web-port); maximum is 65535"),
        (
            {},
            {"COPYDESK_LEASE_TIMEOUT_S": "0"},
            "lease_timeout_s = '0' (environment COPYDESK_LEASE_TIMEOUT_S); minimum is 0.5",
        ),
        ({"poll_interval_s": "nan"}, {}, "poll_interval_s = 'nan' (flag --poll-interval-s); expected a number"),
        ({"lease_timeout_s": "5"}, {}, "item_timeout_s = 2.5 (not below half of lease_timeout_s = 5"),
        ({"item_timeout_s": "3"}, {}, "item_timeout_s = 3 (not below half of lease_timeout_s = 6"),
        ({}, {"COPYDESK_VALKEY_FSYNC": "never"}, "COPYDESK_VALKEY_FSYNC); expected one of always, everysec"),
        ({"adaptive_polling": "maybe"}, {}, "adaptive_polling = 'maybe' (flag --adaptive-polling); expected true or"),
        ({"near_duplicates": "suppress"}, {}, "expected one of mark, drop, first-publisher"),
        ({"broker_url": "amqp://u:pw@here"}, {}, "broker_url = 'amqp://here' (flag --broker-url); must start with"),
        ({"broker_url": "kafka://here"}, {}, "missing setting: state_url"),
        ({"state_url": "redis://here"}, {}, "invalid setting: state_url (only Kafka needs it"),
        ({"broker_url": "redis://here:x"}, {}, "invalid setting: broker_url"),
        (
            {"broker_url": "redis://"},
            {},
            "broker_url = 'redis://' (no host); write valkey://host:6379 or valkey:///path",
        ),
        ({"broker_url": "valkey:///"}, {}, "broker_url = 'valkey:///' (no host)"),
        ({"broker_url": "redis://u:pw@:6379"}, {}, "broker_url = 'redis://:6379' (no host)"),
        ({"broker_url": "kafka://"}, {}, "broker_url = 'kafka://' (no host); write kafka://host:9092"),
        ({"broker_url": "kafka://k", "state_url": "valkey://"}, {}, "state_url = 'valkey://' (no host)"),
        ({"no_such": "1"}, {}, "unknown setting: no_such (command line)"),
        ({}, {"COPYDESK_CONFIG": "/nowhere.toml"}, "no such file: /nowhere.toml"),
        ({}, {"COPYDESK_WEB_PROT": "1"}, "COPYDESK_WEB_PROT (environment); did you mean COPYDESK_WEB_PORT?"),
        ({}, {"COPYDESK_ROUTES": "1"}, "unknown setting: COPYDESK_ROUTES (environment)"),
    ],
)
def test_invalid_setting_error_names_source(flags: dict[str, Any], environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=".") as error:
        load_settings(flags, environ)
    assert message in str(error.value)
    assert "pw@" not in str(error.value)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("demo = 'on'\ndesk_batch_size = [1]", "desk_batch_size = [1] ({path}:2); expected a whole number"),
        ("desk_batch_size = 1.5", "desk_batch_size = 1.5 ({path}:1); expected a whole number"),
        ("batch = ", "unreadable settings: {path} (Invalid value"),
        ("\ndesk_bach_size = 1", "unknown setting: desk_bach_size ({path}:2); did you mean desk_batch_size?"),
        ("kafka_password = ['hush']", "invalid setting: kafka_password ({path}:1)"),
        (
            "[[routes]]\nname = 'World'\nsection = 'world'",
            "routes[1].name 'World' ({path}:2); expected at most 64 lower-case letters, digits, - and _",
        ),
        (
            "[[sinks]]\nname = 'a'\ntype = 'jsonl'\ntopic = 'article'",
            "sinks[1].topic 'a' ({path}:4); expected articles or articles.<route>",
        ),
        ("[[routes]]\nname = 'world'", "empty rule: routes[1] 'world' ({path}:1); set one of"),
        ("[[routes]]\nname = 'world'\nsektion = 'x'", "unknown key: routes[1].sektion 'world' ({path}:3)"),
        ("[[routes]]\nname = 'world'\ntag = [1]", "({path}:3); expected a string or a list of strings"),
        (
            "desk_batch_size = 1\n[[routes]]\nname = 'a'\ntag = 'x'\n\n [[routes]]\nname = 'b'\nany = []",
            "routes[2].any 'b' ({path}:8); expected a rule",
        ),
        ("[[routes]]\nname = 'world'\nnot = { tga = 'x' }", "unknown key: routes[1].not.tga 'world' ({path}:3)"),
        ("[[routes]]\nname = 'world'\n[routes.not]\ntga = 'x'", "unknown key: routes[1].not.tga 'world' ({path}:3)"),
        ("[[routes]]\nname = 'world'\nnot = {}", "empty rule: routes[1].not 'world' ({path}:3)"),
        ("[[feeds]]\nurl = 'https://a.example/*'\npassword = 7", "feeds[1].password 'https://a.example/*' ({path}:3)"),
        ("[[feeds]]\npoll_interval_s = 5", "missing key: feeds[1].url '' ({path}:1)"),
        ("routes = 3", "invalid setting: routes ({path}:1); write it as [[routes]] tables"),
    ],
)
def test_invalid_file_error_has_line_and_path(toml: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text(toml)
    with pytest.raises(SettingsError, match=".") as error:
        load_settings({}, {"COPYDESK_CONFIG": str(path)})
    assert message.format(path=path) in str(error.value)
    assert "hush" not in str(error.value)


def test_settings_precedence_is_flags_environment_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("desk_batch_size = 1\ndesk_workers = 1\nlease_timeout_s = 9\n[[routes]]\nname='w'\nsection='World'")
    environ = {"COPYDESK_CONFIG": str(path), "COPYDESK_DESK_BATCH_SIZE": "2", "COPYDESK_DESK_WORKERS": "2"}
    settings = load_settings({"desk_batch_size": "3", "desk_workers": None}, environ)
    assert (settings.desk_batch_size, settings.desk_workers, settings.lease_timeout_s) == (3, 2, 9.0)
    assert settings.routes[0].section == ("world",)


def test_effective_settings_have_sources_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("# comment\ndesk_workers = 3\n[[feeds]]\nurl = 'https://a.example/*'\npassword = 'hush'")
    environ = {"COPYDESK_CONFIG": str(path), "COPYDESK_KAFKA_PASSWORD": "hush", "COPYDESK_ADAPTIVE_POLLING": "no"}
    rows = effective_settings(load_with_sources({"broker_url": "redis://u:hush@r:1"}, environ))
    assert {name: (value, source) for name, value, source in rows if source != "default"} == {
        "broker_url": ('"redis://r:1"', "flag --broker-url"),
        "kafka_password": ('"…"', "environment COPYDESK_KAFKA_PASSWORD"),
        "desk_workers": ("3", f"{path}:2"),
        "adaptive_polling": ("false", "environment COPYDESK_ADAPTIVE_POLLING"),
        "feeds": ("1 × [[feeds]]", f"{path}:3"),
    }
    assert ("web_port", "8411", "default") in rows


def test_default_settings_use_the_embedded_broker() -> None:
    assert Settings().embedded
    assert load_settings({}, {}) == Settings()
