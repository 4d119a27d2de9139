"""Notices: legal, consent, comment-rule and donation lines in the languages of the corpus. Tables only.

Complete lines of at most MAX_NOTICE_WORDS words. Source: footers, consent dialogues and comment boxes of the news pages in
the corpus, and the wording of the GDPR (recitals 32 and 42) and of the Berne Convention's reservation of rights. A
notice begins with the site or the reader as its subject, because a story also reports on cookies or copyright.
Linear time: repeats are bounded, and each alternative begins with its own words.
"""

import re

MAX_NOTICE_WORDS = 90

RIGHTS = (
    r".{0,120}\b(?:all rights reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados|todos os direitos reservados|"
    r"tutti i diritti riservati|riproduzione riservata|alle rechten voorbehouden|alla rättigheter förbehållna|alle rettigheter (?:forbeholdes|reservert)|"
    r"kaikki oikeudet pidätetään|wszelkie prawa zastrzeżone|všechna práva vyhrazena|minden jog fenntartva|toate drepturile rezervate|"
    r"με επιφύλαξη παντός δικαιώματος|все права защищены|усі права захищен[оі]|tüm hakları saklıdır|hak cipta dilindungi)\b.{0,200}",
    r".{0,80}(?:جميع الحقوق محفوظة|تمامی حقوق|כל הזכויות שמורות|सर्वाधिकार सुरक्षित|সর্বস্বত্ব সংরক্ষিত|สงวนลิขสิทธิ์|版权所有|版权声明|無断転載|무단\s?전재).{0,120}",
    r"(?:this material|this content|this article|no part of .{3,60}|the (?:content|material)s? .{3,60}) (?:may|can|must) not be (?:published|reproduced|copied|rewritten|redistributed).{0,200}",
    r"(?:nachdruck|vervielfältigung|reproducci[oó]n|reproduction|a reprodução|kopiowanie|przedruk|перепечатка|копирование|при (?:перепечатке|использовании|копировании)|未经(?:授权|许可)|未經授權).{0,200}"
    r"(?:genehmigung|prohibida|interdite|proibida|zabronion|zgody|запрещ|ссылк|разрешени|不得|转载|轉載).{0,120}",
)
CONSENT = (
    r"(?:we|we and our (?:\d+ )?partners|this (?:web ?)?site|our (?:web ?)?site|by (?:continuing|using|clicking|browsing|closing)) .{0,120}\b(?:cookies?(?!-)|store and/or access|terms of (?:use|service)|privacy policy)\b.{0,300}",
    r"(?:wir|diese (?:web)?seite|unsere (?:web)?seite|mit der nutzung) .{0,120}\bcookies?\b(?!-).{0,300}",
    r"(?:nous|ce site|notre site|en poursuivant|avec nos partenaires,? nous) .{0,140}\bcookies?\b(?!-).{0,300}",
    r"(?:utilizamos|usamos|este sitio|esta web|este site|nuestro sitio|al continuar|ao continuar) .{0,120}\bcookies?\b(?!-).{0,300}|(?:utilizamos|usamos) cookies?.{0,200}",
    r"(?:utilizziamo|questo sito|il nostro sito|proseguendo) .{0,120}\bcookies?\b(?!-).{0,300}",
    r"(?:wij|deze (?:web)?site|vi|den här (?:webb)?sidan|denne (?:net|nett)?side(?:n)?|käytämme|sivusto) .{0,120}\b(?:cookies?|kakor|evästeitä|informasjonskapsler)\b.{0,300}",
    r"(?:ta strona|nasza strona|serwis|używamy|korzystamy|tento web|používáme|ez az oldal|acest site|folosim|sitemiz|sitemizde|bu site) .{0,120}\b(?:cookies?|cookie-uri|sütiket|çerez\w*)\b.{0,300}",
    r"(?:сайт|наш сайт|этот сайт|мы|продолжая|цей сайт|ми|αυτός ο ιστότοπος|ο ιστότοπος|χρησιμοποιούμε|situs ini|kami) .{0,120}\b(?:cookies?|куки)\b.{0,300}",
    r"(?:我们|本网站|本站|当サイト|このサイト|본 사이트|이 사이트).{0,60}(?:cookies?|クッキー|쿠키).{0,120}",
)
COMMENT_RULES = (
    r"(?:comments|all comments|your comments?|the comments section)\b.{0,60}\b(?:are|is|will be) (?:moderated|reviewed|subject to|now closed|closed|the opinion)\b.{0,200}",
    r"(?:be civil|please be respectful|please keep comments|comments that (?:break|violate)|by commenting|to comment,? you)\b.{0,200}",
    r"(?:los comentarios|as opiniões|os comentários|les commentaires|i commenti|die kommentare|kommentare|reacties|komentarze|komentáře|комментарии|коментарі|τα σχόλια|yorumlar|التعليقات)\b.{0,80}"
    r"(?:moderad|responsabilidad|responsabilidade|modérés|moderati|geprüft|moderiert|gecontroleerd|moderowane|regulamin|pravid|модерац|проверк|провірк|έγκριση|onay|المراجعة|تعبر).{0,200}",
    r"(?:the )?(?:views|opinions) expressed .{0,120}\b(?:do not|are (?:those|solely))\b.{0,200}",
    r"(?:мнение (?:редакции|автора)|думка (?:редакції|автора)|las opiniones|le opinioni|die meinung(?:en)?) .{0,120}(?:не совпада|може не|no reflejan|non riflettono|nicht der).{0,160}",
    r"(?:网友评论|以上(?:内容|评论)|本文(?:内容|观点)?)(?:仅|不)?(?:代表|供).{0,80}",
)
DONATION = (
    r"(?:please )?(?:support(?= (?:our|us|this|independent|quality|free|local|public)\b)|help (?:us|keep)|donate to|make a donation|become a (?:member|supporter|patron)|give what you can|your (?:support|donation|contribution))\b.{0,120}"
    r"\b(?:journalism|newsroom|free for everyone|reporting|independent|readers like you|donation|monthly|today)\b.{0,120}",
    r"(?:unterstützen sie|soutenez|faites un don|apoya|apoye|apóyanos|sostieni|sostienici|steun|stöd|støt|støtt|wesprzyj|podpořte|támogassa|susține|поддержите|поддержать|підтримайте|στηρίξτε|destekleyin|ادعم|dukung|ủng hộ)\b.{0,160}",
)
NOTICE = re.compile(
    "|".join(f"(?:{pattern})" for pattern in (*RIGHTS, *CONSENT, *COMMENT_RULES, *DONATION)), re.IGNORECASE
)
