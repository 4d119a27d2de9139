"""Settings as text: the effective values, the table of the reference, and an example of copydesk.toml."""

import json
from dataclasses import fields
from typing import Any

from streams.config.settings import LoadedSettings, Settings
from streams.config.sources import redact_url
from streams.config.tables import TABLE_SETTINGS

TABLES_TOML = """

# Articles that match a route are also published to copydesk.articles.<name>.
# [[routes]]
# name = "harbours"
# keyword = ["harbour", "port"]
# language = "en"

# Options of the feeds whose URL matches; the first matching table applies.
# [[feeds]]
# url = "https://example.org/*"
# poll_interval_s = 600
# full_text = true

# Files that appear in the folder are ingested.
# [[sources]]
# type = "folder"
# name = "wire"
# path = "incoming"
"""


def effective_settings(loaded: LoadedSettings) -> list[tuple[str, str, str]]:
    """Return (name, value as TOML, source) of every setting. Secrets are hidden."""
    return [
        (spec.name, _display(spec, getattr(loaded.settings, spec.name)), loaded.sources.get(spec.name, "default"))
        for spec in fields(Settings)
    ]


def _display(spec: Any, value: Any) -> str:
    if spec.name in TABLE_SETTINGS:
        return f"{len(value)} × [[{spec.name}]]"
    if spec.metadata.get("secret"):
        return '"…"' if value else '""'
    if isinstance(value, bool | int | float):
        return str(value).lower()
    text = str(value)
    return json.dumps(redact_url(text) if "schemes" in spec.metadata else text, ensure_ascii=False)


def settings_table() -> str:
    """Return the settings as a Markdown table, for the reference."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for spec in fields(Settings):
        default = "" if spec.default in ("", ()) else f"`{_display(spec, spec.default).strip(chr(34))}`"
        rows.append(f"| `{spec.name}` | {default} | {spec.metadata['help']} |")
    return "\n".join(rows)


def settings_toml() -> str:
    """Return a copydesk.toml in which every setting is a comment with its meaning and default."""
    lines = ["# Settings of copydesk. Each comment shows a default; remove the # to change it."]
    for spec in fields(Settings):
        if spec.name not in TABLE_SETTINGS:
            lines += ["", f"# {spec.metadata['help']}", f"# {spec.name} = {_display(spec, spec.default)}"]
    return "\n".join(lines) + TABLES_TOML
