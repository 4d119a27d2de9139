"""The credit line of an agency below a story names reporters, translators and editors. It is a field, not text."""

import pytest

from workers.clean.cleaner import clean

STORY = (
    "Engineers closed the Harlow viaduct on Monday after a crack was found in its third pier.",
    "Trains will use the coastal line until the autumn, the operator said.",
    "Repairs are expected to cost 4 million crowns.",
)
CREDITS = (
    "(Reporting by Jo Hay in Bristow; Editing by Al Sims)",
    "Reporting by Jo Hay and Li Wen; additional reporting by Ana Keane in Saltby; editing by Al Sims.",
    "(Writing by Jo Hay, editing by Al Sims)",
    "(Bericht von Jo Hay, geschrieben von Lena Brandl, redigiert von Max Vance)",
    "(Reportage de Jo Hay, version française Lena Brandl, édité par Ana Keane)",
    "(Reporte de Jo Hay. Editado en español por Ana Ortega)",
    "(Reportagem de Jo Hay; edição de Ana Duarte)",
    "(Tradotto da Jo Hay, editing Ana Rossi)",
    "(Haber: Jo Hay; Editör: Ana Aydin)",
    "(Автор: Вера Петрова. Редактор: Иван Новик)",
    "(Relacja: Jo Hay; redakcja: Ana Novik)",
    "(Reporter: Jo Hay; Editor: Ana Vance)",
    "（取材：佐藤花、翻訳：山口一、編集：木村良）",
    "（记者：王小林；编辑：李文）",
)
SENTENCES = (
    "Reporting by satellite has changed the work of the coast guard, officials said.",
    "Editing by committee, he said, is writing by nobody; reporting suffers most.",
    "(The editor of the report declined to comment; the reporter did not answer.)",
    "The reporting by the Saltby Courier won a prize; the editing by its staff did not.",
    "Editor: We never print rumours. Reporter: But it was true.",
)


@pytest.mark.parametrize("credit", CREDITS)
@pytest.mark.parametrize("kind", ["text", "html"])
def test_agency_credit_is_a_field(credit: str, kind: str) -> None:
    """The credit line is stored without its brackets, and the story keeps all its lines."""
    lines = ("Viaduct shut after crack is found", *STORY, credit)
    data = "\n".join(lines) if kind == "text" else "".join(f"<p>{line}</p>" for line in lines[1:])
    content = clean(data, kind)
    assert content.paragraphs == STORY
    assert content.source_credit == credit.strip("()（）")


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentence_about_editing_stays(sentence: str) -> None:
    """A sentence about reporting and editing is text."""
    content = clean("".join(f"<p>{line}</p>" for line in (*STORY, sentence)), "html")
    assert content.paragraphs == (*STORY, sentence)
    assert not content.source_credit


def test_agency_credit_joins_the_source() -> None:
    """A story with a source and a credit line keeps both."""
    lines = (*STORY, "Source: Tidewire", "(Reporting by Jo Hay; Editing by Al Sims)")
    content = clean("".join(f"<p>{line}</p>" for line in lines), "html")
    assert content.source_credit == "Tidewire; Reporting by Jo Hay; Editing by Al Sims"
    assert content.paragraphs == STORY
