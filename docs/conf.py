"""Configuration of Sphinx. The build needs no network."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from generate import write_pages  # noqa: E402 - the path above makes it importable

from streams.version import version as copydesk_version  # noqa: E402

project = "copydesk"
author = copyright = "the copydesk authors"
version = release = copydesk_version()

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nitpick_ignore_regex = [("py:.*", r"(?!copydesk\.).*")]  # types of the standard library and of internal modules
default_role = "code"  # docstrings write `name`

autodoc_member_order = "bysource"
autodoc_typehints = "signature"

html_theme = "furo"
html_title = "copydesk"
html_static_path = ["_static"]
html_show_sphinx = False

write_pages(Path(__file__).parents[1] / "build" / "docs" / "generated")
