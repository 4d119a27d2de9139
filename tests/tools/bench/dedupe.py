"""`make bench-dedupe`: quality and cost of near-duplicate and link detection, beside other algorithms.

python -m tests.tools.bench.dedupe [quality|urls|merges|scale|large|cost]...      ../shared/corpus/judge beside the project

The model was trained on these texts; tests/tools/train/dedupe.json has its cross-validated quality. The figures here are
those of the whole near-duplicate index. Among the other algorithms, which are not trained, they are comparable.
"""

import hashlib
import itertools
import json
import os
import re
import statistics
import sys
import tarfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from streams.brokers import open_broker
from streams.config.settings import Settings
from tests.support.server_commands import server_commands
from tests.tools.bench.common import Stopwatch, run, server
from tests.tools.skips import SHARED
from tests.tools.train.dedupe import SETS, Texts, lines, texts
from workers.dedupe.classify import ArticleMemory
from workers.dedupe.identity import article_id
from workers.dedupe.near_duplicates.compared_texts import ComparedText, ComparedTexts
from workers.dedupe.near_duplicates.index import StoryIndex
from workers.dedupe.near_duplicates.model import load_default
from workers.dedupe.near_duplicates.signature import KEY_BYTES, signature_of
from workers.dedupe.near_duplicates.words import tokenise
from workers.dedupe.seen import SeenStore
from workers.poller.formats.expat_xml import parse_fast
from workers.text.normalise import match_key
from workers.urls.canonical import canonicalise

WINDOW_S = 10**9  # all texts of a set lie within one window
COUNT, LARGE_COUNT = 100_000, 500_000
MAX_FEED_BYTES = 2_000_000
STOP_WORDS = frozenset(
    b"a an the and or but in on at to for of is it by with from as be was were are this that have has had not its".split()
)
NUMBER = re.compile(r"\d{5,}")  # outlets number their stories
Groups = Sequence[Any]


def figures(of: Texts, story: Groups) -> dict[str, float]:
    """Return precision, recall and F1 of the pairs with a common story."""
    members = defaultdict(list)
    for n, name in enumerate(story):
        members[name].append(n)
    pairs = {
        pair for texts_of_story in members.values() for pair in itertools.combinations(texts_of_story, 2)
    } - of.unsure
    right = len(pairs & of.copies)
    return {
        "precision": round(right / max(1, len(pairs)), 4), "recall": round(right / max(1, len(of.copies)), 4),
        "f1": round(2 * right / max(1, len(pairs) + len(of.copies)), 4), "pairs": len(pairs),
    }  # fmt: skip


async def ours(settings: Settings, of: Texts) -> tuple[Groups, dict[str, Any]]:
    broker = open_broker(settings)
    await server_commands(broker.state).flushall()
    stories, compared, clock, story = StoryIndex(broker.state, WINDOW_S), ComparedTexts(broker.state), Stopwatch(), []
    for start in range(0, len(of.docs), 100):
        batch = [
            ComparedText(article_id(doc["id"]), doc["title"], doc["text"], doc["outlet"], "", 0.0)
            for doc in of.docs[start : start + 100]
        ]
        assignments = await compared.assign(stories, batch)
        story += [assignments[text.id].story for text in batch]
    cost = clock.per_item(len(of.docs))
    await broker.close()
    return story, cost


def grouped(of: Texts, near: Callable[[int], Iterable[int]]) -> Groups:
    """Return stories by an algorithm that finds the similar earlier texts: a text joins the first one's story."""
    story: list[int] = []
    for n in range(len(of.docs)):
        story.append(min((story[other] for other in near(n)), default=n))
    return story


def minhash(of: Texts, threshold: float) -> Groups:
    from datasketch import MinHash, MinHashLSH

    index, made = MinHashLSH(threshold=threshold, num_perm=128), []
    for doc in of.docs:
        words = tokenise(f"{doc['title']} {doc['text']}")
        signature = MinHash(num_perm=128)
        signature.update_batch({b" ".join(words[n : n + 3]) for n in range(max(1, len(words) - 2))})
        made.append(signature)

    def near(n: int) -> list[int]:
        candidates = [int(name) for name in index.query(made[n])]
        index.insert(str(n), made[n])
        return [other for other in candidates if made[other].jaccard(made[n]) >= threshold]

    return grouped(of, near)


def simhash(of: Texts, bits: int) -> Groups:
    """64-bit simhash of three-word shingles; candidates differ in few bits and are found by quarters."""
    import numpy as np

    quarters: dict[tuple[int, int], list[int]] = defaultdict(list)
    made: list[int] = []
    for doc in of.docs:
        words = tokenise(f"{doc['title']} {doc['text']}")
        runs = {b" ".join(words[n : n + 3]) for n in range(max(1, len(words) - 2))}
        raw = np.frombuffer(b"".join(hashlib.blake2b(r, digest_size=8).digest() for r in runs), np.uint8)
        signs = np.unpackbits(raw.reshape(-1, 8), axis=1).sum(axis=0) * 2 > len(runs)
        made.append(int.from_bytes(np.packbits(signs).tobytes(), "big"))

    def near(n: int) -> list[int]:
        matches: set[int] = set()
        for quarter in range(4):
            bucket = quarters[quarter, made[n] >> 16 * quarter & 0xFFFF]
            matches.update(other for other in bucket if (made[other] ^ made[n]).bit_count() <= bits)
            bucket.append(n)
        return list(matches)

    return grouped(of, near)


def titles(of: Texts) -> Groups:
    return [b" ".join(tokenise(doc["title"])) or n for n, doc in enumerate(of.docs)]


def best(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return max(rows, key=lambda figures: float(figures["f1"]))


def title_jaccard(
    of: Texts, threshold: float, *, min_words: int = 1, stop_words: frozenset[bytes] = frozenset()
) -> Groups:
    """Title words in common (Jaccard), above *threshold*; titles of fewer words only if equal."""
    by_word: dict[bytes, list[int]] = defaultdict(list)
    made: list[frozenset[bytes]] = []
    for doc in of.docs:
        made.append(frozenset(tokenise(doc["title"])) - stop_words)

    def near(n: int) -> list[int]:
        common = Counter(other for word in made[n] for other in by_word[word])
        for word in made[n]:
            by_word[word].append(n)
        limit = {other: threshold if min(len(made[n]), len(made[other])) >= min_words else 1.0 for other in common}
        return [o for o, count in common.items() if count >= limit[o] * (len(made[n]) + len(made[o]) - count)]

    return grouped(of, near)


def newsblur(of: Texts) -> Groups:
    """NewsBlur's rule for clusters (clustering/models.py): 60 % of the words that are not stop words, from five words."""
    return title_jaccard(of, 0.6, min_words=5, stop_words=STOP_WORDS)


def quality() -> dict[str, Any]:
    """Return the figures of each set: copydesk's, and the best setting of each other algorithm."""
    out: dict[str, Any] = {}
    with server(valkey_memory_mb=4096) as settings:
        for name in (name for name in SETS if name != "variants"):
            of = texts(name)
            story, cost = run(lambda of=of: ours(settings, of))  # type: ignore[misc]
            out[name] = {
                "texts": len(of.docs), "copies": len(of.copies), "copydesk": figures(of, story) | cost,
                "minhash": best([figures(of, minhash(of, t)) | {"threshold": t} for t in (0.3, 0.4, 0.5, 0.6)]),
                "simhash": best([figures(of, simhash(of, bits)) | {"bits": bits} for bits in (3, 6, 10)]),
                "titles": figures(of, titles(of)), "newsblur": figures(of, newsblur(of)),
                "title_jaccard": best([figures(of, title_jaccard(of, t)) | {"threshold": t} for t in (0.4, 0.5, 0.6, 0.7, 0.8)]),
            }  # fmt: skip
    return out


def urls() -> dict[str, Any]:
    """Return the share of link pairs, by kind, that are detected as one article."""
    from courlan import normalize_url
    from ural import normalize_url as normalize_ural
    from url_normalize import url_normalize
    from w3lib.url import canonicalize_url

    pairs = list(lines("urls_pairs"))
    tools: dict[str, Callable[[str], str]] = {
        "copydesk": lambda url: canonicalise(url).key,
        "courlan": lambda url: str(normalize_url(url, strict=True)),
        "w3lib": canonicalize_url,
        "url-normalize": lambda url: str(url_normalize(url)),
        "ural": lambda url: str(normalize_ural(url)),
    }
    count = Counter(pair["how"] for pair in pairs)
    plain = [pair for pair in pairs if pair["how"] == "guid" and "?p=" not in pair["a"] + pair["b"]]
    out: dict[str, Any] = {"pairs": dict(count), "guid_without_p": len(plain)}
    for name, tool in tools.items():
        solved = Counter(pair["how"] for pair in pairs if _same(tool, pair))
        out[name] = {how: round(solved[how] / count[how], 3) for how in count}
        out[name]["guid_without_p"] = round(sum(_same(tool, pair) for pair in plain) / len(plain), 3)
    return out


def merges() -> dict[str, Any]:
    """Return the links of differently titled stories that are detected as one article, over all feeds and texts.

    A retitled story is one article: links that share its number in their paths are counted separately.
    """
    titles: dict[str, set[str]] = defaultdict(set)
    for doc in lines("natural_docs"):
        titles[doc.get("url") or ""].add(match_key(doc["title"]))
    with tarfile.open(SHARED / "corpus" / "feeds.tar.xz") as tar:
        for member in tar:
            file = tar.extractfile(member) if "rw_" in member.name and member.size < MAX_FEED_BYTES else None
            for entry in (parse_fast(file.read(), {}) or {}).get("entries", []) if file else []:
                titles[str(entry.get("link") or "")].add(match_key(str(entry.get("title") or "")))
    known = {url: next(iter(t)) for url, t in titles.items() if url.startswith("http") and len(t) == 1 and "" not in t}
    by_key: dict[str, list[str]] = defaultdict(list)
    for url in known:
        by_key[canonicalise(url).key].append(url)
    merged = [urls for urls in by_key.values() if len({known[url] for url in urls}) > 1]
    numbers = [set.intersection(*(set(NUMBER.findall(url.partition("?")[0])) for url in urls)) for urls in merged]
    return {"links": len(known), "one_number": sum(map(bool, numbers)), "other": numbers.count(set()), "merged": merged}


async def _cost(settings: Settings, of: Texts) -> dict[str, float]:
    """Return CPU microseconds an article: of this process, of Valkey, and of MinHash-LSH, in turn by batches."""
    from datasketch import MinHash, MinHashLSH

    broker = open_broker(settings)
    stories, compared, lsh = StoryIndex(broker.state, WINDOW_S), ComparedTexts(broker.state), MinHashLSH(0.5, 128)
    pid, spent, copies = int((await broker.state.info("server"))["process_id"]), defaultdict[str, float](float), 0
    signature_of("a title", "", "", 0.0)
    load_default()
    for start in range(0, len(of.docs), 100):
        docs = of.docs[start : start + 100]
        batch = [ComparedText(article_id(d["id"]), d["title"], d["text"], d["outlet"], "", 0.0) for d in docs]
        valkey_s, began_s = _cpu_s(pid), time.process_time()
        assigned = await compared.assign(stories, batch)
        spent["copydesk"] += time.process_time() - began_s
        spent["valkey"] += _cpu_s(pid) - valkey_s
        copies += sum(bool(a.duplicate_of) for a in assigned.values())
        began_s = time.process_time()
        for n, doc in enumerate(docs, start):
            words = tokenise(f"{doc['title']} {doc['text']}")
            signature = MinHash(num_perm=128)
            signature.update_batch({b" ".join(words[n : n + 3]) for n in range(max(1, len(words) - 2))})
            lsh.query(signature)
            lsh.insert(str(n), signature)
        spent["minhash"] += time.process_time() - began_s
    await broker.close()
    micros = {name: round(1e6 * seconds / len(of.docs)) for name, seconds in spent.items()}
    ratio = (micros["copydesk"] + micros["valkey"]) / micros["minhash"]
    return micros | {"ratio": round(ratio, 2), "copies": round(copies / len(of.docs), 2)}


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost() -> dict[str, Any]:
    """Return the CPU time an article on the invented edits, of which 44 % are copies."""
    of = texts("synth")
    with server(valkey_memory_mb=4096) as settings:
        result: dict[str, Any] = run(lambda: _cost(settings, of))
    return result


def _same(tool: Callable[[str], str], pair: dict[str, str]) -> bool:
    try:
        return tool(pair["a"]) == tool(pair["b"])
    except (ValueError, AttributeError):  # ural raises AttributeError for a link without a host
        return False


async def _scaled(settings: Settings, articles: int) -> dict[str, Any]:
    from tests.support.stories import story

    broker = open_broker(settings)

    async def used() -> int:
        return int((await broker.state.info("memory"))["used_memory"])

    empty, stories, seen = await used(), StoryIndex(broker.state, WINDOW_S), SeenStore(broker.state)
    signed = [signature_of(*story(n), f"outlet {n % 500}", 0.0) for n in range(1_000)]
    times_ms, clock = [], Stopwatch()
    for start in range(0, articles, 100):
        batch = [(article_id(str(n)), _salted(signed[n % 1_000], n)) for n in range(start, start + 100)]
        began = time.perf_counter()
        await stories.assign(batch)
        times_ms.append(10 * (time.perf_counter() - began))
    cost = clock.per_item(articles)
    indexed = await used()
    for start in range(0, articles, 100):
        ids = [article_id(str(n)) for n in range(start, start + 100)]
        await seen.get(ids)
        commands = [c for id_ in ids for c in seen.set_commands(id_, ArticleMemory(1, 1.0, (bytes.fromhex(id_)[:8],)))]
        await broker.publish([], commands)
    full = await used()
    await broker.close()
    return {
        "articles": articles, "index_bytes": round((indexed - empty) / articles), "seen_bytes": round((full - indexed) / articles),
        "tell": cost, "tell_ms_median": round(statistics.median(times_ms), 3), "tell_ms_p99": round(sorted(times_ms)[-11], 3),
    }  # fmt: skip


def _salted(signed: Any, n: int) -> Any:
    """Return a signature with keys of its own, as if each text were different."""
    salt = hashlib.blake2b(n.to_bytes(4, "big"), digest_size=KEY_BYTES).digest()
    return signed._replace(keys=tuple(bytes(a ^ b for a, b in zip(key, salt, strict=True)) for key in signed.keys))


def scale(articles: int = COUNT) -> dict[str, Any]:
    """Return the memory of articles in Valkey, and the time per classification."""
    with server(valkey_memory_mb=4096) as settings:
        result: dict[str, Any] = run(lambda: _scaled(settings, articles))
    title, text = (
        "A headline of usual length",
        " ".join(doc for doc in itertools.islice(itertools.cycle(["The harbour board", "opened the canal"]), 100)),
    )
    clock = Stopwatch()
    for n in range(2_000):
        signature_of(title, f"{n} {text}", "p", 0.0)
    return result | {"sign_cpu_us": clock.per_item(2_000)["cpu_us"]}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "urls": urls,
    "merges": merges,
    "scale": scale,
    "large": lambda: scale(LARGE_COUNT),
    "cost": cost,
    "quality": quality,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        print(json.dumps({part: PARTS[part]()}, indent=1), flush=True)
