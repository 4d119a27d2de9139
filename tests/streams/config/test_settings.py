from pathlib import Path
from typing import Any

import pytest

from streams.config.settings import Settings, load_settings
from streams.errors import SettingsError


@pytest.mark.parametrize(
    ("flags", "environ", "says"),
    [
        ({"web_port": "eighty"}, {}, "command line: web_port = 'eighty' is not a whole number"),
        ({"web_port": "70000"}, {}, "web_port = '70000' is more than 65535"),
        ({}, {"COPYDESK_LEASE_TIMEOUT_S": "0"}, "environment: lease_timeout_s = '0' is less than 0.5"),
        ({"lease_timeout_s": "5"}, {}, "item_timeout_s = 2.5 isn't below half of lease_timeout_s = 5"),
        ({"item_timeout_s": "3"}, {}, "item_timeout_s = 3 isn't below half of lease_timeout_s = 6"),
        ({}, {"COPYDESK_VALKEY_FSYNC": "never"}, "valkey_fsync = 'never'; it is one of always, everysec"),
        ({"broker_url": "amqp://here"}, {}, "broker_url = 'amqp://here' begins with none of valkey, redis, kafka"),
        ({"broker_url": "kafka://here"}, {}, "set state_url"),
        ({"state_url": "redis://here"}, {}, "state_url goes with Kafka only"),
        ({"broker_url": "redis://here:x"}, {}, "broker_url"),
        ({"no_such": "1"}, {}, "there is no setting 'no_such'"),
        ({}, {"COPYDESK_CONFIG": "/nowhere.toml"}, "/nowhere.toml: no such file"),
    ],
)
def test_a_bad_setting_is_refused_by_name_and_source(flags: dict[str, Any], environ: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=".") as refused:
        load_settings(flags, environ)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("desk_batch_size = [1]", "desk_batch_size = [1] is not a whole number"),
        ("batch = ", "Invalid value"),
        ("bach = 1", "there is no setting 'bach'"),
        ("[[routes]]\nname = 'World'\nsection = 'world'", "line 1: [[routes]] 1 (World)"),
        ("[[routes]]\nname = 'world'", "matches nothing"),
        ("[[routes]]\nname = 'world'\nsektion = 'x'", "unknown sektion"),
        ("[[routes]]\nname = 'world'\ntag = [1]", "tag is a text or a list of texts"),
        (
            "desk_batch_size = 1\n[[routes]]\nname = 'a'\ntag = 'x'\n\n [[routes]]\nname = 'b'\nany = []",
            "line 6: [[routes]] 2 (b): any is a rule",
        ),
        ("[[routes]]\nname = 'world'\nnot = { tga = 'x' }", "unknown tga"),
        ("[[routes]]\nname = 'world'\nnot = {}", "matches nothing"),
        ("routes = 3", "[[routes]] tables"),
    ],
)
def test_a_bad_configuration_file_is_refused_by_name(toml: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text(toml)
    with pytest.raises(SettingsError, match=".") as refused:
        load_settings({}, {"COPYDESK_CONFIG": str(path)})
    assert says in str(refused.value)
    assert str(path) in str(refused.value)


def test_flags_count_before_environment_before_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("desk_batch_size = 1\ndesk_workers = 1\nlease_timeout_s = 9\n[[routes]]\nname='w'\nsection='World'")
    environ = {"COPYDESK_CONFIG": str(path), "COPYDESK_DESK_BATCH_SIZE": "2", "COPYDESK_DESK_WORKERS": "2"}
    settings = load_settings({"desk_batch_size": "3", "desk_workers": None}, environ)
    assert (settings.desk_batch_size, settings.desk_workers, settings.lease_timeout_s) == (3, 2, 9.0)
    assert settings.routes[0].section == ("world",)


def test_defaults_are_the_embedded_way() -> None:
    assert Settings().embedded
    assert load_settings({}, {}) == Settings()
