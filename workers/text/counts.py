"""Counts for people. Pure."""


def format_count(number: int, noun: str) -> str:
    """Return *number* with *noun*, which is singular, in the form that fits.

    >>> format_count(1, "poll"), format_count(1200, "poll"), format_count(0, "entry")
    ('1 poll', '1,200 polls', '0 entries')
    """
    if number != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun}"
