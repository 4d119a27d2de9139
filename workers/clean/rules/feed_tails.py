"""Feed tails: lines that blog engines and syndicators append to each item. Tables only."""

import re

# Complete lines. Source: the default footer of WordPress ("The post … appeared first on …"), "Continue reading" after
# excerpts, FeedBurner's flare, the footers of Blogger in its languages and of Medium, the notes that podcast hosts append,
# and the line of a Korean or Japanese reporter with an address.
FEED_TAILS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(p, re.IGNORECASE)
    for p in (
        r"the (post|article|story) .{1,300} (first )?appeared (first )?(on|at|in) .{1,160}",
        r"(this|l') ?(post|article|entry|story) .{0,200}(was )?(first|originally) (appeared|published|posted) (on|at|by|in) .{1,160}",
        r"l['’]article .{1,300} est apparu en premier sur .{1,160}",
        r"der beitrag .{1,300} erschien zuerst auf .{1,160}",
        r"la entrada .{1,300} (se publicó primero en|aparece primero en) .{1,160}",
        r"o post .{1,300} apareceu primeiro em .{1,160}",
        r"l['’]articolo .{1,300} proviene da .{1,160}",
        r".{1,300} was originally published (in|on|at) .{1,80} on .{1,120}, where people are .{1,200}",
        r"(posted|published) by .{1,80} at \d{1,2}[:.]\d\d.{0,60}|(postado|publicado) por .{1,80} (às|a las?|en) \d{1,2}[:.]\d\d.{0,60}",
        r"publié par .{1,80} à \d{1,2}[:.h]\d\d.{0,60}|eingestellt von .{1,80} um \d{1,2}[:.]\d\d.{0,60}|pubblicato da .{1,80} alle \d{1,2}[:.]\d\d.{0,60}",
        r"(gepost door|diposting oleh|gönderen|opublikowane przez|upplagd av|lagt ut av|автор:|投稿者) .{1,80} (op|di|zaman:|o|kl\.|на|時刻:) ?\d{1,2}[:.]\d\d.{0,60}",
        r"(this|today['’]s) (episode|podcast|show|newsletter|edition) is (sponsored|supported|presented|brought to you) by .{1,240}",
        r"(subscribe|listen|follow|rate|review) .{0,60}(apple podcasts|itunes|spotify|overcast|google podcasts|wherever you (get|listen)|your favou?rite podcast app).{0,120}",
        r"learn more about your ad choices.{0,120}|(see|visit) \S{3,80}/(privacy|adchoices|listener|policies)\S* for .{0,120}|hosted on acast.{0,120}",
        r"[^\s\d]{2,8} ?(기자|특파원|記者) ?\S{1,40}@\S{3,60}",
        r"(\[?(…|\.\.\.)\]?\s*)?(continue reading|read more|read the rest|more|weiterlesen|lire la suite|leer más|"
        r"seguir leyendo|leia mais|continua a leggere|lees verder|devamını oku|читать далее|czytaj dalej)"
        r"(\s*(…|\.\.\.|→|»|›|>))*|continue reading .{1,120}(…|\.\.\.|→|»|›|>)",
    )
)
