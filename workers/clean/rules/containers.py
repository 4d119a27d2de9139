"""Containers of clutter by class name, and tracking pixels by URL. Tables only."""

import re
from functools import lru_cache

# Elements and roles of a site's navigation. Source: HTML §4.3.4; WAI-ARIA 1.2, roles.
NAVIGATION_TAGS = frozenset(("nav",))
NAVIGATION_NAMES = re.compile(
    r"(?:^|[\s_-])(?:navigation|menu|menubar|navbar|nav|breadcrumbs?|dropdown|submenu|megamenu)(?:$|[\s_-])",
    re.IGNORECASE,
)


@lru_cache(8192)  # the names repeat on all pages of a site
def is_navigation(tag: str, names: str) -> bool:
    """Return whether an element holds navigation, by its tag, class, id or role."""
    return tag in NAVIGATION_TAGS or (bool(names) and NAVIGATION_NAMES.search(names) is not None)


# Class and id names of elements that contain clutter; complete words of the attribute. Source: names on news pages.
CLUTTER_CLASSES = re.compile(
    r"(?:^|[\s_-])(?:related|recirc|recommend(?:ed|ations?)?|more-?(?:from|stories|on)|most-?(?:read|popular)|trending|"
    r"share(?:daddy|bar|-?(?:bar|buttons?|tools?|links?))?|social(?:-?(?:share|links|media|bar))?|sharing|newsletter|subscri(?:be|ption)|promo(?:tion)?|"
    r"sponsor(?:ed)?|advert(?:isement)?|ads?|outbrain|taboola|comments?|disqus|breadcrumbs?|paywall|cookie|popup|"
    r"jp-relatedposts|yarpp|feedflare|mc4wp|tags-?links?|post-?tags|pagination|sidebar|widget|nav(?:igation|bar)?|menu|footer|skip-?link|explore)(?:$|[\s_-])",
    re.IGNORECASE,
)

# Class and id names of boxes that ask to subscribe, share or follow; complete words of the attribute. All of a small box is
# clutter, with or without links. Source: the cards and widgets of WordPress, Ghost and Mailchimp, and news pages.
PROMPT_BOXES = re.compile(
    r"(?:^|[\s_-])(?:newsletter|(?:inline-?)?sign-?up|subscribe|subscription|mc4wp|sharedaddy|sd-(?:social|like|rating)|share-?(?:bar|buttons?|tools?)|"
    r"social-?(?:follow|share|links)|follow-?(?:us|box|links)|cookie|paywall|donate|donation|suscripcion|boletin|abo-?box|"
    r"(?:inline-?)?promo(?:-?(?:box|block|unit|card))?|ads?|ad-?(?:slot|container|unit|box|banner|wrapper|label|inner)|advert(?:isement)?|sponsor(?:ed)?(?:-?(?:box|message|note|block))?|"
    r"jp-relatedposts|related-?(?:posts?|articles?|stories|content)|yarpp|crp_related|blogcard(?:-wrap)?|link-?card|"
    r"cta|cta-?(?:box|caption|block|wrap)|call-?to-?action|captioned-button-wrap|button-wrapper|feedflare|addtoany(?:_share_save_container)?|"
    r"kg-(?:cta|signup|button|bookmark)-card|tip-?jar|patreon|ko-?fi)(?:$|[\s_-])",
    re.IGNORECASE,
)

# URLs of images and links that only count readers. Source: the pixels of WordPress, FeedBurner and ad servers.
TRACKING_PIXEL = re.compile(
    r"//(?:feeds\.feedburner\.com/~r|[^/]*\.doubleclick\.net|b\.scorecardresearch\.com|"
    r"feeds\.wordpress\.com|[^/]*/~(?:ff|r|4)/)|/(?:pixel|beacon|track(?:ing)?)\.(?:gif|png)",
    re.IGNORECASE,
)
# Names of hosts and folders that may also hold pictures, and the endings of pictures.
PIXEL_FOLDER = re.compile(r"//(?:pixel|stats)\.|/(?:pixel|beacon|track(?:ing)?)/", re.IGNORECASE)
PICTURE_ENDING = re.compile(r"\.(?:jpe?g|png|webp|avif|svg)(?:[?#]|\Z)", re.IGNORECASE)

# Class and id names of readers' comments; complete words of the attribute. Source: the themes and plug-ins of WordPress,
# Drupal, Disqus, Coral, Viafoura, OpenWeb, Hyvor, Facebook, and the words of news pages in the languages of the corpus.
COMMENT_CLASSES = re.compile(
    r"(?:^|[\s_-])(?:comments?|comment-?(?:list|section|area|thread|wrapper|respond)|commentlist|disqus|coral|viafoura|vf-comments|"
    r"spotim|spot-im|openweb|hyvor|fb-comments|kommentare?|commentaires?|comentarios?|comentários?|commenti|komentarze|reacties|"
    r"yorumlar|kommentarer|kommentit|comentarii|opinie|reader-?opinions?|user-?reviews?)(?:$|[\s_-])",
    re.IGNORECASE,
)

# Names of consent dialogues. Source: OneTrust, Cookiebot, CookieYes, Complianz, Quantcast, Sourcepoint, Didomi, Usercentrics.
CONSENT_CLASSES = re.compile(
    r"(?:^|[\s_-])(?:cookie-?(?:banner|consent|notice|bar|law|policy|settings|dialog)\w{0,20}|cookielawinfo|cookiebot|onetrust|cky|"
    r"cmplz|qc-cmp2?|gdpr|ccpa|didomi|usercentrics|consent-?(?:banner|manager|dialog|modal|popup))(?:$|[\s_-])",
    re.IGNORECASE,
)
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")


@lru_cache(8192)  # the names repeat on all pages of a site
def is_outside_article(names: str) -> bool:
    """Return whether an element has the names of readers' comments or of a consent dialogue."""
    if not names:
        return False
    words = _CAMEL_CASE.sub("-", names)
    return COMMENT_CLASSES.search(words) is not None or CONSENT_CLASSES.search(words) is not None


# Headings of readers' comments. A word that also heads a section of an article needs the number. Source: as above.
_COMMENTS = (
    "comments?|kommentare?|commentaires?|comentarios?|comentários?|commenti|komentarze|komentarzy|yorumlar|yorum|kommentarer|"
    "комментари(?:и|ев|й)|коментар(?:і|ів)|σχόλια|评论|評論|コメント|댓글|komentar|bình luận"
)
_REACTIONS = "responses?|replies|reply|reactions?|réactions?|reaktionen|antworten|réponses?|respuestas?|respostas?|reacties|reazioni|risposte"
COMMENT_HEADING = re.compile(
    rf"(?:[({{\[]?\d{{1,5}}[)}}\]]? (?:{_COMMENTS}|{_REACTIONS})(?: (?:to|on|for|zu|sur|à|a|en) .{{1,200}})?|(?:all |reader |readers[’'] )?(?:{_COMMENTS})|"
    rf"(?:{_COMMENTS}|{_REACTIONS})[ :]{{0,2}}[({{\[]?\d{{1,5}}[)}}\]]?|"
    r"(?:what you should know )?about (?:the |our )?comments(?: on .{1,60})?|comment(?:s|ing)? (?:policy|rules|guidelines))",
    re.IGNORECASE,
)
