"""Names of publishers: words that newspapers have in their names, and lines of ownership. Tables only.

The first line of a dump is often such a name. It is neither a section label nor text. Words are in the form of a match key.
"""

import re

# The last word of a name with two words or more: "Kelp Weekly". Words that also end a section label, such as review and
# news, are left out. Source: Wikipedia's lists of newspapers by country, for the languages named.
LAST_WORDS = frozenset(
    # en
    "advertiser argus bugle chronicle courier daily dispatch echo enquirer examiner gazette globe herald independent "
    "inquirer journal ledger mail mercury messenger mirror observer planet post press sentinel standard star sun "
    "telegraph times tribune weekly "
    # de nl sv da no fi
    "allgemeine anzeiger bote kurier rundschau tagblatt tageblatt zeitung courant dagblad krant tidning tidningen dagbladet "
    "posten avis tidende lehti sanomat "
    # pl cs sk sl hr sr hu tr
    "kurier noviny deník denník večerník novice novine glasnik vesnik hírlap napló gazetesi "
    # ru uk sr mk
    "газета вестник известия правда вісник новине гласник весник".split()
)
# The first word of a name with two words or more.
FIRST_WORDS = frozenset(
    # pt ro pl id
    "jornal diário folha gazeta ziarul dziennik kurier harian koran "
    # ru uk
    "агентство агенція "
    # el ar fa ur he bn
    "εφημερίδα صحيفة جريدة روزنامه روزنامہ עיתון দৈনিক".split()
)
# The first word after an article: "Le Journal de Kelpival". Without one, "Courrier des lecteurs" is a section.
FIRST_WORDS_AFTER_ARTICLE = frozenset(
    # fr es it el
    "journal gazette courrier écho dépêche voix diario gaceta heraldo correo prensa periódico corriere gazzetta giornale "
    "messaggero φωνή".split()
)
ARTICLES = frozenset("the le la l el los il lo o η".split())
# The end of a name of one word.
NAME_ENDS = (
    *("zeitung", "tagblatt", "anzeiger", "bladet", "posten", "dagblad", "sanomat"),  # de sv da no nl fi
    *("新聞", "日报", "日報", "晚报", "晚報", "时报", "時報", "晨报", "早报", "일보", "신문"),  # ja zh ko
)
NAME_STARTS = ("หนังสือพิมพ์",)  # th
MIN_REST_CHARS = 2  # of a name of one word, besides its end or its start
# A line that states the owner of the page. Source: Universal Copyright Convention, article III, and the usual words.
OWNERSHIP = re.compile(r"©|\(c\)\s{0,2}\d{4}|\bcopyright\b|\ball rights reserved\b", re.IGNORECASE)
MAX_OWNERSHIP_CHARS = 200
