"""Site rules in the format of Full-Text RSS: one `HOST.txt` per site, one `directive: value` per line.

Source: fivefilters.org, "Site Patterns". The public collection ftr-site-config has about 2,000 such files.
"""

import re

from streams.errors import SettingsError
from workers.clean.site_rules.rule import Selector, SiteRule, compile_xpath, quote

SELECTORS = ("title", "body", "author", "date", "strip")
# Directives that control fetching, tests or the output of Full-Text RSS, but not the choice of the body.
WITHOUT_EFFECT = frozenset(
    "tidy prune autodetect_on_failure parser test_url test_contains test_title convert_double_br_tags footnotes "
    "strip_comments skip_json_ld insert_detected_image requires_login login_uri login_username_field "
    "login_password_field login_extra_fields not_logged_in_xpath native_ad_clue strip_attr src_lazy_load_attr "
    "single_page_link single_page_link_in_feed next_page_link if_page_contains dissolve move_into "
    "http_header wrap_in".split()
)
DIRECTIVE = re.compile(r"\A(?P<name>[a-z_]{2,40})(?:\((?P<argument>.*)\))?\s*+:(?P<value>.*)\Z", re.DOTALL)
CLASS_OR_ID = "//*[contains(concat(' ',normalize-space(@class),' '),{0}) or @id={1}]"
MAX_LINES = 2_000


def parse_ftr(text: str, name: str) -> SiteRule:
    """Return the rule in a file of Full-Text RSS; *name* is the file's name, for messages.

    Raises:
        SettingsError: a line is no directive, or its XPath is invalid. The message names file and line.
    """
    selectors: dict[str, list[Selector]] = {key: [] for key in SELECTORS}
    finds: list[str] = []
    replacements: list[tuple[str, str]] = []
    ignored: list[str] = []
    lines = text.splitlines()[:MAX_LINES]
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = f"{name}:{number}"
        match = DIRECTIVE.match(line.strip())
        if match is None:
            raise SettingsError(f"invalid site rule: {line.strip()!r} ({place}; not a directive); write `body: XPATH`")
        key, argument, value = match["name"], match["argument"], match["value"].strip()
        if key in SELECTORS and value:
            selectors[key].append(compile_xpath(value, place))
        elif key in ("strip_id_or_class", "strip_image_src") and value:
            selectors["strip"].append(_strip(key, value.strip("\"'"), place))
        elif key == "find_string":
            finds.append(value)
        elif key == "replace_string" and argument is not None:
            replacements.append((argument, value))
        elif key == "replace_string" and finds:
            replacements.append((finds.pop(0), value))
        elif key in WITHOUT_EFFECT or not value:
            ignored.append(f"{key} (line {number})")
        else:
            raise SettingsError(f"unknown directive: {key} ({place}); see docs/howto/site-rules.md")
    title, body, author, date, strip = (tuple(selectors[key]) for key in SELECTORS)
    return SiteRule(name, title, body, author, date, strip, tuple(replacements), tuple(ignored))


def _strip(key: str, value: str, place: str) -> Selector:
    if key == "strip_image_src":
        return compile_xpath(f"//img[contains(@src,{quote(value, place)})]", place, f"{key}: {value}")
    expression = CLASS_OR_ID.format(quote(f" {value} ", place), quote(value, place))
    return compile_xpath(expression, place, f"{key}: {value}")
