"""Explanation of one comparison: features, excluded sentences, probability and rule."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from streams.errors import UnreadableError
from workers.dedupe.file_rows import Report, Row, raise_error, read_row
from workers.dedupe.near_duplicates.compared_texts import ComparedTexts, ReadText, text_signatures
from workers.dedupe.near_duplicates.index import StoryIndex
from workers.dedupe.near_duplicates.model import load_default
from workers.dedupe.near_duplicates.pair_features import COLUMNS, pair_features, read_signatures


async def explain(
    stories: StoryIndex, rows: Iterable[Row | None], names: tuple[str, str], report: Report = raise_error
) -> Mapping[str, Any]:
    """Return how the rows with these ids compare. The rows before them count as earlier articles.

    Raises:
        UnreadableError: no row has the id, or a row is unreadable and *report* raises.
    """
    compared, read = ComparedTexts(stories.state), dict[str, ReadText]()
    for number, row in enumerate(rows, 1):
        if row is None:
            continue
        try:
            name, text = read_row(number, row)
        except UnreadableError as exc:
            report(exc)
            continue
        [found] = await compared.read([text])
        if name in names:
            read.setdefault(name, found)
        if read.keys() == set(names):
            return _explanation([read[name] for name in names], names)
        await compared.assign(stories, [text])
    missing = next(name for name in names if name not in read)
    raise UnreadableError(f"row not found: {missing}; use the id of a row, or its number if it has none")


def _explanation(texts: Sequence[ReadText], names: tuple[str, str]) -> Mapping[str, Any]:
    """Return how the second of *texts* compares with the first."""
    model, signatures = load_default(), [signature for _, signature in text_signatures(texts)]
    one, other = (s.signature for s in signatures)
    common = len(set(signatures[0].keys) & set(signatures[1].keys))
    excluded = {name: text.excluded for name, text in zip(names, texts, strict=True)}
    if not (one and other):
        return {"copy": False, "probability": 0.0, "rule": "too short", "common_keys": common, "excluded": excluded}
    [similarity] = model.compare(other, [one])
    features = pair_features(*read_signatures(other, [one]))[0].tolist()
    return {
        "copy": similarity.probability > model.threshold and common > 0,
        "probability": round(similarity.probability, 4), "threshold": model.threshold, "rule": similarity.rule,
        "kind": similarity.kind, "common_keys": common,
        "features": {name: round(value, 3) for name, value in zip(COLUMNS, features, strict=True)},
        "excluded": excluded,
    }  # fmt: skip
