"""Check the relative links and anchors of the Markdown files; web addresses are not requested."""

import re
import sys
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from tests.tools.prose import CODE_IN_MARKDOWN, FOLDERS, ROOT

LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s*<?([^\s>]+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(source: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    titles = (heading.replace("`", "").lower() for heading in HEADING.findall(FENCE.sub("", source)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def is_broken(link: SplitResult, page: Path) -> bool:
    """Return whether a link of *page* lacks its file or its anchor."""
    target = page.parent / unquote(link.path) if link.path else page
    if not target.exists():
        return True
    return bool(link.fragment and target.suffix == ".md" and link.fragment not in anchors(target.read_text("utf-8")))


def broken_links(page: Path) -> list[str]:
    """Return the links of a Markdown file without a target."""
    found = LINK.findall(CODE_IN_MARKDOWN.sub(" ", page.read_text("utf-8")))
    links = [urlsplit(inline or reference) for inline, reference in found]
    return [link.geturl() for link in links if not link.scheme and not link.netloc and is_broken(link, page)]


def main() -> int:
    """Print a line for each broken link; return the exit code."""
    folders = [path for path in ROOT.iterdir() if path.name in (*FOLDERS, ".github", "examples")]
    paths = sorted([*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))])
    lines = [f"broken link: {path.relative_to(ROOT)} ({link})" for path in paths for link in broken_links(path)]
    print(*lines, sep="\n", end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
