"""One synthetic dump under construction: its labelled lines, and pieces of text for them."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from babel.dates import format_datetime

from tests.tools.train.corpus import Document
from tests.tools.train.dumps.sources import Story, sentences
from workers.clean.blocks import Block
from workers.clean.line_types import word_count

BODY, CLUTTER, TITLE, FIELD, NEUTRAL = "body", "clutter", "title", "field", "neutral"
TRUST = {BODY: 1.0, CLUTTER: 1.0, TITLE: 0.7, FIELD: 0.7, NEUTRAL: 0.0}
JOINED = frozenset(("ja", "zh", "th"))
STOPS = {"ja": "。", "zh": "。", "hi": "।", "bn": "।", "th": ""}
QUESTION_MARKS = {"ja": "？", "zh": "？", "ar": "؟", "fa": "؟", "el": ";", "th": ""}
PIECE_ENDS = re.compile(r"[,;:—–()“”\"«»，、；：「」（）]|\.\s|[。！？।؟]")
EDGE_MARKS = " \t'\"“”„«»‘’.,;:!?…。，、！？।؟-–—()[]"
PROPER_NAME = re.compile(r"[^\W\d_a-z]\w+(?: [^\W\d_a-z]\w+){1,2}")
FIRST_NAMES = "Ana Lena Marek Omar Ines Tomas Nadia Viktor Leila Jonas Priya Samuel Hana Diego Freya Kofi".split()
LAST_NAMES = "Harlow Vance Ortega Brandl Novik Sato Marsh Okoye Lindgren Petrov Aydin Rossi Keane Mbeki Duarte".split()
# Names of publishers around a place. Source: Wikipedia's lists of newspapers by country.
SITES = {
    "en": ("{} Post", "{} Times", "{} News", "{}", "{} Daily", "{}.example", "The {} Observer", "{} Weekly", "{} Gazette", "{} Online"),
    "de": ("{}er Tagblatt", "{}er Zeitung", "{}er Anzeiger", "{} aktuell"), "fr": ("Le Journal de {}", "L’Écho de {}", "{} Info"),
    "es": ("El Diario de {}", "La Voz de {}", "{} Digital"), "pt": ("Jornal de {}", "Diário de {}", "{} Notícias"),
    "it": ("Il Corriere di {}", "Gazzetta di {}", "{} Oggi"), "nl": ("{} Courant", "Dagblad {}"), "sv": ("{} Tidning", "{}-Posten"),
    "da": ("{} Avis", "{} Tidende"), "no": ("{} Avis", "{}posten"), "fi": ("{}n Sanomat", "{}-lehti"), "pl": ("Kurier {}", "Gazeta {}"),
    "cs": ("{} noviny", "{} deník"), "hu": ("{} Hírlap", "{} Napló"), "ro": ("Gazeta de {}", "Ziarul de {}"), "tr": ("{} Haber", "{} Gazetesi"),
    "id": ("Harian {}", "Suara {}"), "vi": ("Báo {}",), "sw": ("Habari {}",), "el": ("Η Φωνή {}", "Εφημερίδα {}"),
    "ru": ("{} вестник", "Вести {}", "{} сегодня"), "uk": ("{} новини", "Голос {}"), "ar": ("صحيفة {}", "{} اليوم"), "fa": ("روزنامه {}",),
    "he": ("עיתון {}",), "hi": ("{} समाचार", "दैनिक {}"), "bn": ("দৈনিক {}", "{} বার্তা"), "ta": ("{} செய்திகள்",), "th": ("หนังสือพิมพ์{}",),
    "ko": ("{}일보", "{}신문"), "ja": ("{}新聞", "{}日報"), "zh": ("{}日报", "{}晚报", "{}网"),
}  # fmt: skip
LATIN = frozenset("en de fr es pt it nl sv da no fi pl cs hu ro tr id vi sw".split())  # in this script
USUAL_SENTENCES = 0.2  # share of the short sentences that `phrases.tsv` has
CHARS_PER_WORD = 2  # in scripts without spaces
DATES = ("d MMMM y", "d MMM y HH:mm", "EEEE, d MMMM y", "dd.MM.y, HH:mm", "dd/MM/y", "y-MM-dd HH:mm", "MMMM d, y",
         "MMM d, y h:mm a", "dd/MM/y | HH:mm", "d.M.y - HH:mm", "EEE d MMM y HH.mm")  # fmt: skip
ZONES = ("", "", "", " GMT", " ET", " IST", " GMT+7", " WIB", " UTC", " CET", " hrs", " Uhr")
LOCALES = {"no": "nb", "he": "he", "id": "id"}


class Line(NamedTuple):
    """A line of a dump with its label."""

    label: str
    text: str


def labelled_document(name: str, site: str, group: str, blocks: list[Block], lines: Sequence[Line]) -> Document:
    """Return the document of *lines*, each of which has one block."""
    return Document(
        name, site, group, blocks,
        [line.label == BODY for line in lines],
        [TRUST[line.label] for line in lines],
        [line.label == CLUTTER for line in lines],
        truth="\n".join(line.text for line in lines if line.label == BODY),
        clutter=[line.text for line in lines if line.label == CLUTTER],
        neutral=[line.text for line in lines if line.label not in (BODY, CLUTTER)],
        title=[line.label == TITLE for line in lines],
    )  # fmt: skip


@dataclass
class Writer:
    """Collects the lines of one dump. `rng` decides everything, so a seed gives the same dump."""

    rng: random.Random
    language: str
    phrases: Mapping[str, Sequence[str]]
    story: Story
    other: Story  # prose for clutter
    headlines: Sequence[str]
    prompts: Sequence[str] = ()
    navigation: Sequence[str] = ()
    has_real_words: bool = True
    recode: Callable[[str], str] = str  # of phrases and dates, if even those are in a pseudo-language
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sentences = [s for paragraph in self.story.paragraphs for s in sentences(paragraph)]
        self.other_sentences = [s for paragraph in self.other.paragraphs for s in sentences(paragraph)]
        stop = STOPS.get(self.language, ".")
        both = (*self.sentences, *self.other_sentences)
        self.short_sentences = [s for s in both if 2 <= word_count(s) <= 9 and stop and s.endswith(stop)]
        self.next_paragraph = 0
        self.used: set[str] = set()
        self.site = self._site()

    def _site(self) -> str:
        """Return the name of a publisher: in half of the dumps with a word of its language."""
        form = self.rng.choice(SITES.get(self.language, SITES["en"]) if self.chance(0.5) else SITES["en"])
        name = self.rng.choice(LAST_NAMES)
        if form not in SITES["en"] and self.language not in LATIN:
            name = self.rng.choice(self.sentences or ["Mira"]).split()[0].strip(EDGE_MARKS)[:8] or name
        return form.replace("{}", name)

    def add(self, label: str, text: str) -> None:
        """Append a line unless it is empty."""
        text = " ".join(text.split())
        if text:
            self.lines.append(Line(label, text))

    def body(self, *texts: str) -> None:
        """Append lines of the story."""
        for text in texts:
            self.add(BODY, text)

    def clutter(self, *texts: str) -> None:
        """Append lines of clutter."""
        for text in texts:
            self.add(CLUTTER, text)

    def chance(self, probability: float) -> bool:
        """Return True with a *probability*."""
        return self.rng.random() < probability

    def phrase(self, kind: str) -> str:
        """Return a phrase of the dump's language, with its placeholders filled."""
        text = self.rng.choice(self.phrases.get(kind) or ("",))
        if "{" in text:
            text = text.replace("{site}", self.site).replace("{year}", str(self.rng.randint(2015, 2026)))
            text = text.replace("{n}", str(self.rng.randint(10, 99999)))
            while "{name}" in text:
                text = text.replace("{name}", self.name(), 1)
        return self.recode(text)

    def paragraph(self) -> str:
        """Return the story's next paragraph, whole or one or two of its sentences; empty at its end."""
        if self.next_paragraph >= len(self.story.paragraphs):
            return ""
        text = self.story.paragraphs[self.next_paragraph][:1200]
        self.next_paragraph += 1
        parts = sentences(text)
        self.used.update(parts)
        if len(parts) > 2 and self.chance(0.5):
            start = self.rng.randrange(len(parts) - 1)
            text = ("" if self.language in JOINED else " ").join(parts[start : start + self.rng.randint(1, 2)])
        return text

    def sentence(self) -> str:
        """Return a sentence of the story, a new one if one of six tries finds it."""
        return self._unused(self.sentences)

    def _unused(self, texts: Sequence[str]) -> str:
        for _ in range(6):
            text = self.rng.choice(texts)
            if text not in self.used:
                break
        self.used.add(text)
        return text

    def other_sentence(self) -> str:
        """Return a sentence of another story."""
        return self.rng.choice(self.other_sentences)

    def short_sentence(self) -> str:
        """Return a sentence of two to nine words: a usual one, one of the texts, or a part of one."""
        usual = self.phrase("short") if self.has_real_words and self.chance(USUAL_SENTENCES) else ""
        if usual and usual not in self.used:
            self.used.add(usual)
            return usual
        if self.short_sentences and self.chance(0.6):
            return self._unused(self.short_sentences)
        return self.piece(2, 7) + self.stop()

    def stop(self) -> str:
        """Return the full stop of the language."""
        return STOPS.get(self.language, ".")

    def question(self) -> str:
        """Return a short question."""
        return self.piece(2, 10) + QUESTION_MARKS.get(self.language, "?")

    def piece(self, low: int, high: int, *, capital: bool = True, text: str = "") -> str:
        """Return a part of a sentence with *low* to *high* words, a new one if one of four tries finds it."""
        for _ in range(4):
            piece = self._piece(low, high, capital=capital, text=text)
            if piece not in self.used:
                break
        self.used.add(piece)
        return piece

    def _piece(self, low: int, high: int, *, capital: bool, text: str) -> str:
        source = text or self.sentence()
        if self.language in JOINED:
            low, high = low * CHARS_PER_WORD, high * CHARS_PER_WORD
            parts = [part.strip(EDGE_MARKS) for part in PIECE_ENDS.split(source)]
            fitting = [part for part in parts if low <= len(part) <= high]
            return self.rng.choice(fitting) if fitting else source.strip(EDGE_MARKS)[: self.rng.randint(low, high)]
        parts = [part.strip(EDGE_MARKS) for part in PIECE_ENDS.split(source)]
        fitting = [part for part in parts if low <= len(part.split()) <= high]
        words = source.split()
        start = self.rng.randrange(max(1, len(words) - high))
        count = self.rng.randint(low, high)
        piece = self.rng.choice(fitting) if fitting else " ".join(words[start : start + count]).strip(EDGE_MARKS)
        return piece[:1].upper() + piece[1:] if capital else piece[:1].lower() + piece[1:]

    def word(self) -> str:
        """Return one longer word of the story."""
        if self.language in JOINED:
            return self.piece(1, 2)
        words = [word.strip(EDGE_MARKS) for word in self.sentence().split()]
        longer = [word for word in words if len(word) > 3] or words
        return self.rng.choice(longer) or "Mira"

    def name(self) -> str:
        """Return the name of a person."""
        return self._name().strip() or self.rng.choice(FIRST_NAMES)

    def _name(self) -> str:
        if self.language in JOINED:
            return self.piece(1, 2)[:4]
        if self.language in ("ar", "fa", "he", "hi", "bn", "ta", "ko", "ru", "uk", "el"):
            return " ".join(self.word().title() for _ in range(1 if self.language == "ko" else 2))
        names = PROPER_NAME.findall(self.sentence())
        if names and self.chance(0.4):
            return self.rng.choice(names)
        return f"{self.rng.choice(FIRST_NAMES)} {self.rng.choice(LAST_NAMES)}"

    def headline(self) -> str:
        """Return the headline of another story; one in eight is about the subject of this story."""
        return self.piece(4, 11) if self.chance(0.12) else self.rng.choice(self.headlines)

    def clock(self) -> str:
        """Return a time of day."""
        hour, minute = self.rng.randint(0, 23), self.rng.randint(0, 59)
        if self.language == "en" and self.chance(0.4):
            half = self.rng.choice((" a.m.", " p.m.", "am", "pm", " AM", " PM ET", "pm AEST"))
            return f"{hour % 12 or 12}:{minute:02}{half}"
        return self.rng.choice((f"{hour}:{minute:02}", f"{hour:02}:{minute:02}", f"{hour}.{minute:02}"))

    def date(self) -> str:
        """Return a date line in one of the usual forms."""
        moment = datetime(2015, 1, 1) + timedelta(minutes=self.rng.randrange(6_000_000))  # noqa: DTZ001 - text only
        form = self.rng.choice(DATES)
        text = self.recode(format_datetime(moment, form, locale=LOCALES.get(self.language, self.language)))
        if "mm" in form:
            text += self.rng.choice(ZONES)
        return f"{self.phrase('pub')} {text}".strip() if self.chance(0.3) else text

    def amount(self) -> str:
        """Return a number as it stands in tables."""
        rng = self.rng
        return rng.choice(
            (str(rng.randint(1, 99)), str(rng.randint(100, 9999)), f"{rng.uniform(0, 99):.1f}", f"{rng.randint(1, 99)} %",
             f"{rng.randint(1, 9)}-{rng.randint(0, 9)}", f"${rng.randint(2, 900)}", f"{rng.randint(1, 40)},{rng.randint(0, 9)}")
        )  # fmt: skip
