"""The services of docker-compose.yml as data."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.conftest import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES = {name: s for name, s in COMPOSE["services"].items() if s.get("image", "").startswith("copydesk")}
SINK = '[[sinks]]\ntype = "webhook"\nname = "newsroom"\nurl = "http://127.0.0.1:9/in"\nsecret = "an invented secret"\n'


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield source, target, and whether it is read-only, of each volume (short syntax)."""
    for volume in service.get("volumes", ()):
        found = re.fullmatch(r"(.+?):(/[^:]*)(:ro)?", volume)
        assert found, volume
        yield found[1], found[2], bool(found[3])
