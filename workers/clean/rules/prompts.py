"""Prompts: lines that ask the reader to subscribe, share, comment, accept cookies and the like. Tables only."""

import re

READER_PROMPT = "a prompt to the reader"
SHARE_BAR = "a share bar"
SHARE_OR_COMMENT = "a line of a share bar or comment box"  # of the lexicon, which does not separate them
SITE_NOTICE = "a notice of the site, not of the article"
ADVERTISEMENT = "a line beside an advertisement"
LEGAL_LINE = "a line about cookies, scripts or rights"
# Complete lines by the reason of their removal. Source: newsletter, app, paywall and comment boxes of news pages.
# Linear time: repeats are bounded or possessive.
_SOURCES = {
    READER_PROMPT: (
        r"(click|tap) here (to|for) .{0,80}",
        r"(subscribe|sign up|signup|log ?in|sign in)\b( now| here| today| free)?( (to|for|with)\b.{0,120})?",
        r"register( now| here| today| free| for (free|an account|our)\b.{0,80})",
        r"(get|receive) .{0,60}(newsletter|in your inbox|delivered|straight to your|notifications|alerts)\b.{0,60}",
        r"(download|get|install) (the|our) .{0,30}\bapp\b.{0,80}",
        r"follow (us|me|@\w+)\b.{0,80}|follow .{1,60} on (twitter|facebook|x|instagram|telegram|whatsapp|youtube|google news)\b.{0,40}",
        r"(join|like) us on .{0,60}",
        r"(continue|keep|finish) reading\b.{0,120}",
        r"(read|view|see) (the )?(full|more|original|rest of|whole|entire)\b.{0,60}(article|story|post|here|coverage|comments|topic|thread|discussion)\b.{0,30}",
        r"(leave|post|add|write) a (comment|reply)\b.{0,60}",
        r"(view|show|load|see|read) (all |\d+ |the )?comments?\b.{0,30}",
        r"support (our|independent|quality) (journalism|reporting|work).{0,120}",
        r"thank you for (reading|subscribing|signing up).{0,80}",
        r"(want|looking for) more .{0,60}\?.{0,60}",
        r"newsletters?|(s'abonner|abonnez-vous|jetzt abonnieren|suscríbete|assine|iscriviti|abone ol|подписаться)\b.{0,60}",
    ),
    ADVERTISEMENT: (
        r"advertisement|advertising|sponsored|promoted|ad|scroll to continue.{0,60}|article continues (below|after).{0,60}",
        r"story continues below.{0,40}|this (article|story) continues.{0,40}|skip (to|past|ad|advert).{0,60}",
    ),
    LEGAL_LINE: (
        r"(please )?enable (javascript|cookies).{0,80}|your browser does not support.{0,80}",
        r"we use cookies( (?:to|and|on|for|in order|that|so)\b.{0,200}|[.,;:].{0,200})?|accept (all )?cookies( (?:and|to|or)\b.{0,40})?|cookie (policy|settings|preferences)",
        r"(terms of (use|service)|privacy (policy|notice))( (and|&) .{0,40})?|all rights reserved\.?",
        r"(©|\(c\)|copyright)\s.{0,120}",
    ),
    SHARE_BAR: (
        r"(share|print|email|save|bookmark) (this|the) (article|story|page|post)?\b.{0,40}",
        r"\A(?=.*[^\W\d])(facebook|twitter|whatsapp|linkedin|email|pinterest|reddit|telegram|instagram|messenger|x|print|share|"
        r"tweet|pocket|flipboard|save|teilen|partager|compartir|compartilhar|condividi|paylaş|поделиться|comments?|"
        r"pin it|digg|more|viber|skype|line|vk|mail|tumblr|youtube|google\+|copy|link|url|\+|\||,|/|\s|\d)++",  # possessive: each word can be read in one way, and is read once; \A: `.*` runs once
    ),
}
PROMPT_REASONS: dict[re.Pattern[str], str] = {
    re.compile(source, re.IGNORECASE): reason for reason, sources in _SOURCES.items() for source in sources
}
PROMPTS = tuple(PROMPT_REASONS)
