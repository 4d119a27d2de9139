"""Words of correction notes in eight languages. Tables only.

Source: invented notes and negatives in tests/workers/clean/corrections, after the wording that newspapers state in
their published correction policies. Linear time: all repeats are bounded.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """Patterns of one language.

    `strong_label`, `label`, `note`: beginnings of a note; the second and third also begin other texts. `clear_label`:
    a label of clarifications. `own_text`: the text speaks of itself. `version`: an earlier form of a text. `claim`:
    verbs of an earlier form. `error`: words for a mistake. `fixed`: the text says that it was corrected. `clearer`:
    it was made clear. `contrast`: "49, not 94". `retraction`: the text is retracted.
    """

    strong_label: re.Pattern[str]
    label: re.Pattern[str]
    note: re.Pattern[str]
    clear_label: re.Pattern[str]
    own_text: re.Pattern[str]
    version: re.Pattern[str]
    claim: re.Pattern[str]
    error: re.Pattern[str]
    fixed: re.Pattern[str]
    clearer: re.Pattern[str]
    contrast: re.Pattern[str]
    retraction: re.Pattern[str]


NEVER = r"(?!)"
# Behind a label: a date, a remark in parentheses, or the editors; then punctuation.
_DETAIL = (
    r"(?:\s{0,3}\([^()]{1,40}\)|,?\s[^:—–]{0,30}\d[^:—–]{0,20}|"
    r"\s(?:appended|de la rédaction|della redazione|der redaktion|redakcji|редакции|da redação|de la redacción))?"
)


def _begins(labels: str, *, needs_mark: bool = True) -> re.Pattern[str]:
    mark = _DETAIL + r"\s{0,3}[:.—–]" if needs_mark else r"\b"
    return re.compile(rf"\A[\W_]{{0,3}}(?:{labels}){mark}", re.IGNORECASE)


def _words(
    *, strong: str = NEVER, labels: str, note: str, clear: str, own: str, version: str, claim: str = NEVER, error: str,
    fixed: str, clearer: str, contrast: str, retraction: str = NEVER,
) -> Words:  # fmt: skip
    has = (own, version, claim, error, fixed, clearer, contrast, retraction)
    return Words(
        _begins(strong), _begins(f"{labels}|{clear}"), _begins(note), _begins(clear),
        *(re.compile(rf"\b(?:{pattern})", re.IGNORECASE) if pattern != NEVER else re.compile(NEVER) for pattern in has),
    )  # fmt: skip


_EN_TEXT = r"(?:article|story|report|post|piece|column|review|item|interview|obituary|analysis|newsletter|headline|caption|page)"

LANGUAGES: Mapping[str, Words] = {
    "en": _words(
        strong=r"correction appended|errat(?:um|a)",
        labels=r"corrections?|correction and clarification",
        note=r"(?:editor['’]s|editors['’]|editorial) note|update|note",
        clear=r"clarifications?",
        own=rf"this {_EN_TEXT}\b(?!['’]s)|in this (?:article|story|report)\b",
        version=r"(?:earlier|previous|original|prior|initial|first) (?:version|headline|caption)s?\b|originally (?:said|stated)",
        claim=r"(?:said|stated|gave|described|listed|omitted|referred|suggested|reported) ",
        error=r"(?:misstat|misidentif|mis-?spel|misattribut|misquot)\w{1,6}\b|incorrect(?:ly)?\b|erroneous(?:ly)?\b|"
        r"mistakenly\b|wrong(?:ly)?\b|inaccurate(?:ly)?\b|(?:editing|production|reporting) error\b",
        fixed=rf"this {_EN_TEXT} (?:was|has been) corrected (?:on|to|in|after|because)\b|"
        rf"this {_EN_TEXT} (?:was|has been) (?:amended|updated|changed|edited|revised) (?:on .{{1,20}} )?to (?:correct|fix)\b|"
        rf"this {_EN_TEXT} corrects \b|this {_EN_TEXT} has been amended\. it originally",
        clearer=r"(?:make|made) clear\b|to clarify\b",
        contrast=r"\w, not [\w'\"‘“]",
        retraction=rf"this {_EN_TEXT} (?:has been|was|is) retracted\b",
    ),
    "de": _words(
        strong=r"korrekturhinweis|richtigstellung",
        labels=r"korrektur|berichtigung",
        note=r"(?:anmerkung|hinweis)(?: der redaktion)?|anm\. ?d\. ?red\.?",
        clear=r"klarstellung",
        own=r"(?:dieses|diesem|diesen|unser(?:em|es|en)|des|dieser) (?:artikels?|textes?|beitrags?|berichts?|meldung|überschrift)\b|"
        r"im artikel\b|wir (?:hatten|haben)\b",
        version=r"(?:früheren|ersten|ursprünglichen|vorherigen|älteren) (?:version|fassung)\b|\bzunächst\b",
        claim=r"(?:hieß es|stand|war von)\b",
        error=r"falsch\w{0,12}\b|fehlerhaft\w{0,2}\b|irrtümlich\w{0,4}\b|fehler\b|nicht richtig\b|unwahr\b|unzutreffend\w{0,2}\b",
        fixed=r"wir haben (?:diesen|den) (?:text|artikel|beitrag) (?:nachträglich )?korrigiert|"
        r"(?:zahl|angabe|stelle) in diesem artikel (?:berichtigt|korrigiert)|"
        r"(?:artikel|text|beitrag) wurde (?:nachträglich )?(?:korrigiert|berichtigt)",
        clearer=r"präzisiert\b|konnte der eindruck entstehen\b|klargestellt\b",
        contrast=r"\bnicht \w{1,20}(?: \w{1,20}){0,4}, wie\b",
    ),
    "fr": _words(
        strong=r"rectificatif|errat(?:um|a)",
        labels=r"correction|rectification|mise à jour|modifié",
        note=r"note de la rédaction|ndlr",
        clear=r"précision(?: apportée)?",
        own=r"(?:cet|de l['’]|l['’]|dans l['’])\s?article\b|(?:ce|du|de ce) texte\b|nous (?:avons|avions)\b",
        version=r"(?:version (?:précédente|antérieure|initiale)|première version|précédente version)\b",
        claim=r"(?:indiquait|citait|donnait)\b",
        error=r"par erreur\b|à tort\b|erreurs?\b|erroné\w{0,2}\b|mal orthographié\w{0,2}\b|mauvais\w{0,2} (?:chiffre|nom|date)\b|"
        r"contrairement à ce que nous (?:avions|avons) (?:écrit|indiqué)",
        fixed=r"cet article a été corrigé\b|cet article a été modifié (?:le .{1,15} )?(?:pour|afin de) (?:corriger|rectifier)\b",
        clearer=r"(?:pour|afin de) préciser\b",
        contrast=r"et non(?: pas)? (?:de )?\w",
    ),
    "es": _words(
        strong=r"fe de (?:errores|erratas)|rectificamos|nota de corrección",
        labels=r"corrección|rectificación",
        note=r"nota (?:de la redacción|del editor|de redacción)",
        clear=r"aclaración",
        own=r"(?:este|de este) (?:artículo|texto)\b|(?:esta|de esta) (?:noticia|nota|información)\b|este diario publicó\b",
        version=r"(?:versión (?:anterior|previa|original)|(?:primera|anterior) versión|titular original)\b",
        claim=r"(?:indicaba|decía|afirmaba)\b",
        error=r"por error\b|errónea\w{0,5}\b|error de edición\b|mal escrito\b|escribió mal\b|equivocad\w{1,2}\b|incorrect[oa]\w{0,5}\b",
        fixed=r"(?:este artículo|este texto|esta nota|esta noticia) (?:ha sido|fue) corregid[oa]\b|"
        r"este (?:texto|artículo) (?:ha sido|fue) modificado para corregir\b",
        clearer=r"para (?:precisar|aclarar)\b|no quedaba claro\b",
        contrast=r"(?:,| y) no \w",
    ),
    "it": _words(
        strong=r"errata corrige",
        labels=r"correzione|rettifica",
        note=r"nota(?: della redazione)?",
        clear=r"precisazione",
        own=r"(?:questo|di questo|dell['’]|l['’])\s?(?:articolo|testo|pezzo)\b|questo testo\b|abbiamo (?:scritto|attribuito)\b",
        version=r"(?:versione (?:precedente|originale)|prima versione|in precedenza)\b",
        claim=r"(?:riportava|risultava)\b",
        error=r"erronea\w{0,5}\b|per (?:un )?(?:errore|sbaglio)\b|sbagliat[oa]\b|errat[oa]\b|errore\b|contrariamente a quanto scritto\b",
        fixed=r"articolo è stato corretto\b|questo testo è stato corretto\b|"
        r"articolo è stato modificato (?:per correggere|perché conteneva un errore)",
        clearer=r"per (?:chiarire|precisare)\b|non era chiaro\b",
        contrast=r", non \w",
    ),
    "pt": _words(
        strong=r"errata|erramos",
        labels=r"correção|retificação",
        note=r"nota d[ao] (?:redação|editor)",
        clear=r"esclarecimento",
        own=r"(?:[nd]?este) (?:artigo|texto)\b|(?:[nd]?esta) (?:reportagem|notícia)\b|este jornal noticiou\b|o texto (?:informava|foi corrigido)\b",
        version=r"(?:versão anterior|primeira versão|versão original|texto original)\b|publicado anteriormente\b|do que foi publicado\b",
        claim=r"(?:informava|dizia)\b",
        error=r"incorreta\w{0,5}\b|incorret[oa]\b|errad[oa]\b|por (?:um )?(?:erro|engano)\b|erro\b|erronea\w{0,5}\b|diferentemente do (?:que foi publicado|informado)",
        fixed=r"(?:reportagem|notícia|artigo|texto) foi corrigid[oa]\b|notícia corrigida às\b|"
        r"(?:artigo|texto) foi alterado para corrigir\b|título desta notícia foi corrigido\b",
        clearer=r"para deixar claro\b|não deixava claro\b",
        contrast=r"(?:,| e) (?:e )?não \w",
    ),
    "pl": _words(
        strong=r"sprostowanie|redakcja prostuje|errata",
        labels=r"korekta|aktualizacja",
        note=r"od redakcji",
        clear=r"wyjaśnienie",
        own=r"(?:tego |tym |w )?(?:artykułu|artykule|tekstu|tekście)\b|(?:artykuł|tekst) (?:został|zawierał)|"
        r"(?:napisa|poda|poprawi|przypisa)liśmy\b",
        version=r"(?:wcześniejszej|poprzedniej|pierwotnej|pierwszej|pierwsza) wersj[iay]\b|pierwotnie napisano\b|podaliśmy wcześniej\b",
        claim=NEVER,
        error=r"błędn\w{1,4}\b|omyłkowo\b|mylnie\b|błąd\b|błędem\b|pomyłk\w{1,2}\b|niewłaściw\w{1,3}\b|nieprawdziw\w{1,3}\b",
        fixed=r"(?:artykuł|tekst) został (?:poprawiony|skorygowany|sprostowany)\b",
        clearer=r"aby doprecyzować\b|nie wynikało jasno\b",
        contrast=r", (?:a )?nie \w",
    ),
    "ru": _words(
        strong=r"исправлено",
        labels=r"исправление|поправка|опровержение",
        note=r"от редакции|примечание редакции",
        clear=r"уточнение",
        own=r"(?:эт(?:ой|ого)|в эт(?:ой|ом)|наш(?:ей|ем)|в|перв(?:ой)?) (?:стать[еи]|текста|тексте|новости|заметке)\b|"
        r"(?:версии|версия) (?:эт(?:ой|ого) )?(?:статьи|материала|текста|новости)\b|материал исправлен\b|заголовок статьи исправлен\b|"
        r"редакция (?:исправила|приносит)|статья обновлена\b",
        version=r"(?:предыдущей|первоначальной|более ранней|первой|прежней) версии\b|ранее в этой статье\b|указывалось ранее\b",
        claim=NEVER,
        error=r"ошибочно\b|неверн\w{1,3}\b|неправильно\b|ошибк[уаи]\b|неточность\b",
        fixed=r"материал исправлен\b|заголовок статьи исправлен\b|редакция исправила ошибку в (?:тексте|статье)\b|"
        r"редакция приносит извинения за ошибку\b|в публикацию внесено исправление\b",
        clearer=r"чтобы пояснить\b|не было ясно\b",
        contrast=r", а не \w",
    ),
}  # fmt: skip

# Case-folded parts of which each note has one; most texts have none. A pattern of them takes thirty times as long.
HINTS = tuple(
    "correc|correg|correç|amend|aclarac|modific|misst|misid|retract|clarif|errat|korr|berichtig|richtigst|klarst|version|"
    "fassung|rectif|corrig|précision|modifié|erreur|fe de err|rettific|precisaz|"
    "erramos|retific|esclarec|versão|versión|sprostow|korekt|prostuj|wersj|poprawi|błąd|błęd|wyjaśn|"
    "исправ|поправ|верси|уточн|опроверж|ошиб|редакц".split("|")
)
