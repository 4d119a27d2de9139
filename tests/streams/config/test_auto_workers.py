"""`desk_workers = "auto"`: one desk per CPU core, which share the cleaning processes."""

from pathlib import Path

import pytest

from streams.config.settings import PARTITIONS, cpu_cores, load_settings
from streams.errors import SettingsError


def test_auto_desk_workers_use_all_cores(tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text('desk_workers = "auto"\n')
    settings = load_settings({}, {"COPYDESK_CONFIG": str(path)})
    assert settings.desk_workers == min(PARTITIONS, cpu_cores())
    assert settings.desk_workers <= settings.partitions
    assert settings.desk_workers * settings.clean_process_count <= max(cpu_cores(), settings.desk_workers)


def test_unknown_word_for_desk_workers_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"desk_workers = 'all' .*; expected a whole number or 'auto'"):
        load_settings({"desk_workers": "all"}, {})
