"""The version of copydesk. `pyproject.toml` is the only place that states it."""

from functools import cache


@cache
def version() -> str:
    """Return the version of the installed distribution.

    Raises: PackageNotFoundError, if copydesk is not installed.
    """
    from importlib import metadata  # 20 ms, which most commands do not need

    return metadata.version("copydesk")
