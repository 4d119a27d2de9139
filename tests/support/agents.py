"""The agents under test: those on Faust, or with COPYDESK_TEST_AGENTS=plain the spike without it."""

import os
from typing import Any

import streams.faust.agents
import tests.tools.bench.plain_runtime

_runtime: Any = (
    tests.tools.bench.plain_runtime if os.environ.get("COPYDESK_TEST_AGENTS") == "plain" else streams.faust.agents
)
create_app, add_agent = _runtime.create_app, _runtime.add_agent
