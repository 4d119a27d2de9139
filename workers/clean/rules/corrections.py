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
    a label of clarifications. `retraction`: the text is retracted. `signs`: the patterns of `corrections.Signs`.
    """

    strong_label: re.Pattern[str]
    label: re.Pattern[str]
    note: re.Pattern[str]
    clear_label: re.Pattern[str]
    retraction: re.Pattern[str]
    signs: Mapping[str, re.Pattern[str]]


# Behind a label: a date, a remark in parentheses, or the editors; then punctuation.
_DETAIL = (
    r"(?:\s{0,3}\([^()]{1,40}\)|,?\s[^:—–]{0,30}\d[^:—–]{0,20}|"
    r"\s(?:appended|de la rédaction|della redazione|der redaktion|redakcji|редакции|da redação|de la redacción))?"
)


# Labels of agencies, as in "(Corrects spelling in paragraph 3)". Source: handbooks of Reuters and AFP.
WIRE_LABEL = re.compile(
    r"\A\(\s?(?:corrects|corrected|correcting|corrige|corregge|korrigiert|berichtigt|poprawia|исправляет)\b",
    re.IGNORECASE,
)
# Labels of corrections in some languages that also begin additions.
UPDATE_LABEL = re.compile(
    r"\A[\W_]{0,3}(?:update|mise à jour|modifié|aktualizacja|actualización|aggiornamento|atualização|обновлено)\b",
    re.IGNORECASE,
)


def _begins(labels: str) -> re.Pattern[str]:
    return re.compile(rf"\A[\W_]{{0,3}}(?:{labels}){_DETAIL}\s{{0,3}}[:.—–]", re.IGNORECASE)


def _contains(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words})", re.IGNORECASE)


def _words(*, strong: str, labels: str, note: str, clear: str, retraction: str, **signs: str) -> Words:
    return Words(
        _begins(strong), _begins(f"{labels}|{clear}"), _begins(note), _begins(clear), _contains(retraction),
        {name: _contains(words) for name, words in signs.items()},
    )  # fmt: skip


_EN_TEXT = r"(?:article|story|report|post|piece|column|review|item|interview|obituary|analysis|newsletter|headline|caption|page)"

LANGUAGES: Mapping[str, Words] = {
    "en": _words(
        strong=r"correction appended|errat(?:um|a)|for the record",
        labels=r"corrections?|correction and clarification",
        note=r"(?:editor['’]s|editors['’]|editorial) note|update|note",
        clear=r"clarifications?",
        own_text=rf"this {_EN_TEXT}\b(?!['’]s)|in this (?:article|story|report)\b",
        earlier_version=r"(?:earlier|previous|original|prior|initial|first) (?:version|headline|caption)s?\b|originally (?:said|stated)",
        earlier_claim=r"(?:said|stated|gave|described|listed|omitted|referred|suggested|reported|named|called|placed|attributed|identified) ",
        error=r"(?:misstat|misidentif|mis-?spel|misattribut|misquot)\w{1,6}\b|incorrect(?:ly)?\b|erroneous(?:ly)?\b|"
        r"mistakenly\b|wrong(?:ly)?\b|inaccurate(?:ly)?\b|(?:editing|production|reporting) error\b",
        was_corrected=rf"this {_EN_TEXT} (?:was|has been) corrected (?:on|to|in|after|because)\b|"
        rf"this {_EN_TEXT} (?:was|has been) (?:amended|updated|changed|edited|revised) (?:on .{{1,20}} )?to (?:correct|fix)\b|"
        rf"this {_EN_TEXT} corrects \b|this {_EN_TEXT} has been amended\. it originally",
        was_clarified=r"(?:make|made) clear\b|to clarify\b",
        contrast=r"\w, not [\w'\"‘“]",
        retraction=rf"this {_EN_TEXT} (?:has been|was|is) (?:retracted|withdrawn)\b|(?:has|have) (?:retracted|withdrawn) this {_EN_TEXT}\b",
        we_published=r"we (?:had |have )?(?:\w{4,12}ly )?(?:reported|published|wrote|printed|misreported)\b|"
        r"in our (?:report|article|story|edition|item)\b|(?:day|yesterday)['’]s (?:item|edition|paper|story|article|column)\b|"
        r"in (?:an?|the) (?:earlier|previous|print) (?:edition|issue)\b",
        editors_error=r"(?:because of|due to|owing to) an? (?:editing|production|reporting|editor['’]s) error\b",
        apology=r"(?:apologi[sz]es?|regrets?) (?:\w{1,10} ){0,4}(?:error|mistake)s?\b",
        issue_or_readers=r"(?:edition|issue|readers?|report|article|story|item|column|caption|headline)\b",
        we_corrected=r"we (?:have )?(?:since )?(?:corrected|amended)\b",
        was_changed=r"(?:was|has been|were|have been) (?:changed|updated|edited|revised|removed)\b",
    ),
    "de": _words(
        strong=r"korrekturhinweis|richtigstellung",
        labels=r"korrektur|berichtigung",
        note=r"(?:anmerkung|hinweis|transparenzhinweis|update)(?: der redaktion)?|anm\. ?d\. ?red\.?",
        clear=r"klarstellung",
        own_text=r"(?:dieses|diesem|diesen|unser(?:em|es|en)|des|dieser) (?:artikels?|textes?|beitrags?|berichts?|meldung|überschrift)\b|"
        r"im artikel\b|wir (?:hatten|haben)\b",
        earlier_version=r"(?:früheren|ersten|ursprünglichen|vorherigen|älteren) (?:version|fassung)\b|\bzunächst\b",
        earlier_claim=r"(?:hieß es|stand|war von|lautete|nannte|nannten|war\w{0,2} als)\b",
        error=r"falsch\w{0,12}\b|fehlerhaft\w{0,2}\b|irrtümlich\w{0,4}\b|fehler\b|nicht richtig\b|unwahr\b|unzutreffend\w{0,2}\b",
        was_corrected=r"wir haben (?:diesen|den) (?:text|artikel|beitrag) (?:nachträglich )?korrigiert|"
        r"(?:zahl|angabe|stelle) in diesem artikel (?:berichtigt|korrigiert)|"
        r"(?:artikel|text|beitrag) wurde (?:nachträglich )?(?:korrigiert|berichtigt)",
        was_clarified=r"präzisiert\b|konnte der eindruck entstehen\b|klargestellt\b",
        contrast=r"\bnicht \w{1,20}(?: \w{1,20}){0,4}, wie\b",
        retraction=r"(?:dies\w{1,2}|der|den) (?:artikel|beitrag|text|bericht) (?:haben wir|hat die redaktion|wurde)[^.]{0,40}zurückgezogen\b",
        we_published=r"in unserem (?:\w{3,15} )?(?:bericht|artikel|beitrag|text)\b|"
        r"(?:wir (?:hatten|haben)|haben wir)[^.]{0,60} (?:berichtet|geschrieben|gemeldet)\b",
        editors_error=r"(?:redaktions|bearbeitungs|produktions)fehlers?\b|redaktionelle[ns]? (?:fehler|versehen)s?\b",
        apology=r"(?:bitten|entschuldigen|entschuldigt)[^.]{0,60}(?:fehler|irrtum|versehen|verwechslung)\b",
        issue_or_readers=r"(?:ausgabe|lesern?|leserinnen|bericht|artikel|beitrag|text|bildunterschrift|überschrift)\b",
        we_corrected=r"wir haben (?:[\w-]{1,20} ){0,7}(?:korrigiert|berichtigt|richtiggestellt)\b|"
        r"aktualisiert,? um [^.]{0,60} zu (?:korrigieren|berichtigen)\b",
        was_changed=r"(?:wurden?|worden) (?:[\w-]{1,20} ){0,5}(?:geändert|korrigiert|berichtigt|angepasst)\b",
    ),
    "fr": _words(
        strong=r"rectificatif|errat(?:um|a)",
        labels=r"correction|rectification|mise à jour|modifié",
        note=r"note de la rédaction|ndlr",
        clear=r"précision(?: apportée)?",
        own_text=r"(?:cet|de l['’]|l['’]|dans l['’])\s?article\b|(?:ce|du|de ce) texte\b|nous (?:avons|avions)\b",
        earlier_version=r"(?:version (?:précédente|antérieure|initiale)|première version|précédente version)\b",
        earlier_claim=r"(?:indiquait|citait|donnait|situait|attribuait|plaçait|nommait|annonçait|affirmait)\b",
        error=r"par erreur\b|à tort\b|erreurs?\b|erroné\w{0,2}\b|mal orthographié\w{0,2}\b|mauvais\w{0,2} (?:chiffre|nom|date)\b|"
        r"contrairement à ce que nous (?:avions|avons) (?:écrit|indiqué)",
        was_corrected=r"cet article a été corrigé\b|cet article a été modifié (?:le .{1,15} )?(?:pour|afin de) (?:corriger|rectifier)\b",
        was_clarified=r"(?:pour|afin de) préciser\b",
        contrast=r"et non(?: pas)? (?:de )?\w",
        retraction=r"cet article a été (?:retiré|dépublié)\b|(?:avons|a) (?:retiré|dépublié) cet article\b",
        we_published=r"nous (?:avons|avions) (?:écrit|indiqué|publié|annoncé|attribué)\b|(?:dans|de) notre (?:article|édition|numéro)\b|"
        r"contrairement à ce (?:qui était écrit|que nous)",
        editors_error=r"erreur d['’](?:édition|inattention de la rédaction)\b|erreur de la rédaction\b|erreur s['’]est glissée\b",
        apology=r"(?:excuses|excusons)[^.]{0,60}(?:erreurs?|méprise|confusion)\b",
        issue_or_readers=r"(?:édition|numéro|lecteurs|publiée?s?|article|texte|légende|titre)\b",
        we_corrected=r"nous avons (?:corrigé|rectifié)\b|(?:modifié|mis)e? (?:à jour )?(?:pour|afin de) (?:corriger|rectifier)\b",
        was_changed=r"a été (?:modifié|complété|changé|mis à jour)\w{0,2}\b",
    ),
    "es": _words(
        strong=r"fe de (?:errores|erratas)|rectificamos|nota de corrección",
        labels=r"corrección|rectificación",
        note=r"nota (?:de la redacción|del editor|de redacción)",
        clear=r"aclaración",
        own_text=r"(?:este|de este) (?:artículo|texto)\b|(?:esta|de esta) (?:noticia|nota|información)\b|este diario publicó\b",
        earlier_version=r"(?:versión (?:anterior|previa|original)|(?:primera|anterior) versión|titular original)\b",
        earlier_claim=r"(?:indicaba|decía|afirmaba|situaba|atribuía|se (?:indicó|dijo|afirmó)|figuraba)\b",
        error=r"por error\b|errónea\w{0,5}\b|error de edición\b|mal escrito\b|escribió mal\b|equivocad\w{1,2}\b|incorrect[oa]\w{0,5}\b",
        was_corrected=r"(?:este artículo|este texto|esta nota|esta noticia) (?:ha sido|fue) corregid[oa]\b|"
        r"este (?:texto|artículo) (?:ha sido|fue) modificado para corregir\b",
        was_clarified=r"para (?:precisar|aclarar)\b|no quedaba claro\b",
        contrast=r"(?:,| y) no \w",
        retraction=r"(?:ha|hemos) retirado (?:el|este) (?:artículo|texto)\b|este (?:artículo|texto) (?:ha sido|fue) retirado\b",
        we_published=r"(?:publicamos|informamos|hemos publicado)\b|nuestra (?:edición|información|noticia)\b|"
        r"(?:noticia|texto|artículo|información) publicad[oa] (?:ayer|el (?:lunes|martes|miércoles|jueves|viernes|sábado|domingo|pasado|día))\b",
        editors_error=r"por un error (?:de edición|de redacción|tipográfico|de transcripción)\b",
        apology=r"(?:disculpas|lamentamos|disculparnos)[^.]{0,60}(?:error|errores|confusión)\b",
        issue_or_readers=r"(?:edición|ejemplar|lectores|publicad[oa]|artículo|noticia|texto|información|pie de foto|titular)\b",
        we_corrected=r"hemos (?:corregido|rectificado|enmendado)\b|se ha corregido\b|(?:modificado|actualizado|cambiado) para (?:corregir|rectificar)\b",
        was_changed=r"(?:ha sido|fue|se ha) (?:modificado|cambiado|actualizado|modificada|actualizada)\b",
    ),
    "it": _words(
        strong=r"errata corrige",
        labels=r"correzione|rettifica",
        note=r"nota(?: della redazione)?",
        clear=r"precisazione",
        own_text=r"(?:questo|di questo|dell['’]|l['’])\s?(?:articolo|testo|pezzo)\b|questo testo\b|abbiamo (?:scritto|attribuito)\b",
        earlier_version=r"(?:versione (?:precedente|originale)|prima versione|in precedenza)\b",
        earlier_claim=r"(?:riportava|risultava|indicava|diceva|attribuiva|collocava|si (?:diceva|leggeva))\b",
        error=r"erronea\w{0,5}\b|per (?:un )?(?:errore|sbaglio)\b|sbagliat[oa]\b|errat[oa]\b|errore\b|contrariamente a quanto scritto\b",
        was_corrected=r"articolo è stato corretto\b|questo testo è stato corretto\b|"
        r"articolo è stato modificato (?:per correggere|perché conteneva un errore)",
        was_clarified=r"per (?:chiarire|precisare)\b|non era chiaro\b",
        contrast=r", non \w",
        retraction=r"articolo è stato (?:ritirato|rimosso) dalla redazione\b|abbiamo ritirato (?:questo|l['’]) ?(?:articolo|testo|pezzo)\b",
        we_published=r"abbiamo (?:erroneamente )?(?:scritto|pubblicato|riportato|attribuito|indicato)\b|nel nostro (?:articolo|servizio)\b|"
        r"(?:nell['’]articolo|nel testo|nel pezzo) (?:di ieri|pubblicato|di (?:lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica))\b",
        editors_error=r"per (?:un )?(?:errore|refuso) (?:di|della) redazione\b|per un refuso\b",
        apology=r"(?:scusiamo|scuse|scusa)[^.]{0,60}(?:errore|errori|refuso|equivoco)\b",
        issue_or_readers=r"(?:edizione|lettori|pubblicat[oa]|articolo|testo|didascalia|titolo)\b",
        we_corrected=r"abbiamo (?:corretto|rettificato)\b|è stata corretta\b|(?:modificat|aggiornat)[oa] per correggere\b",
        was_changed=r"è stat[oa] (?:modificat|aggiornat|cambiat)[oa]\b",
    ),
    "pt": _words(
        strong=r"errata|erramos",
        labels=r"correção|retificação",
        note=r"nota d[ao] (?:redação|editor)",
        clear=r"esclarecimento",
        own_text=r"(?:[nd]?este) (?:artigo|texto)\b|(?:[nd]?esta) (?:reportagem|notícia)\b|este jornal noticiou\b|o texto (?:informava|foi corrigido)\b",
        earlier_version=r"(?:versão anterior|primeira versão|versão original|texto original)\b|publicado anteriormente\b|do que foi publicado\b",
        earlier_claim=r"(?:informava|dizia|indicava|atribuía|situava|afirmava|constava)\b",
        error=r"incorreta\w{0,5}\b|incorret[oa]\b|errad[oa]\b|por (?:um )?(?:erro|engano)\b|erro\b|erronea\w{0,5}\b|diferentemente do (?:que foi publicado|que publicamos|informado)",
        was_corrected=r"(?:reportagem|notícia|artigo|texto) foi corrigid[oa]\b|notícia corrigida às\b|"
        r"(?:artigo|texto) foi alterado para corrigir\b|título desta notícia foi corrigido\b",
        was_clarified=r"para deixar claro\b|não deixava claro\b",
        contrast=r"(?:,| e) (?:e )?não \w",
        retraction=r"(?:retirou|retiramos) (?:o|este) (?:artigo|texto)\b|(?:artigo|texto|reportagem) foi (?:retirad[oa]|despublicad[oa]) do ar\b",
        we_published=r"(?:publicamos|informamos|noticiamos)\b|noss[ao] (?:edição|reportagem|texto)\b|"
        r"(?:reportagem|notícia|texto) publicad[oa] (?:ontem|n[ao] (?:segunda|terça|quarta|quinta|sexta|sábado|domingo))\b|"
        r"diferentemente do que publicamos\b",
        editors_error=r"por um (?:erro|engano|lapso) (?:de edição|da redação|de redação|de digitação)\b",
        apology=r"(?:desculpas|desculpamo-nos|lamentamos)[^.]{0,60}(?:erro|erros|engano|equívoco)\b",
        issue_or_readers=r"(?:edição|leitores|publicad[oa]|reportagem|notícia|texto|artigo|legenda|título)\b",
        we_corrected=r"corrigimos\b|corrigiu a reportagem\b|(?:alterad|atualizad|modificad)[oa] para corrigir\b",
        was_changed=r"foi (?:alterad|atualizad|modificad)[oa]\b",
    ),
    "pl": _words(
        strong=r"sprostowanie|redakcja prostuje|errata",
        labels=r"korekta|aktualizacja",
        note=r"od redakcji",
        clear=r"wyjaśnienie",
        own_text=r"(?:tego |tym |w )?(?:artykułu|artykule|tekstu|tekście)\b|(?:artykuł|tekst) (?:został|zawierał)|"
        r"(?:napisa|poda|poprawi|przypisa)liśmy\b",
        earlier_version=r"(?:wcześniejszej|poprzedniej|pierwotnej|pierwszej|pierwsza) wersj[iay]\b|pierwotnie napisano\b|podaliśmy wcześniej\b",
        earlier_claim=r"(?:podaliśmy|napisaliśmy|podano|napisano|przypisano|przypisaliśmy)\b",
        error=r"błędn\w{1,4}\b|omyłkowo\b|mylnie\b|błąd\b|błędem\b|pomyłk\w{1,2}\b|niewłaściw\w{1,3}\b|nieprawdziw\w{1,3}\b",
        was_corrected=r"(?:artykuł|tekst) został (?:poprawiony|skorygowany|sprostowany)\b",
        was_clarified=r"aby doprecyzować\b|nie wynikało jasno\b",
        contrast=r", (?:a )?nie \w",
        retraction=r"(?:redakcja wycofała|wycofaliśmy) (?:ten |niniejszy )?(?:artykuł|tekst|materiał)\b|(?:artykuł|tekst) został wycofany\b",
        we_published=r"(?:napisa|poda|opublikowa|poinformowa|przypisa)liśmy\b|w naszym (?:tekście|artykule|materiale)\b",
        editors_error=r"(?:wskutek|na skutek|z powodu|w wyniku) (?:błędu|pomyłki) (?:redakcyjn\w{2,3}|redakcji|redaktora)\b",
        apology=r"przeprasza(?:my|m)[^.]{0,60}(?:błąd|błędy|pomyłkę|nieścisłość)\b",
        issue_or_readers=r"(?:wydani[ua]|numerze|czytelników|artykule|artykułu|tekście|tekst|podpisie|podpis|tytuł)\b",
        we_corrected=r"(?:poprawi|sprostowa|skorygowa)liśmy\b|"
        r"(?:zaktualizowan|zmienion)\w{1,2} (?:w celu (?:poprawienia|sprostowania)|aby (?:poprawić|sprostować))\b",
        was_changed=r"zmieniliśmy\b|(?:został|została|zostało) (?:zmienion|zaktualizowan|poprawion)\w{1,2}\b",
    ),
    "ru": _words(
        strong=r"исправлено",
        labels=r"исправление|поправка|опровержение",
        note=r"от редакции|примечание редакции",
        clear=r"уточнение",
        own_text=r"(?:эт(?:ой|ого)|в эт(?:ой|ом)|наш(?:ей|ем)|в|перв(?:ой)?) (?:стать[еи]|текста|тексте|новости|заметке)\b|"
        r"(?:версии|версия) (?:эт(?:ой|ого) )?(?:статьи|материала|текста|новости)\b|материал исправлен\b|заголовок статьи исправлен\b|"
        r"редакция (?:исправила|приносит)|статья обновлена\b",
        earlier_version=r"(?:предыдущей|первоначальной|более ранней|первой|прежней) версии\b|ранее в этой статье\b|указывалось ранее\b",
        earlier_claim=r"(?:говорилось|было указано|указывалось|сообщалось|утверждалось|было написано)\b",
        error=r"ошибочно\b|неверн\w{1,3}\b|неправильно\b|ошибк[уаи]\b|неточность\b",
        was_corrected=r"материал исправлен\b|заголовок статьи исправлен\b|редакция исправила ошибку в (?:тексте|статье)\b|"
        r"редакция приносит извинения за ошибку\b|в публикацию внесено исправление\b",
        was_clarified=r"чтобы пояснить\b|не было ясно\b",
        contrast=r", а не \w",
        retraction=r"(?:редакция отозвала|мы отозвали|редакция сняла с публикации) (?:эту |этот )?(?:статью|материал|текст|публикацию)\b|"
        r"(?:статья|публикация) отозвана\b",
        we_published=r"мы (?:ошибочно )?(?:написали|сообщили|указали|опубликовали)\b|в наше[йм] (?:статье|заметке|материале|тексте)\b|"
        r"(?:вчерашней|вчерашнем) (?:статье|заметке|материале|номере)\b",
        editors_error=r"из-за ошибки (?:редактора|редакции|корреспондента|журналиста)\b|по вине редакции\b",
        apology=r"извинения[^.]{0,60}(?:ошибку|неточность|опечатку)\b",
        issue_or_readers=r"(?:номере|выпуске|читател\w{1,3}|статье|материале|тексте|текст|публикации|подпис[ьи]|заголовок)\b",
        we_corrected=r"мы (?:исправили|поправили)\b|исправлен[аоы]?\b|(?:обновл[её]н|измен[её]н)\w{0,2},? чтобы исправить\b",
        was_changed=r"(?:изменён|изменен|обновлён|обновлен|изменена|обновлена)\b",
    ),
}  # fmt: skip

# Case-folded parts of which each note of a language has one; most texts have none. A pattern takes thirty times as long.
_PARTS = {
    "en": "correct|amend|misst|misid|retract|withdrawn|clarif|errat|version|apolog|regret|we reported|editing error|for the record",
    "de": "korr|berichtig|richtigst|klarst|version|fassung|präzisi|zurückgez|redaktion|entschuldig|falsch|in unserem",
    "fr": "correc|corrig|rectif|errat|version|précision|modifi|erreur|retiré|excus|ndlr|mise à jour",
    "es": "correc|correg|rectif|fe de err|errat|versión|aclarac|modific|por error|un error|el error|retirado|disculp|errón",
    "it": "correz|corrett|correg|rettific|errat|version|precisaz|modific|ritirat|scus|errone|un errore",
    "pt": "corre|corrig|retific|errat|erramos|versão|esclarec|alterad|retirou|desculp|um erro|por engano|diferentemente do",
    "pl": "korekt|sprostow|prostuj|wersj|popraw|błąd|błęd|wyjaśn|errat|wycofa|przepras|aktualiz|pomyłk|mylnie|nieprawdz|niewłaśc",
    "ru": "исправ|поправ|верси|уточн|опроверж|ошиб|редакц|отозва|извинен|неверн",
}
HINTS: Mapping[str, tuple[str, ...]] = {language: tuple(parts.split("|")) for language, parts in _PARTS.items()}
# Each hint of any language contains one of these: a text without them is no note in any language.
_ALL = set().union(*HINTS.values())
ANY_HINTS = tuple(sorted(hint for hint in _ALL if not any(other in hint for other in _ALL - {hint})))
ASCII_HINTS = tuple(filter(str.isascii, ANY_HINTS))
