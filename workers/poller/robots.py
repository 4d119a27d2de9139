"""robots.txt: rules for copydesk, bounded before the library sees them (RFC 9309)."""

import re

from protego import Protego

ROBOTS_AGENT = "copydesk"  # our product token
MAX_RULES = 2_000  # Protego compares each rule with each URL: 2,000 with wildcards take 5 ms, and 25,000 take 640 ms
MAX_PATH_CHARS = 1_000
PREFIXES = frozenset(ROBOTS_AGENT[:n] for n in range(1, len(ROBOTS_AGENT) + 1))  # names with a wildcard: `copy*`
_TOKEN = re.compile(r"[a-z_-]*+")  # RFC 9309 §2.2.1, in lower case
GROUP_START = ("user-agent", "useragent", "user agent")  # spellings that Protego accepts


class RobotsRules:
    """The rules of one host that apply to copydesk. *lines*: as text, which gives the same rules."""

    def __init__(self, text: str) -> None:
        self.lines = relevant_lines(text)
        self._rules = Protego.parse(self.lines)

    def allows(self, url: str) -> bool:
        """Return whether copydesk may request *url*."""
        return bool(self._rules.can_fetch(url, ROBOTS_AGENT))

    @property
    def delay_s(self) -> float:
        """The Crawl-delay for copydesk in seconds."""
        return float(self._rules.crawl_delay(ROBOTS_AGENT) or 0.0)


def relevant_lines(text: str) -> str:
    """Return the group of *text* for copydesk, else the group for all agents (RFC 9309 §2.2.1), as one for all agents.

    Protego would also apply a group to agents whose names only begin with its name.
    A group has its first MAX_RULES lines. A path of more than MAX_PATH_CHARS matches nothing that copydesk requests.
    """
    own: list[str] = []
    general: list[str] = []
    groups: list[list[str]] = []
    is_after_agent = False
    for line in text.splitlines():
        content = line.partition("#")[0].strip()
        agent = _agent(content)
        if agent is not None:
            groups = groups if is_after_agent else []
            group = general if agent == "*" else own if _is_own(agent) else None
            if group is not None and not any(other is group for other in groups):
                groups.append(group)
                _append("User-agent: *", [group])
        elif content and len(content) <= MAX_PATH_CHARS:
            _append(content, groups)
        is_after_agent = agent is not None or (is_after_agent and not content)
    return "\n".join(own or general)


def _append(line: str, groups: list[list[str]]) -> None:
    for group in groups:
        if len(group) < MAX_RULES:
            group.append(line)


def _agent(content: str) -> str | None:
    """Return the name in a line that begins a group, in lower case; None for other lines."""
    lower = content.lower()
    for start in GROUP_START:
        if lower.startswith(start):
            return lower.removeprefix(start).strip(": \t")
    return None


def _is_own(agent: str) -> bool:
    """Return whether a group is for copydesk. A version behind the product token does not count."""
    if "*" in agent:
        return agent.replace("*", "") in PREFIXES
    token = _TOKEN.match(agent)
    return token is not None and token[0] == ROBOTS_AGENT
