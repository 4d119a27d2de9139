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
# An imperative needs an object of the site, or no object: "Log in to your router" is a step of an instruction.
# Words of such objects after "to", "for" and "with", and names of publishers in capitals.
_OBJECTS = (
    r"newsletters?|e-?mails?|updates?|alerts?|notifications?|news|headlines|our|us|rss|youtube|whatsapp|telegram|podcasts?|channel|blog|feed|magazine|digest|briefing|bulletin|stories|articles|"
    r"premium|free trial|account|unlimited|subscriptions?|membership|substack|patreon|continue reading|keep reading|read (?:the|this|more|on|full)|the (?:show|mailing list|list|paper|site)|(?:this|my|your) (?:blog|site|show|list|topic|thread|inbox)"
)
_LOG_IN_PURPOSES = (
    r"to (?:continue|read|comment|reply|vote|like|post a comment|leave a comment|view this|save this|manage your|join the (?:discussion|conversation)|unlock|subscribe|follow)\b.{0,80}|"
    r"with (?:facebook|google|apple|twitter|x|e-?mail|linkedin|whatsapp)\b.{0,40}|to (?:your|our|my) (?:account|site|e-?paper|subscription)\b.{0,20}"
)
_NAME = r"(?-i:[A-Z0-9][\w'’&.-]{0,30})"
_YEAR = r"(?:19|20)\d\d\b"
_SOURCES = {
    READER_PROMPT: (
        r"(click|tap) here (to|for) .{0,80}",
        rf"(subscribe|sign up|signup)\b( now| here| today| free)?( (?=.{{0,120}}\b(?:{_OBJECTS})\b)(to|for|with)\b.{{0,120}}| (to|for) (the )?{_NAME}( .{{0,80}})?)?",
        rf"(log ?in|sign in)( now| here| today| free)?( or (register|sign up|subscribe|join)\b.{{0,80}})?( (?:{_LOG_IN_PURPOSES}))?",
        r"register( now| here| today| free| for (free|an account|our)\b.{0,80})",
        r"(get|receive) .{0,60}(newsletter|in your inbox|straight to your|notifications|alerts|delivered (?:\w{1,12} ){0,4}(?:inbox|mailbox|e-?mail)|(?:news|stories|headlines|updates|posts|articles|edition|issue) .{0,30}delivered)\b.{0,60}",
        r"(download|get|install) our .{0,30}\bapp\b.{0,80}|(download|get) the .{0,30}\bapp( now| today| here| to (?:read|get|follow)\b.{0,60}| for (?:free|ios|android|iphone|more)\b.{0,40}| (?:on|from|in) (?:the )?(?:app|google|play|apple|ios|android)\b.{0,60})?",
        r"follow (us|me|@\w{1,40})(?:\s?[:@(|–—-].{0,80}|,? (?:@|#|(?:on|at|via|here|everywhere|elsewhere)\b|for (?:more|the latest|updates|news|daily)\b|to (?:get|stay|keep|see|receive)\b|and\b).{0,80})?|follow .{1,60} on (twitter|facebook|x|instagram|telegram|whatsapp|youtube|google news)\b.{0,40}",
        r"(join|like) us on (?!(?:mon|tues|wednes|thurs|fri|satur|sun)day|\d|(?:the|a|an|this|that|new|christmas|easter)\b|(?:jan|feb|mar|apr|may|june|july|aug|sep|oct|nov|dec)).{0,60}",
        r"continue reading\b(?! (?:aloud|until|every|books?|to (?:your|him|her|them|the))\b).{0,120}|(keep|finish) reading( (?:this|the (?:full|rest|whole|article|story|post)|below|here|on|at|more|for free|with (?:a|your))\b.{0,80}|\s?[:…→»(].{0,60})?",
        r"(read|view|see) (the )?(full|more|original|rest of|whole|entire)\b.{0,60}(article|story|post|here|coverage|comments|topic|thread|discussion)\b.{0,30}",
        r"(leave|post|add|write) a (comment|reply)( (?:below|here|on this (?:article|post|story|page|entry|topic)|to (?:this|the (?:article|post|discussion)|join|be|enter|share|win)|and|or|now|using|via|in the (?:comments?|box)|cancel|about this|if|telling|letting|with your)\b.{0,60}|\s?[:|(…→»,].{0,60})?",
        r"(view|show|load|see|read) (all |\d+ |the )?comments?\b.{0,30}",
        r"support (our|independent|quality) (journalism|reporting|work).{0,120}",
        r"thank you for (reading|subscribing|signing up).{0,80}",
        r"(want|looking for) more .{0,60}\?.{0,60}",
        r"newsletters?|(s'abonner|abonnez-vous|jetzt abonnieren|suscríbete|assine|iscriviti|abone ol|подписаться)\b.{0,60}",
    ),
    ADVERTISEMENT: (
        r"advertisement|advertising|sponsored|promoted|ad|scroll to continue.{0,60}|article continues (below|after).{0,60}",
        r"story continues below.{0,40}|this (article|story) continues( (?:below|after|beneath|on|in|next)\b.{0,40}|\s?[:…→»].{0,40})?|"
        r"skip (?:to (?:the )?(?:main|primary|content|navigation|nav|menu|footer|search|results|comments|sidebar|article)\b|past (?:newsletter|advert|ad|promotion|main)\b|ad|advert|advertisement).{0,60}",
    ),
    LEGAL_LINE: (
        r"(please )?enable (javascript|cookies).{0,80}|your browser does not support.{0,80}",
        r"we use cookies( (?:to|and|on|for|in order|that|so)\b.{0,200}|[.,;:].{0,200})?|accept (all )?cookies( (?:and|to|or)\b.{0,40})?|cookie (policy|settings|preferences)",
        r"(terms of (use|service)|privacy (policy|notice))( (and|&) .{0,40})?|all rights reserved\.?",
        # "(c)" also numbers the items of a law, and articles report on copyright: a year or a name follows.
        rf"©\s.{{0,120}}|(\(c\)|copyright)\s(?:(?:©|\(c\)) ?|by )?{_YEAR}.{{0,110}}|copyright ©.{{0,110}}|copyright \(c\).{{0,110}}|copyright (?:notice|policy|information)",
        rf"(\(c\)|copyright)(?: by| of| the)?(?: {_NAME}| and| of| the| &){{1,8}}(?:,? {_YEAR}.{{0,80}}|[,.] all rights.{{0,60}})?|\(c\) (?:dpa|afp|ap)\b.{{0,40}}",
    ),
    SHARE_BAR: (
        r"(share|print|email|save|bookmark) (this (article|story|page|post|entry|episode|recipe|video|item|news|link|content|podcast)\b.{0,40}|this( (?:on|via|with)\b.{0,40})?|the (article|story|post)( (?:on|via|by|with)\b.{0,40})?)",
        r"\A(?=.*[^\W\d])(?!(?:line|x|more|copy|link|print|save|mail|email) \d{1,4}\Z)(facebook|twitter|whatsapp|linkedin|email|pinterest|reddit|telegram|instagram|messenger|x|print|share|"
        r"tweet|pocket|flipboard|save|teilen|partager|compartir|compartilhar|condividi|paylaş|поделиться|comments?|"
        r"pin it|digg|more|viber|skype|line|vk|mail|tumblr|youtube|google\+|copy|link|url|\+|\||,|/|\s|\d)++",  # possessive: each word can be read in one way, and is read once; \A: `.*` runs once
    ),
}
PROMPT_REASONS: dict[re.Pattern[str], str] = {
    re.compile(source, re.IGNORECASE): reason for reason, sources in _SOURCES.items() for source in sources
}
PROMPTS = tuple(PROMPT_REASONS)
