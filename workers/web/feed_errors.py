"""Explanations of the error codes of polls, in plain words: the cause, and a remedy where there is one."""

EXPLANATIONS = {
    "timeout": "The server did not answer in time.",
    "connection": "The server cannot be reached.",
    "tls": "The connection is not secure: the certificate of the server is invalid.",
    "http_status": "The server refused the request.",
    "gone": "The publisher has removed the feed for good (HTTP 410).",
    "not_a_feed": "The URL returns a page, not a feed. Use discovery to find the feed.",
    "not_a_page": "The URL returns no web page.",
    "too_large": "The document is larger than max_feed_bytes.",
    "too_deep": "The document is nested too deeply.",
    "bad_coding": "The compression of the document is damaged.",
    "bad_feed": "The document is damaged.",
    "truncated": "The connection ended before the document was complete.",
    "bad_url": "The URL is invalid.",
    "bad_http": "The server's response breaks HTTP.",
    "blocked_address": "The server has a private IP address; allowed_private_hosts does not list it.",
    "blocked_scheme": "The URL is neither http nor https.",
    "too_many_redirects": "The server redirects more than five times.",
    "robots": "The robots.txt of the site forbids requests.",
    "over_budget": "The feed has more new items than max_feed_items_per_day; later polls take the rest.",
    "bad_entry": "Some entries of the feed are unreadable; each is a dead letter.",
    "bug": "copydesk failed; its log has the details. Please report it.",
}
STATUSES = {
    401: "The server asks for a password; give it in a [[feeds]] table of copydesk.toml.",
    403: "The server forbids the request.",
    404: "There is no document at this URL any more. Look for a new URL of the feed.",
    410: EXPLANATIONS["gone"],
    429: "The server asks for fewer requests; copydesk polls its feeds more slowly.",
    451: "The server forbids the request for legal reasons.",
}


def explain_error(error_kind: str, status: int) -> str:
    """Return the explanation of a failed poll; "" for an unknown code."""
    if error_kind == "http_status" and status:
        if status >= 500:
            return f"The server has a failure of its own (HTTP {status})."
        return STATUSES.get(status, f"{EXPLANATIONS['http_status'][:-1]} (HTTP {status}).")
    return EXPLANATIONS.get(error_kind, "")
