"""Token of the admin API: stored once, readable by its owner only, never empty."""

from pathlib import Path

import pytest

from streams.errors import SettingsError
from workers.web.admin_api import load_token


def test_token_is_stored_and_private(tmp_path: Path) -> None:
    token = load_token(tmp_path / "data")
    assert load_token(tmp_path / "data") == token
    assert (tmp_path / "data" / "web.token").stat().st_mode & 0o077 == 0


def test_token_in_empty_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "web.token").write_text("\n")  # a crash or a full disk can leave an empty file
    token = load_token(tmp_path)
    assert len(token) > 20
    assert load_token(tmp_path) == token
    assert [p.name for p in tmp_path.iterdir()] == ["web.token"]


def test_token_error_names_data_dir(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="data_dir"):
        load_token(tmp_path / "file" / "data")


@pytest.mark.parametrize("content", ["\ufefftoken".encode(), "tokén".encode("latin-1")])
def test_unreadable_token_is_settings_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "web.token").write_bytes(content)  # as an editor may save it
    with pytest.raises(SettingsError, match=r"token not readable: .*web.token \(.+\); remove the file"):
        load_token(tmp_path)
