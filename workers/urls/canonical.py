"""Links: the one spelling that copydesk compares and publishes, and the key that two spellings of one story share.

    link ──wrappers off──▶ canonical: clutter off, every other byte as written ──▶ key: what names the story

Rules are tables, each with its source. Publishing a story twice is a nuisance, merging two is a loss: a rule that can't
be sure isn't here. The tables of tracking parameters are `workers.urls.tracking`'.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from workers.urls.tracking import is_tracker
from workers.urls.web_url import web_url

DEFAULT_PORTS = {"http": "80", "https": "443"}
MAX_WRAPPERS = 4
# Fragments that only scroll, or say where a reader came from. Sources: WordPress (comments, respond, more), Disqus,
# Tynt (ixzz), AT Internet (xtor), Echobox, text fragments (WICG). Others may be what tells two stories of a page apart.
IGNORED_FRAGMENTS = re.compile(
    r"top|main|content|article|respond|comments?([-_]?\d+)?|disqus_thread|more(-\d+)?|xtor=.*|echobox=.*|ixzz\w*|:~:.*"
    r"|_=_|close|rss|feed|share|amp(html)?|ref=.*|link_time=.*|ftag=.*|cid=.*|intcid=.*|\d{0,3}|\d{4}-\d\d-\d\d",
    re.IGNORECASE,
)
_AUTHORITY = re.compile(r"(?P<user>[^@]*@)?(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d*))?")


class CanonicalUrl(NamedTuple):
    """A link as it is compared and published, the key that its variants share, and the rules that made both."""

    canonical: str
    key: str
    rules: tuple[str, ...]


# Redirectors that carry their target in a parameter: host, path, parameters. Sources: the services' own links, and
# ClearURLs' list of "redirections" (facts only).
REDIRECTORS: tuple[tuple[re.Pattern[str], re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(rf"\A{host}"), re.compile(rf"\A{path}"), tuple(names.split()))
    for host, path, names in (
        (r"(www\.)?google\.[a-z.]{2,6}", r"/url", "url q"),
        (r"(l|lm)\.(facebook|instagram)\.com", r"/(l\.php)?", "u"),
        (r"(www\.)?bing\.com", r"/news/apiclick\.aspx", "url"),
        (r"out\.reddit\.com", r".*", "url"),
        (r"t\.umblr\.com", r"/redirect", "z"),
        (r".*safelinks\.protection\.outlook\.com", r".*", "url"),
        (r"(www\.)?linkedin\.com", r"/(redir/redirect|safety/go)", "url"),
        (r"steamcommunity\.com", r"/linkfilter/?", "url u"),
        (r"(www\.)?youtube\.com", r"/redirect", "q"),
        (r"go\.skimresources\.com", r".*", "url"),
        (r"vk\.com", r"/away\.php", "to"),
        (r"slack-redir\.net", r"/link", "url"),
        (r"duckduckgo\.com", r"/l/", "uddg"),
        (r"exit\.sc", r"/", "url"),
    )
)
# AMP caches and archives that carry their target in the path: host, path with the target as group 1 (and `s` for
# https as group `tls`). Sources: AMP cache URL format (amp.dev), Wayback Machine's URL format (archive.org).
CACHES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(rf"\A{host}"), re.compile(rf"\A{path}"))
    for host, path in (
        (r"([^.]+\.)?cdn\.ampproject\.org", r"/[a-z](?P<tls>/s)?/(?P<to>[^/][^/.]*+\..+)"),
        (r"(www\.)?google\.[a-z.]{2,6}", r"/amp(?P<tls>/s)?/(?P<to>[^/][^/.]*+\..+)"),
        (r"([^.]+\.)?bing-amp\.com", r"/[a-z]/?(?P<tls>/?s)?/(?P<to>[^/][^/.]*+\..+)"),
        (r"web\.archive\.org", r"/web/\d+[a-z_]*/(?P<to>.+)"),
    )
)
# Google News' older links hold their target in Base64. Source: the links themselves.
_GOOGLE_NEWS = re.compile(r"/(?:rss/|__i/rss/rd/)?articles/([A-Za-z0-9_-]{16,})")
_SLASHES = re.compile(r"\A(https?):/+")
_TARGET = re.compile(rb"https?://[^\x00-\x20\x7f-\xff]{4,}")

# Parameters that choose the AMP form of a page, or name a session or a checksum. Sources: AMP plugins of WordPress,
# Drupal and Arc; PHP, Java, ASP and ColdFusion session names, vBulletin's s, osCommerce's osCsid, TYPO3's cHash.
AMP_NAMES = frozenset("_amp amp-content amp_js_v amp_gsa amp_ct usqp noamp nonamp amp_latest_update_time".split())
AMP_VALUES = {
    name: re.compile(r"amp(html)?|1|true|yes|y|" if name == "amp" else r"amp(html|-type)?", re.IGNORECASE)
    for name in "amp alt display output outputtype format view type mode service".split()
}
SESSION_NAMES = frozenset("phpsessid jsessionid aspsessionid cfid cftoken oscsid zenid chash".split())
SESSION_VALUES = {
    "sid": re.compile(r"[0-9a-f]{16,}|"),
    "s": re.compile(r"[0-9a-f]{32}"),
    "sessionid": re.compile(r".{16,}"),
}
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?;]*", re.IGNORECASE)

# Where in a path AMP is marked. Sources: AMP plugins of WordPress (/amp/), Drupal, Arc, Escenic (.amp), ARD (~amp).
AMP_PATHS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), to)
    for pattern, to in (
        (r"/(?:platform/amp|api/amp|google-amp|amphtml|\.?amp)(?=/.)", ""),  # a segment of its own, something behind it
        (r"(?<=/)(?:\.?amp|alt=amp|[a-z]{1,6}-amp|amp\.html?)/?$", ""),  # the last segment
        (r"[.~_!-]amp(?=\.s?html?$)", ""),
        (r"(?<=[^/])(?:\.amp|!amp)$", ""),
    )
)
# Names of hosts that serve another form of the same pages. Sources: the AMP project, Wikipedia's list of mobile names.
MOBILE_HOST = re.compile(r"(?:m|mobile|mobil|amp|wap|touch)\.(?=[^.]+\.[^.]+)")
MOBILE_JOINED = re.compile(r"(?:amp|m)-(?=[^.]+\.[^.]+\.[^.]+)")  # amp-madame.lefigaro.fr
# Pages that a folder shows anyway. Source: DirectoryIndex of Apache httpd, default documents of IIS.
_INDEX = re.compile(r"(?<=/)(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.IGNORECASE)

# For keys only. A slug that carries an article's number names it whatever folder it stands in, and a number of its own
# names it whatever slug comes behind it. Numbers that may be a date name nothing.
_WWW = re.compile(r"www\d{0,2}\.(?=[^.]+\.[^.]+)")
_ENDING = re.compile(r"(?<=[^/])\.(?:s?html?|amp|php|aspx?)$", re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?:\d{4,6})?")
_NUMBERED_SLUG = re.compile(r"\A(?=(?:[^-_]+[-_]){2})(?:.*[^\d])?(\d{7,12})(?:\D{0,3})")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")
_NUMBER = re.compile(r"\d{6,12}")
_SLUG = re.compile(r"\A(?=.*[^\W\d_])[^/.]+-[^/]*-[^/]*")


def canonicalise(link: str) -> CanonicalUrl:
    """Return how *link* is spelt; both empty for what isn't http or https.

    >>> spell("HTTPS://News.Example:443/a?b=%7E&utm_source=rss#top").canonical
    'https://news.example/a?b=%7E'
    >>> spell("https://www.news.example/a/amp/").key == spell("http://news.example/a").key
    True
    """
    return _spelt(link, MAX_WRAPPERS, ())


def canonical_url(link: str) -> str:
    """Return the one spelling of *link* that copydesk compares and publishes; "" for what isn't http or https."""
    return canonicalise(link).canonical


def _spelt(link: str, wrappers: int, done: tuple[str, ...]) -> CanonicalUrl:
    link = link.strip()
    try:
        scheme, authority, path, query, fragment = urlsplit(link)
    except ValueError:
        return CanonicalUrl("", "", ())
    found = _AUTHORITY.fullmatch(authority)
    if scheme not in DEFAULT_PORTS or found is None or not found["host"].strip("."):
        return CanonicalUrl("", "", ())
    host, port, rules = found["host"].lower().rstrip("."), found["port"] or "", list(done)
    if wrappers and (target := web_url(unwrap(scheme, host, path, query))):
        return _spelt(target, wrappers - 1, (*done, "wrapper"))
    if host != found["host"] or port == DEFAULT_PORTS[scheme] or link[: len(scheme)] != scheme:
        rules.append("host")
    port = "" if port == DEFAULT_PORTS[scheme] else port
    path, query = path or "/", _applied("query", query, _without_clutter, rules)
    for name, rule in (("session", _without_session), ("amp", _without_amp), ("index", _without_index)):
        path = _applied(name, path, rule, rules)
    variant, host = host, _applied("variant", host, _without_mobile, rules)
    if variant != host and len(parts := path.split("/")) > 2 and parts[1] == host.split(".")[-2]:
        path = "/" + "/".join(parts[2:])  # amp.cnn.com/cnn/…: where one host serves the AMP form of several sites
    kept = "" if IGNORED_FRAGMENTS.fullmatch(fragment) or is_tracker(fragment) else fragment
    if kept != fragment:
        rules.append("fragment")
    at = f"{host}:{port}" if port else host
    canonical = (
        f"{scheme}://{found['user'] or ''}{at}{path}" + (f"?{query}" if query else "") + (f"#{kept}" if kept else "")
    )
    return CanonicalUrl(canonical, _key(at, path, query, kept), tuple(dict.fromkeys(rules)))


def _applied(name: str, before: str, rule: Callable[[str], str], rules: list[str]) -> str:
    after = rule(before)
    if after != before:
        rules.append(name)
    return after


def unwrap(scheme: str, host: str, path: str, query: str) -> str:
    """Return the link that a redirector's or a cache's link carries, if it is one."""
    if not (query or "." in path or host == "news.google.com"):
        return ""
    for hosts, paths, names in REDIRECTORS:
        if hosts.fullmatch(host) and paths.fullmatch(path):
            given = dict(parse_qsl(query))
            return next((given[name] for name in names if given.get(name, "").startswith(("http://", "https://"))), "")
    for hosts, paths in CACHES:
        if hosts.fullmatch(host) and (found := paths.fullmatch(path)):
            target = found["to"] if "://" in found["to"] or ":/" in found["to"] else ""
            tls = (
                "s" if found.groupdict().get("tls") or (not target and scheme == "https" and "archive" in host) else ""
            )
            target = _SLASHES.sub(r"\1://", target) or f"http{tls}://{found['to']}"
            return target + (f"?{query}" if query else "")
    if host == "news.google.com" and (news := _GOOGLE_NEWS.match(path)):
        try:
            held = _TARGET.search(base64.urlsafe_b64decode(news[1] + "==="))
        except (binascii.Error, ValueError):
            return ""
        return held[0].decode("ascii") if held else ""
    return ""


def _without_clutter(query: str) -> str:
    return "&".join(part for part in query.split("&") if part and not (is_tracker(part) or _is_amp_or_session(part)))


def _is_amp_or_session(parameter: str) -> bool:
    """Whether `name=value` only chooses the AMP form, or names a session."""
    name, _, value = parameter.partition("=")
    name, value = unquote(name).lower().removeprefix("amp;"), unquote(value).lower()
    if name in AMP_NAMES or name in SESSION_NAMES:
        return True
    rule = AMP_VALUES.get(name) or SESSION_VALUES.get(name)
    return bool(rule and rule.fullmatch(value))


def _without_session(path: str) -> str:
    return _PATH_SESSION.sub("", path) if ";" in path else path


def _without_amp(path: str) -> str:
    if "amp" not in path.lower():
        return path
    for pattern, to in AMP_PATHS:
        path = pattern.sub(to, path)
    return path or "/"


def _without_index(path: str) -> str:
    return _INDEX.sub("", path)


def _without_mobile(host: str) -> str:
    return MOBILE_JOINED.sub("", MOBILE_HOST.sub("", host, count=1), count=1)


def _key(at: str, path: str, query: str, fragment: str) -> str:
    """Return what names the story: no scheme, www, ending or order, nor what an article's number makes needless."""
    segments = [_escaped(part) for part in path.split("/") if part]
    named = _article_segments(segments) if not query else segments
    if named:
        named = [*named[:-1], _ENDING.sub("", named[-1])]
    parameters = "&".join(sorted(map(_escaped, query.split("&")))) if query else ""
    return (
        _WWW.sub("", at)
        + "/"
        + "/".join(named)
        + (f"?{parameters}" if parameters else "")
        + (f"#{fragment}" if fragment else "")
    )


def _article_segments(segments: list[str]) -> list[str]:
    if not segments:
        return segments
    last = segments[-1]
    found = _NUMBERED_SLUG.fullmatch(_ENDING.sub("", last))
    if found and not _DATE.fullmatch(found[1]):
        return [last]
    before = segments[-2] if len(segments) > 1 else ""
    if _NUMBER.fullmatch(before) and not _DATE.match(before) and _SLUG.fullmatch(last):
        return segments[:-1]
    return segments


def _escaped(part: str) -> str:
    """Return *part* with every escape in capitals, and none where none is needed (RFC 3986 §6.2.2)."""
    if "%" not in part:
        return part
    return _ESCAPED.sub(_escape, part)


def _escape(found: re.Match[str]) -> str:
    character = chr(int(found[0][1:], 16))
    return character if character.isascii() and (character.isalnum() or character in "-._~") else found[0].upper()
