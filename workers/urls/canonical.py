"""Canonical URLs: the published spelling of a link, and the key that all spellings of one article share. Pure.

    link ──unwrap──▶ canonical URL: no needless parts, every other byte as written ──▶ key: identifies the article

Rules are tables, each with its source. A duplicate article is a nuisance, two merged articles are a loss.
Rules that may merge two articles are therefore left out. `workers.urls.tracking` owns the tracking parameters.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from workers.urls.domains import registrable_domain
from workers.urls.tracking import is_tracker
from workers.urls.web_url import web_url

DEFAULT_PORTS = {"http": "80", "https": "443"}
MAX_WRAPPERS = 4
CACHED_HOSTS = 256  # the links of a feed lead to a few hosts
# Fragments that only scroll or track the reader. Sources: WordPress (comments, respond, more), Disqus, Tynt (ixzz),
# AT Internet (xtor), Echobox, text fragments (WICG). Other fragments may distinguish two articles of one page: dates
# are entries of a changelog, `comment-7` is an item of a comment feed.
IGNORED_FRAGMENTS = re.compile(
    r"top|main|content|article|respond|comments?|disqus_thread|more(-\d+)?|xtor=.*|echobox=.*|ixzz\w*|:~:.*"
    r"|_=_|close|rss|feed|share|amp(html)?|ref=.*|link_time=.*|ftag=.*|cid=.*|intcid=.*|\d{0,3}",
    re.IGNORECASE,
)
_AUTHORITY = re.compile(r"(?P<user>[^@]*@)?(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d*))?")


class CanonicalUrl(NamedTuple):
    """A canonical URL, the key that its variants share, and the names of the rules that were applied."""

    canonical: str
    key: str
    rules: tuple[str, ...]


# Redirectors with their target in a parameter: host, path, parameters. Sources: the services' own links, and
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
# AMP caches and archives with their target in the path: host, path. Group `to` is the target, group `tls` marks https.
# Sources: AMP cache URL format (amp.dev), Wayback Machine's URL format (archive.org).
CACHES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(rf"\A{host}"), re.compile(rf"\A{path}"))
    for host, path in (
        (r"([^.]+\.)?cdn\.ampproject\.org", r"/[a-z](?P<tls>/s)?/(?P<to>[^/][^/.]*+\..+)"),
        (r"(www\.)?google\.[a-z.]{2,6}", r"/amp(?P<tls>/s)?/(?P<to>[^/][^/.]*+\..+)"),
        (r"([^.]+\.)?bing-amp\.com", r"/[a-z]/?(?P<tls>/?s)?/(?P<to>[^/][^/.]*+\..+)"),
        (r"web\.archive\.org", r"/web/\d+[a-z_]*/(?P<to>.+)"),
    )
)
# Older Google News links contain their target in Base64. Source: the links themselves.
_GOOGLE_NEWS = re.compile(r"/(?:rss/|__i/rss/rd/)?articles/([A-Za-z0-9_-]{16,})")
_SLASHES = re.compile(r"\A(https?):/+")
_TARGET = re.compile(rb"https?://[^\x00-\x20\x7f-\xff]{4,}")

# Parameters that select the AMP form of a page, or contain a session or a checksum. Sources: AMP plugins of WordPress,
# Drupal and Arc; PHP, Java, ASP and ColdFusion session names, vBulletin's s, osCommerce's osCsid, TYPO3's cHash.
AMP_NAMES = frozenset(
    "_amp amp-content amp_js_v amp_gsa amp_ct usqp noamp nonamp amp_latest_update_time wpamp amp_analytics".split()
)
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

# Path segments that mark AMP pages. Sources: AMP plugins of WordPress (/amp/), Drupal, Arc, Escenic (.amp), ARD (~amp).
AMP_PATHS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"/(?:platform/amp|api/amp|google-amp|amphtml|\.?amp)(?=/.)", ""),  # a whole segment that is not the last
        (r"(?<=/)(?:\.amp|alt=amp(?:\.html?)?|amp\.html?)/?$", ""),  # the last segment
        # "amp" is also a word. It marks an AMP page with a slash after it, or after an article's number or slug.
        (r"(?P<article>/(?=[^/]*\d|(?:[^/-]+-){2})[^/]*/)[a-z]{1,6}-amp/?$", r"\g<article>"),
        (r"(?<=/)amp/$", ""),
        (r"(?P<article>/[^/]*[\d_.-][^/]*)/amp$", r"\g<article>/"),
        (r"[.~_!-]amp(?=\.s?html?$)", ""),
        (r"(?<=[^/])(?:\.amp|!amp)$", ""),
    )
)
# "amp" may be the word, as in "/amp/marshall-jcm". Without a number or a slug in the path, only the key drops it.
_AMP_WORD = re.compile(r"/amp/.|-amp\.s?html?$", re.IGNORECASE)
_NUMBER_OR_SLUG = re.compile(r"\d{4}|/(?:[^/-]+-){3}(?!amp\.s?html?$)", re.IGNORECASE)
# Host labels of other forms of the same pages: the first label or the one after www or a language (en.m.wikipedia.org).
# Sources: the AMP project, Wikipedia's list of mobile names.
MOBILE_HOST = re.compile(r"\A([a-z]{2,3}\.|www\.)?(?:m|mobile|mobil|amp|wap|touch)\.(?=[^.]+\.[^.]+)")
MOBILE_JOINED = re.compile(r"\A(?:amp|m)-(?=[^.]+\.[^.]+\.[^.]+)")  # amp-madame.lefigaro.fr
# Default file names of a folder. Source: DirectoryIndex of Apache httpd, default documents of IIS.
_INDEX = re.compile(r"(?<=/)(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.IGNORECASE)

# Parameters that select the language or the layout of a page, never the article: host → names, and its paths' prefixes.
# Source: links of Google News' feeds, site and share button (commafeed issue 1755, NetNewsWire issue 4880).
PRESENTATION_NAMES = {"news.google.com": frozenset(("oc", "hl", "gl", "ceid"))}
PRESENTATION_PATHS = {"news.google.com": re.compile(r"\A/(?:rss/|__i/rss/rd/)?(?:articles|read)(?=/)")}

# For keys only. An article number in a slug identifies the article in every folder. A segment that is an article number
# identifies it with every slug after it. If its articles turn out to differ, `slug_key` identifies them.
# Numbers that may be dates identify nothing.
_WWW = re.compile(r"\Awww\d{0,2}\.(?=[^.]+\.[^.]+)")
_ENDING = re.compile(r"(?<=[^/])\.(?:s?html?|amp|php|aspx?)$", re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?:\d{4,6})?")
# Six digits that are YYYYMM, MMYYYY, YYMMDD or DDMMYY, in the folder of a month or a day.
_SHORT_DATE = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])|(?:0[1-9]|1[0-2])(?:19|20)\d\d"
    r"|[0-39]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])[0-39]\d"
)
_NUMBERED_SLUG = re.compile(r"\A(?=(?:[^-_]+[-_]){2})(?:.*[^\d])?(\d{7,12})(?:\D{0,3})")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")
_NUMBER = re.compile(r"\d{6,12}")
_NUMBER_SEGMENT = re.compile(r"/\d{6,12}/")
_SLUG = re.compile(r"\A(?=.*[^\W\d_])[^/.]+-[^/]*-[^/]*")
# WordPress numbers all types of posts together, so the type adds nothing (WP_Query, parameter p).
_POST_NUMBER = re.compile(r"p=\d+")
# A date fragment distinguishes the entries of a page, for example a changelog. A slug of four words is an article.
_DATE_FRAGMENT = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")
_ARTICLE_SLUG = re.compile(r"\A(?=.*[^\W\d_])[^-_./]+(?:[-_][^-_./]+){3,}")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def canonicalise(link: str) -> CanonicalUrl:
    """Return the canonical URL and key of *link*; both are empty unless it is http or https.

    >>> canonicalise("HTTPS://News.Example:443/a?b=%7E&utm_source=rss#top").canonical
    'https://news.example/a?b=%7E'
    >>> canonicalise("https://www.news.example/a/amp/").key == canonicalise("http://news.example/a").key
    True
    """
    return _canonicalise(link, MAX_WRAPPERS, ())


def canonical_url(link: str) -> str:
    """Return the canonical URL of *link*; "" unless it is http or https."""
    return canonicalise(link).canonical


def _canonicalise(link: str, wrappers: int, applied: tuple[str, ...]) -> CanonicalUrl:
    link = link.strip()
    try:
        scheme, authority, path, query, fragment = urlsplit(link)
    except ValueError:
        return CanonicalUrl("", "", ())
    parts = _AUTHORITY.fullmatch(authority)
    if scheme not in DEFAULT_PORTS or parts is None or not parts["host"].strip("."):
        return CanonicalUrl("", "", ())
    host, port, rules = parts["host"].lower().rstrip("."), parts["port"] or "", list(applied)
    if wrappers and (target := web_url(unwrap(scheme, host, path, query))):
        return _canonicalise(target, wrappers - 1, (*applied, "wrapper"))
    if host != parts["host"] or port == DEFAULT_PORTS[scheme] or link[: len(scheme)] != scheme:
        rules.append("host")
    port = "" if port == DEFAULT_PORTS[scheme] else port
    path, query = path or "/", _apply("query", query, _without_needless_parameters, rules)
    path = _apply("session", path, _without_session, rules)
    shown, path = _without_sure_amp(path), _apply("amp", path, _without_amp, rules)
    shown, path = _without_index(shown), _apply("index", path, _without_index, rules)
    variant, host = host, _apply("variant", host, _without_mobile, rules)
    if variant != host:
        shown, path = _without_site_folder(shown, host), _without_site_folder(path, host)
    if fragment and (IGNORED_FRAGMENTS.fullmatch(fragment) or is_tracker(fragment)):
        fragment = ""
        rules.append("fragment")
    netloc = f"{host}:{port}" if port else host
    suffix = (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")
    canonical = f"{scheme}://{parts['user'] or ''}{netloc}{shown}{suffix}"
    return CanonicalUrl(canonical, _key(netloc, path, query, fragment), tuple(dict.fromkeys(rules)))


def slug_key(link: str) -> str:
    """Return the key of *link* with its slug, if a number stands before the slug; else "".

    It identifies the article where another one has the same key: the number may be their author's.
    """
    if not _NUMBER_SEGMENT.search(link):
        return ""
    canonical, key, _ = canonicalise(link)
    path = urlsplit(canonical).path
    if "?" in canonical or not _has_number_before_slug([part for part in path.split("/") if part]):
        return ""
    return f"{key}/{path.rstrip('/').rpartition('/')[2]}"


def _apply(name: str, before: str, rule: Callable[[str], str], rules: list[str]) -> str:
    after = rule(before)
    if after != before:
        rules.append(name)
    return after


def unwrap(scheme: str, host: str, path: str, query: str) -> str:
    """Return the target of a redirector's or a cache's link; "" for any other link."""
    if not (query or "." in path or host == "news.google.com"):
        return ""
    redirectors, caches = _wrappers_of(host)
    for paths, names in redirectors:
        if paths.fullmatch(path):
            values = dict(parse_qsl(query))
            targets = (values.get(name, "") for name in names)
            return next((target for target in targets if target.startswith(("http://", "https://"))), "")
    for paths in caches:
        if match := paths.fullmatch(path):
            target = match["to"] if "://" in match["to"] or ":/" in match["to"] else ""
            is_tls = match.groupdict().get("tls") or (not target and scheme == "https" and "archive" in host)
            target = _SLASHES.sub(r"\1://", target) or f"http{'s' if is_tls else ''}://{match['to']}"
            return target + (f"?{query}" if query else "")
    if host == "news.google.com" and (news := _GOOGLE_NEWS.match(path)):
        try:
            encoded = _TARGET.search(base64.urlsafe_b64decode(news[1] + "==="))
        except (binascii.Error, ValueError):
            return ""
        return encoded[0].decode("ascii") if encoded else ""
    return ""


@lru_cache(CACHED_HOSTS)
def _wrappers_of(host: str) -> tuple[Sequence[tuple[re.Pattern[str], Sequence[str]]], Sequence[re.Pattern[str]]]:
    """Return the paths of redirectors, with the names of their parameters, and of caches on *host*."""
    redirectors = tuple((paths, names) for hosts, paths, names in REDIRECTORS if hosts.fullmatch(host))
    return redirectors, tuple(paths for hosts, paths in CACHES if hosts.fullmatch(host))


def _without_needless_parameters(query: str) -> str:
    return "&".join(part for part in query.split("&") if part and not (is_tracker(part) or _is_amp_or_session(part)))


def _is_amp_or_session(parameter: str) -> bool:
    """Return whether `name=value` only selects the AMP form, or contains a session."""
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
    for pattern, replacement in AMP_PATHS:
        path = pattern.sub(replacement, path)
    return path or "/"


def _without_sure_amp(path: str) -> str:
    """Return *path* as in the canonical URL: without segments that mark AMP pages, but with those that may be words."""
    return path if _AMP_WORD.search(path) and not _NUMBER_OR_SLUG.search(path) else _without_amp(path)


def _without_site_folder(path: str, host: str) -> str:
    """Return the path of an AMP host without its first segment: amp.cnn.com/cnn/… serves several sites."""
    segments = path.split("/")
    return "/" + "/".join(segments[2:]) if len(segments) > 2 and segments[1] == host.split(".")[-2] else path


def _without_index(path: str) -> str:
    return _INDEX.sub("", path)


@lru_cache(CACHED_HOSTS)
def _without_mobile(host: str) -> str:
    """Return *host* without the label of another form. The registrable domain stays: touch.org.uk is a site."""
    shorter = MOBILE_JOINED.sub("", MOBILE_HOST.sub(r"\1", host))
    return shorter if shorter == host or registrable_domain(shorter) == registrable_domain(host) else host


def _key(netloc: str, path: str, query: str, fragment: str) -> str:
    """Return the identity of the article.

    It has no scheme, no www, no file ending and no parameter order. Where an article number identifies the article,
    it also has no folders or slug.
    """
    if netloc in PRESENTATION_NAMES:
        names, paths = PRESENTATION_NAMES[netloc], PRESENTATION_PATHS[netloc]
        path = paths.sub("/articles", path)
        query = "&".join(part for part in query.split("&") if part.partition("=")[0] not in names)
    segments = [_normalise_escapes(part) for part in path.split("/") if part]
    if not query:
        segments = _article_segments(segments)
    if segments:
        segments = [*segments[:-1], _ENDING.sub("", segments[-1])]
    if segments and _DATE_FRAGMENT.fullmatch(fragment) and _ARTICLE_SLUG.fullmatch(segments[-1]):
        fragment = ""
    parameters = "&".join(sorted(map(_normalise_escapes, _without_post_type(query.split("&"))))) if query else ""
    return (
        _WWW.sub("", _unicode_host(netloc))
        + "/"
        + "/".join(segments)
        + (f"?{parameters}" if parameters else "")
        + (f"#{fragment}" if fragment else "")
    )


def _unicode_host(netloc: str) -> str:
    """Return *netloc* with its internationalised labels in Unicode (RFC 3492, RFC 5891 §4.4), in one spelling."""
    if netloc.isascii() and "xn--" not in netloc:
        return netloc
    host = unicodedata.normalize("NFKC", netloc).lower().replace("\u3002", ".")
    return ".".join(map(_unicode_label, host.split(".")))


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return unicodedata.normalize("NFKC", label[4:].encode("ascii").decode("punycode")).lower()
    except UnicodeError:
        return label


def _article_segments(segments: list[str]) -> list[str]:
    if not segments:
        return segments
    last = segments[-1]
    numbered = _NUMBERED_SLUG.fullmatch(_ENDING.sub("", last))
    if numbered and not _DATE.fullmatch(numbered[1]):
        return [last]
    return segments[:-1] if _has_number_before_slug(segments) else segments


def _has_number_before_slug(segments: list[str]) -> bool:
    before = segments[-2] if len(segments) > 1 else ""
    if not _NUMBER.fullmatch(before) or _DATE.match(before) or _SHORT_DATE.fullmatch(before):
        return False
    return _SLUG.fullmatch(segments[-1]) is not None


def _without_post_type(parameters: list[str]) -> list[str]:
    """Return *parameters* without the type of a WordPress post that has a number."""
    if not any(_POST_NUMBER.fullmatch(parameter) for parameter in parameters):
        return parameters
    return [parameter for parameter in parameters if not parameter.startswith("post_type=")]


def _normalise_escapes(part: str) -> str:
    """Return *part* with other than ASCII characters escaped (RFC 3987 §3.1), escapes in upper case, none unnecessary.

    RFC 3986 §6.2.2 defines these.
    """
    if not part.isascii():
        part = _NOT_ASCII.sub(lambda character: quote(character[0], errors="replace"), part)
    if "%" not in part:
        return part
    return _ESCAPED.sub(_escape, part)


def _escape(escape: re.Match[str]) -> str:
    character = chr(int(escape[0][1:], 16))
    return character if character.isascii() and (character.isalnum() or character in "-._~") else escape[0].upper()
