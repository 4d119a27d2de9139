"""Durations for people. Pure."""

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
SECONDS_UP_TO = 100  # longer durations have no seconds


def format_duration(seconds: float) -> str:
    """Return a duration in one or two units.

    >>> format_duration(1822), format_duration(5400), format_duration(90), format_duration(200_000)
    ('30 min', '1 h 30 min', '90 s', '2 d 7 h')
    """
    left = max(0, round(seconds))
    if left < SECONDS_UP_TO:
        return f"{left} s"
    parts: list[str] = []
    for size, name in UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {name}" if count else "")
    return " ".join(filter(None, parts[:2]))
