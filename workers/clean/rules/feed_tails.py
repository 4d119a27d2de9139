"""Feed tails: lines that blog engines and syndicators append to each item. Tables only."""

import re

# Complete lines. Source: the default footer of WordPress ("The post … appeared first on …"), "Continue reading" after
# excerpts, and FeedBurner's flare.
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
        r"(\[?(…|\.\.\.)\]?\s*)?(continue reading|read more|read the rest|more|weiterlesen|lire la suite|leer más|"
        r"seguir leyendo|leia mais|continua a leggere|lees verder|devamını oku|читать далее|czytaj dalej)"
        r"(\s*(…|\.\.\.|→|»|›|>))*|continue reading .{1,120}(…|\.\.\.|→|»|›|>)",
    )
)
