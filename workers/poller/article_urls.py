"""Shapes of URLs: how likely the path of a link is that of an article. Pure.

Article paths have a date, a number, an identifier or a slug of several words; section paths are short words.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

MAX_SEGMENTS = 12
# First words of paths that hold no articles, in the languages of outlets. Sources: URLs of navigation, footers and tag
# pages in ../shared/corpus/pages, and the default paths of WordPress, Drupal, Joomla and Ghost.
OTHER_PAGES = frozenset(
    """abo abonnement abonnements about about-us accessibility account ads advertise advertising advertorial agb alerts
    all-topics anzeige anzeigen api app apps archiv archive archives archivo auteur auteurs author author-profile
    authors autor autore autoren autores autori bookmark bookmarks by careers cart categoria categorie categories
    category checkout code-of-conduct codes-promo columnist columnists comentarios comment commentaires comments
    compare complaints conditions contact contact-us contacto contatti cookie cookies corrections coupon coupons
    crossword crosswords datenschutz deals donar donate e-paper epaper etiqueta etiquetas etiquette event events
    faq feed feeds follow foren forum forums games getapp gutschein gutscheine help hilfe horoscope horoscopes
    impressum imprint index info jobs journalist journalists kategorie kategorien keyword keywords kommentare
    kontakt konto legal liste live-tv log-in login logout mailto masthead meinkonto membership mentions-legales
    my-account myaccount nachrichtenarchiv newsletter newsletters notifications obituaries offers onderwerp page
    pages partner partnercontent partners password paywall people person persons podcast podcasts policies
    politique-de-confidentialite preferences premium-subscription print privacidad privacy privacy-policy
    privacybeleid privatsphaere profil profile profiles promo promos puzzles quiz quizzes radio ranking rankings
    register registration reporter reporters rss saved schlagwort search series service services settings shop
    shopping sign-in sign-up signin signup sitemap social sponsored staff stats store subscribe subscriber
    subscription subscriptions suche sujet support tag tags team tema temas terms terms-and-conditions
    terms-of-service terms-of-use thema theme themen themes threads tickets topic topics tv-guide tv-programm user
    users veranstaltungen voucher vouchers weather werben wetter wp-admin wp-content wp-json wp-login.php writers
    yazar yazarlar""".split()
)
OTHER_QUERIES = frozenset(
    "page paged pg offset start sort filter q query s search share replytocom tag cat author".split()
)
OTHER_FILES = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|pdf|mp[34]|m4[av]|mov|webm|og[agv]|m3u8?|zip|xml|rss|atom|json|css|js"
    r"|docx?|xlsx?|pptx?|ics|apk|exe)\Z",
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"\.(?:s?html?|php|aspx?|jsp|cfm|do)\Z", re.IGNORECASE)
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DATE = re.compile(
    rf"(?<!\d)(?:19|20)\d\d(?:[/_.-](?:0?[1-9]|1[0-2]|{_MONTH})[/_.-](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?!\d)",
    re.IGNORECASE,
)
_MONTH_DATE = re.compile(rf"/(?:19|20)\d\d[/-](?:0[1-9]|1[0-2]|{_MONTH})(?=/)", re.IGNORECASE)
_SEPARATOR = re.compile(r"[-_+,.!~\s]+")
_NUMBER = re.compile(r"\d{4,}")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class UrlShape(NamedTuple):
    """The shape of a URL: its words and evidence, and a pattern that URLs of one kind share.

    `slug`: the words of the longest segment. `evidence`: points for an article; negative for other pages.
    `is_numbered`: it has a date or an identifier, which pages about topics rarely have.
    """

    slug: tuple[str, ...]
    evidence: float
    pattern: str
    is_numbered: bool


@lru_cache(10_000)
def url_shape(url: str) -> UrlShape:
    """Return the shape of a web URL."""
    parts = urlsplit(url)
    segments = [unquote(segment) for segment in parts.path.split("/") if segment][:MAX_SEGMENTS]
    query = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
    stems = [_EXTENSION.sub("", segment) for segment in segments]
    words = [_words(stem) for stem in stems]
    slug = max(words, key=len, default=())
    kinds = [_kind(stem, count) for stem, count in zip(stems, map(len, words), strict=True)]
    pattern = "/".join(kinds) + ("." if segments and stems[-1] != segments[-1] else "") + "?" * bool(query)
    if _is_other(segments, query):
        return UrlShape(slug, -6.0, pattern, False)
    number = _number_points(unquote(parts.path), stems, query)
    return UrlShape(slug, number + _slug_points(stems, words), pattern, number >= 2.0)


def _words(stem: str) -> tuple[str, ...]:
    parts = (part for part in _SEPARATOR.split(stem) if _LETTERS.search(part) and not _is_identifier(part))
    return tuple(part.lower() for part in parts)


def _is_identifier(text: str) -> bool:
    """Return whether *text* mixes letters and digits, as hexadecimal digests and short links do."""
    return len(text) >= 8 and text.isascii() and text.isalnum() and not (text.isalpha() or text.isdecimal())


def _kind(stem: str, words: int) -> str:
    """Return the kind of a path segment: S slug, N number, I identifier, w word."""
    if words >= 3:
        return "S" + ("N" if _NUMBER.search(stem) else "")
    if stem.isdecimal():
        return "N"
    if any(map(_is_identifier, _SEPARATOR.split(stem))):
        return "I"
    return "n" if _NUMBER.search(stem) else "w"


def _is_other(segments: list[str], query: dict[str, str]) -> bool:
    names = [segment.lower() for segment in segments]
    if not names and not any(value.isdecimal() for value in query.values()):
        return True  # the front page
    if names and OTHER_FILES.search(names[-1]):
        return True
    if OTHER_PAGES.intersection(names) or OTHER_QUERIES.intersection(query):
        return True
    return bool(names) and all(name.isdecimal() for name in names) and len(names) <= 3  # an archive by date


def _number_points(path: str, stems: list[str], query: dict[str, str]) -> float:
    points = 3.0 if _DATE.search(path) else 2.0 if _MONTH_DATE.search(path) else 0.0
    has_query_id = any(value.isdecimal() and len(value) >= 3 for value in query.values())
    return points + 2.0 * (has_query_id or any(map(_has_id, stems)))


def _slug_points(stems: list[str], words: list[tuple[str, ...]]) -> float:
    count = max(map(len, words), default=0)
    points = (0.0, 0.0, 0.5, 1.5, 2.5)[min(count, 4)]
    is_unspaced = count < 3 and len(_CJK.findall(stems[-1] if stems else "")) >= 6
    return points + 2.0 * is_unspaced


def _has_id(stem: str) -> bool:
    numbers = [part for part in _SEPARATOR.split(stem) if part.isdecimal()]
    return any(len(n) >= 5 for n in numbers) or any(map(_is_identifier, _SEPARATOR.split(stem)))
