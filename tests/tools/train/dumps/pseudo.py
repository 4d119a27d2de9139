"""Pseudo-languages: the words of a text recoded into another language's letters.

Labels and prompts around the text stay real. Words of the story then tell nothing, so the model learns its shape.
"""

import random
import re
from collections.abc import Callable
from functools import lru_cache

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# Letters by language, the frequent ones repeated. Source: the alphabets in Unicode CLDR 46, exemplar characters.
LETTERS = {
    "en": "eeetttaaooiinnsshhrrddllcumwfgypbvk", "fr": "eeeaasiittnnrruulloodcpmévqfbghjàxèêyç",
    "es": "eeaaoossrrnniidllctumpbgvyqhfzjñáéíó", "pt": "aaeeoossrriinddmtucllpvgqbfhãçáéíóz",
    "it": "eeaaiioonnllrrttsscddupmvghfbqzàèòù", "de": "eeennniissrrattdhulgcmobwfkzpvüäöß",
    "nl": "eeennaattiirroodslgvhkmubpwjczf", "sv": "aaeennttrriissllddokgmvfhuäpåöbcyj",
    "da": "eeerrnnttiiaaddsslogkmvfupbhøåyæj", "no": "eeerrnnttiisaallddokgmvfupbhøåyjæ",
    "fi": "aaaiittnnneesslloouukkäämmvrjhypdö", "pl": "aaiieeoozznnrrsswyctdkpłmjulbgęhąóżś",
    "cs": "ooeeaannttssiillvvrkdupímcháyjbzěéřčš", "hu": "eeaattllnnsskkoorriizzmgyéádbvhjöfupőóüí",
    "ro": "iieeaarrnnttuuccllossdpmăfvîgbșțzhâj", "tr": "aaeeiinnrrllkkddııytmsubüoşzgğçhvcöp",
    "id": "aaaanneeiirrttkksuddmlgpbohyjcw", "vi": "nnhhttiicaoguđmlrvbpsàáạảâấăôồơưêệy",
    "sw": "aaaaiinnuuwwkkeeomtlhyszrbgdjpfc", "el": "ααοοιιεεττσσννηηυρπκμλδγόίάέήθχφβςώξ",
    "ru": "ооееааииннттссррввллккмдпуяыьгзбчйхжшюцщэф", "uk": "ооааииннвврртіітесскклдумпязьбгйчхцжшюїщє",
    "ar": "ااالليينمرتوبةعدسفهكقحجشصطخضذثزغ", "fa": "اااییرردنهوتمبسشکلزفگعخقجپحصطچغ",
    "he": "ייוולהאארתמנבשדחעקפכגטסצז", "hi": "ककररनसतमलपहयदबवगजखथशभचािीेोंु", "bn": "রকনবতসমলপদজযগআহটছশাািেু",
    "ta": "கதபமனரலவயடநளசழாிுெை", "th": "นรอกงมยลวดทสตบปคหจพชเาาาีิุแ่้", "ko": "이다는에가을고의하한지로기사도서리어정해자인시대나라일장",
    "ja": "のにをはたがでてとしれさいるこも大会年月日人市議地国上場", "zh": "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出",
}  # fmt: skip
JOINED = frozenset(("ja", "zh", "th"))  # scripts without spaces between words
CASELESS = JOINED | {"ar", "fa", "he", "hi", "bn", "ta", "ko"}
MARKS = {
    "ja": {".": "。", ",": "、", "?": "？", "!": "！", ":": "："}, "zh": {".": "。", ",": "，", "?": "？", "!": "！", ":": "："},
    "th": {".": "", ",": "", "?": ""}, "hi": {".": "।"}, "bn": {".": "।"},
    "ar": {",": "،", "?": "؟", ";": "؛"}, "fa": {",": "،", "?": "؟", ";": "؛"}, "el": {"?": ";"},
}  # fmt: skip
WORD_GAP = re.compile(r"(?<=[^\W\d_a-zA-Z])[ ](?=[^\W\d_a-zA-Z])")
MARK_AT_END = re.compile(r"(?<!\d)[.,?!:;]|[.,?!:;](?!\d)")


def recoder(language: str) -> Callable[[str], str]:
    """Return a function that recodes a text into the letters of *language*."""
    marks = MARKS.get(language, {})

    def recode(text: str) -> str:
        text = WORD.sub(lambda match: _word(match[0], language), text)
        text = MARK_AT_END.sub(lambda match: marks.get(match[0], match[0]), text)
        if language in JOINED:
            text = WORD_GAP.sub("", text)
            text = re.sub(r"(?<=[。，、？！：])\s+", "", text)
        return text.strip()

    return recode


@lru_cache(200_000)
def _word(word: str, language: str) -> str:
    rng = random.Random(f"{language} {word.lower()}")
    length = len(word) + rng.choice((-1, 0, 0, 1))
    if language in JOINED or language == "ko":
        length = (length + 2) // 3
    out = "".join(rng.choice(LETTERS[language]) for _ in range(max(1, length)))
    if language in CASELESS:
        return out
    if word.isupper() and len(word) > 1:
        return out.upper()
    return out.capitalize() if word[:1].isupper() else out
