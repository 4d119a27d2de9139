"""The token of the page's server: kept, private, never empty."""

from pathlib import Path

import pytest

from streams.errors import SettingsError
from workers.web.admin_api import load_token


def test_page_token_is_kept_and_private(tmp_path: Path) -> None:
    token = load_token(tmp_path / "data")
    assert load_token(tmp_path / "data") == token
    assert (tmp_path / "data" / "web.token").stat().st_mode & 0o077 == 0


def test_page_token_in_empty_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "web.token").write_text("\n")  # a crash or a full disk may leave that, and no token would match it
    token = load_token(tmp_path)
    assert len(token) > 20
    assert load_token(tmp_path) == token
    assert [p.name for p in tmp_path.iterdir()] == ["web.token"]


def test_page_token_without_directory_names_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="data_dir"):
        load_token(tmp_path / "file" / "data")
