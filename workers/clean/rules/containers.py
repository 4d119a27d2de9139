"""Containers of clutter by class name, and tracking pixels by URL. Tables only."""

import re

# Class and id names of elements that contain clutter; complete words of the attribute. Source: names on news pages.
CLUTTER_CLASSES = re.compile(
    r"(?:^|[\s_-])(?:related|recirc|recommend(?:ed|ations?)?|more-?(?:from|stories|on)|most-?(?:read|popular)|trending|"
    r"share(?:daddy|bar|-?(?:bar|buttons?|tools?|links?))?|social(?:-?(?:share|links|media|bar))?|sharing|newsletter|subscri(?:be|ption)|promo(?:tion)?|"
    r"sponsor(?:ed)?|advert(?:isement)?|ads?|outbrain|taboola|comments?|disqus|breadcrumbs?|paywall|cookie|popup|"
    r"jp-relatedposts|yarpp|feedflare|mc4wp|tags-?links?|post-?tags|pagination|sidebar|widget|nav(?:igation|bar)?|menu|footer|skip-?link|explore)(?:$|[\s_-])",
    re.IGNORECASE,
)

# URLs of images and links that only count readers. Source: the pixels of WordPress, FeedBurner and ad servers.
TRACKING_PIXEL = re.compile(
    r"//(?:pixel\.|stats\.|feeds\.feedburner\.com/~r|[^/]*\.doubleclick\.net|b\.scorecardresearch\.com|"
    r"feeds\.wordpress\.com|[^/]*/~(?:ff|r|4)/)|/(?:pixel|beacon|track(?:ing)?)(?:\.gif|\.png|/)",
    re.IGNORECASE,
)
