"""Tracking parameters: tables of their names and values, and links without them. Pure."""

import re
from urllib.parse import unquote, urljoin, urlsplit

from workers.urls.web_url import encode_spaces

# Query parameters that track the reader and never select the page. Sources: Google Analytics' utm_*
# and click ids, Meta, Microsoft, Yandex, Twitter, TikTok, Mailchimp, HubSpot, Marketo, Matomo/Piwik, AT Internet,
# Adobe and Webtrekk documentation, and feed builders (rss, feed).
TRACKING_NAMES = frozenset(
    """
    fbclid gclid gclsrc dclid wbraid gbraid msclkid yclid ysclid twclid ttclid igshid igsh li_fat_id mc_cid mc_eid
    mkt_tok _openstat fb_action_ids fb_action_types fb_source fb_ref ref_src ref_url cmpid s_cid icid ito ocid
    echobox soc_src soc_trk guccounter guce_referrer guce_referrer_sig _ga _gl srsltid wt_mc wt_zmc __s _hsenc _hsmi
    vero_id vero_conv oly_anon_id oly_enc_id rb_clickid wickedid ns_mchannel ns_source ns_campaign ns_linkname ns_fee
    xtor sr_share smid smtyp feedname feedtype wprss intcid int_cid intcmp at_medium at_campaign at_custom1
    at_custom2 at_custom3 at_custom4 at_format at_link_id at_link_origin at_link_type at_ptr_name at_bbc_team
    maca fromrss rssfeed rss_feed dicbo __twitter_impression
    """.split()
)
TRACKING_PREFIXES = ("utm_", "mtm_", "pk_", "piwik_", "matomo_", "hsa_", "itm_", "stm_")

# Ambiguous names are tracking parameters only with these values.
TRACKING_VALUES = {
    "ref": re.compile(r"(rss|feed|twitter|facebook|share|newsletter|email)[\w-]*", re.IGNORECASE),
    "source": re.compile(r"(rss|feed|twitter|facebook|email|newsletter|share)[\w-]*", re.IGNORECASE),
    "src": re.compile(r"(rss|feed|twsrc)[\w^-]*", re.IGNORECASE),
    "from": re.compile(r"(rss|feed)", re.IGNORECASE),
    "via": re.compile(r"(rss|feed)", re.IGNORECASE),
    "cmp": re.compile(r"(rss|share|edit|oth|soc)[\w-]*", re.IGNORECASE),
    "partner": re.compile(r"(rss|feed)[\w-]*", re.IGNORECASE),
    "emc": re.compile(r"rss[\w-]*", re.IGNORECASE),
    "traffic_source": re.compile(r"(rss|feed)[\w-]*", re.IGNORECASE),
    "rss": re.compile(r"(1|true|yes|)", re.IGNORECASE),
    "feed": re.compile(r"(rss|1)", re.IGNORECASE),
}


def without_trackers(url: str) -> str:
    """Return *url* without tracking parameters; all other bytes stay as written."""
    head, question_mark, rest = url.partition("?")
    if not question_mark:
        return url
    query, hash_mark, fragment = rest.partition("#")
    query = "&".join(part for part in query.split("&") if not is_tracker(part))
    return head + ("?" + query if query else "") + hash_mark + fragment


def is_tracker(parameter: str) -> bool:
    """Return whether `name=value` only tracks the reader."""
    name, _, value = parameter.partition("=")
    name = unquote(name).lower()
    if name in TRACKING_NAMES or name.startswith(TRACKING_PREFIXES):
        return True
    rule = TRACKING_VALUES.get(name)
    return bool(rule and rule.fullmatch(unquote(value)))


def clean_link(url: str, base: str = "") -> str:
    """Return *url* resolved against *base*, without trackers; "" unless it is http, https or mailto.

    White space within it is percent-encoded, and line breaks are removed.
    """
    url = encode_spaces(url.strip()).replace("&amp;", "&")  # markup that was escaped twice
    if url.startswith(("https://", "http://")) and "[" not in url and "/." not in url:
        return without_trackers(url)  # most links are absolute
    if "\\" in url and base:
        url = with_slashes(url)
    try:
        absolute = urljoin(base, url) if base else url
        scheme = urlsplit(absolute).scheme.lower()
    except ValueError:
        return ""
    if scheme in ("http", "https"):
        return without_trackers(absolute)
    return absolute if scheme == "mailto" else ""


def with_slashes(reference: str) -> str:
    """Return a relative *reference* with slashes instead of backslashes in its path (URL Standard §4.4)."""
    end = next((n for n, character in enumerate(reference) if character in "?#"), len(reference))
    return reference[:end].replace("\\", "/") + reference[end:] if ":" not in reference[:end] else reference


def image_link(source: str, base: str = "") -> str:
    """Return the clean link of an image; "" for an empty *source*, which would resolve to the page itself."""
    return clean_link(source, base) if source.partition("#")[0].strip() else ""
