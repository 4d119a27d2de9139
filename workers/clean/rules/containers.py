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

# Class and id names of boxes that ask to subscribe, share or follow; complete words of the attribute. All of a small box is
# clutter, with or without links. Source: the cards and widgets of WordPress, Ghost and Mailchimp, and news pages.
PROMPT_BOXES = re.compile(
    r"(?:^|[\s_-])(?:newsletter|sign-?up|subscribe|subscription|mc4wp|sharedaddy|sd-social|share-?(?:bar|buttons?|tools?)|"
    r"social-?(?:follow|share|links)|follow-?(?:us|box|links)|cookie|paywall|donate|donation|suscripcion|boletin|abo-?box)(?:$|[\s_-])",
    re.IGNORECASE,
)

# URLs of images and links that only count readers. Source: the pixels of WordPress, FeedBurner and ad servers.
TRACKING_PIXEL = re.compile(
    r"//(?:pixel\.|stats\.|feeds\.feedburner\.com/~r|[^/]*\.doubleclick\.net|b\.scorecardresearch\.com|"
    r"feeds\.wordpress\.com|[^/]*/~(?:ff|r|4)/)|/(?:pixel|beacon|track(?:ing)?)(?:\.gif|\.png|/)",
    re.IGNORECASE,
)
