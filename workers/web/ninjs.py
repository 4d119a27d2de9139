"""Articles as ninjs 3.1, the JSON format of IPTC (iptc.org/std/ninjs/ninjs-schema_3.1.json). Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from streams.records import Article, Image
from workers.web.feed_writers import article_urn, updated, uri

MEDIA_TYPE = "application/vnd.iptc.ninjs+json"
STANDARD = {"name": "ninjs", "version": "3.1", "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#"}
HTML, PLAIN = "text/html", "text/plain"

JsonObject = dict[str, Any]


def to_ninjs(article: Article) -> JsonObject:
    """Return *article* as a ninjs object. A withdrawn one has `pubStatus` canceled, and the reason in `edNote`."""
    fields = {
        "uri": article_urn(article),
        "standard": STANDARD,
        "type": "text",
        "representationType": "full",
        "version": str(article.revision),
        "firstCreated": article.published and article.published.isoformat(),
        "versionCreated": updated(article).isoformat(),
        "contentCreated": article.published and article.published.isoformat(),
        "pubStatus": "canceled" if article.withdrawn else "usable",
        "urgency": article.urgency if 1 <= article.urgency <= 9 else None,
        "edNote": article.withdrawn,
        "language": article.language,
        "headlines": _values(main=article.title, kicker=article.kicker),
        "descriptions": _values(summary=article.dek),
        "bodies": _bodies(article),
        "by": ", ".join(article.byline),
        "slugline": article.slug,
        "located": article.dateline,
        "subjects": [{"name": tag} for tag in article.tags],
        "infoSources": _sources(article),
        "altIds": _values(canonicalUrl=uri(article.canonical_url) or uri(article.url), story=article.story_id),
        "associations": [_image(number, image) for number, image in enumerate(article.images, 1) if uri(image.url)],
    }
    return {name: value for name, value in fields.items() if value}


def encode_ninjs(article: Article) -> bytes:
    """Return *article* as a ninjs object in JSON."""
    return msgspec.json.encode(to_ninjs(article))


def ninjs_list(title: str, url: str, articles: Sequence[Article]) -> bytes:
    """Return articles (newest first) as a JSON list of ninjs objects."""
    return msgspec.json.encode([to_ninjs(article) for article in articles])


def wants_ninjs(query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Return whether a request asks for ninjs, by `?format=ninjs` or by its Accept header."""
    return query.get("format") == "ninjs" or MEDIA_TYPE in headers.get("Accept", "")


def _values(**texts: str) -> list[Mapping[str, str]]:
    """Return a list of values with their roles, without empty ones."""
    return [{"role": role, "value": text} for role, text in texts.items() if text]


def _bodies(article: Article) -> list[JsonObject]:
    text = "\n\n".join(article.paragraphs)
    plain: JsonObject = {"role": "main", "contentType": PLAIN, "wordCount": article.word_count, "charCount": len(text)}
    bodies: list[JsonObject] = [{"role": "main", "contentType": HTML, "value": article.html}, plain | {"value": text}]
    return [body for body in bodies if body["value"]]


def _sources(article: Article) -> list[Mapping[str, str]]:
    names = {"publisher": article.publisher, "credit": article.source_credit}
    return [{"role": role, "name": name} for role, name in names.items() if name]


def _image(number: int, image: Image) -> JsonObject:
    """Return an associated picture."""
    fields = {
        "name": f"image-{number}",
        "uri": uri(image.url),
        "type": "picture",
        "descriptions": _values(caption=image.caption),
        "by": image.credit,
        "renditions": [{"name": "original", "href": uri(image.url)}],
    }
    return {name: value for name, value in fields.items() if value}
