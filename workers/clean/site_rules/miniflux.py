"""Site rules in the syntax of Miniflux: CSS selectors of the scraper, and rewrite functions.

Source: miniflux.app, "Rewrite, Scraper and Filtering Rules".
"""

import re

from streams.errors import SettingsError
from workers.clean.site_rules.rule import SiteRule, compile_css

CALL = re.compile(r'\A(?P<name>[a-z_]{1,40}+)(?:\((?P<arguments>(?:[^")]|"(?:[^"\\]|\\.)*+")*+)\))?+\s*+(?:,|\Z)')
STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"')
ESCAPE = re.compile(r"\\(.)")
# Rewrite functions for pictures, code and embeds; copydesk does the same, or has no need, for every site.
WITHOUT_EFFECT = frozenset(
    "add_dynamic_image add_dynamic_iframe add_image_title add_mailto_subject add_youtube_video "
    "add_youtube_video_using_invidious_player add_youtube_video_from_id add_invidious_video add_castopod_episode "
    "add_pdf_download_link add_hn_links_using_hack add_hn_links_using_opener base64_decode convert_text_link "
    "convert_text_links fix_medium_images fix_ghost_cards nl2br parse_markdown remove_clickbait remove_tables "
    "remove_img_blur_params replace_title use_noscript_figure_images use_iframe_image".split()
)


def parse_scraper(css: str, place: str) -> SiteRule:
    """Return the rule of a scraper's CSS selector, which selects the body. Raises SettingsError."""
    return SiteRule(place, body=(compile_css(css, place),)) if css.strip() else SiteRule(place)


def parse_rewrite(text: str, place: str) -> SiteRule:
    """Return the rule of rewrite functions such as `remove(".ad"), replace("a"|"b")`.

    Raises:
        SettingsError: the syntax is wrong, or a function is unknown.
    """
    rule, rest = SiteRule(place, for_feeds=True), text.strip()
    while rest:
        call = CALL.match(rest)
        if call is None:
            raise SettingsError(f'invalid rewrite rule: {rest!r} ({place}); write name("argument")')
        rest = rest[call.end() :].lstrip()
        strings = [ESCAPE.sub(r"\1", string) for string in STRING.findall(call["arguments"] or "")]
        rule += _function(call["name"], strings, place)
    return rule


def _function(name: str, strings: list[str], place: str) -> SiteRule:
    if name == "remove" and len(strings) == 1:
        return SiteRule(place, strip=(compile_css(strings[0], place),))
    if name == "replace" and len(strings) == 2:
        return SiteRule(place, replacements=((strings[0], strings[1]),))
    if name in WITHOUT_EFFECT:
        return SiteRule(place, ignored=(name,))
    raise SettingsError(
        f"invalid rewrite rule: {name} with {len(strings)} arguments ({place}); see docs/howto/site-rules.md"
    )
