"""Answers of the MCP server: split into the lead and the records between the delimiters."""

import importlib.util
import json
import os
import re
from typing import Any, NamedTuple

import pytest

OPENING = re.compile(r"<untrusted ([0-9a-f]{32})>")


class Answer(NamedTuple):
    """The text outside the delimiters, the records between them, and their token."""

    outside: str
    records: list[dict[str, Any]]
    delimiter: str


def require_sdk() -> None:
    """Skip the module without the SDK; fail in CI."""
    if importlib.util.find_spec("mcp") is None:
        assert not os.environ.get("CI"), "the MCP SDK is missing in CI"
        pytest.skip('no MCP SDK; run pip install "copydesk[mcp]"', allow_module_level=True)


def read_answer(text: str) -> Answer:
    """Return the parts of an answer as a strict reader sees them: the first opening line names the delimiter."""
    lines = text.split("\n")
    opening = next((n for n, line in enumerate(lines) if OPENING.fullmatch(line)), None)
    if opening is None:
        return Answer(text, [], "")
    delimiter = OPENING.fullmatch(lines[opening])[1]  # type: ignore[index]
    closing = lines.index(f"</untrusted {delimiter}>")
    assert text.count(delimiter) == 2, "delimiter repeated"
    outside = "\n".join((*lines[:opening], *lines[closing + 1 :]))
    return Answer(outside, [json.loads(line) for line in lines[opening + 1 : closing]], delimiter)
