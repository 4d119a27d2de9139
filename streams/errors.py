"""All errors of copydesk, classified by the caller's reaction.

    CopydeskError
    ├── UnreadableError    permanent: bad input              → dead letter
    ├── UnavailableError   temporary: a service or disk      → retry with backoff
    └── SettingsError      a person must change something    → refuse to start

Any other exception is a bug.
"""


class CopydeskError(Exception):
    """Base class of copydesk's errors.

    `code` is a short identifier of the failure for programs; the text is for people.
    """

    def __init__(self, *args: object, code: str = "") -> None:
        super().__init__(*args)
        self.code = code


class UnreadableError(CopydeskError):
    """Input is invalid; a retry cannot succeed."""


class UnavailableError(CopydeskError):
    """An external part (broker, feed server, disk) failed for now; a retry may succeed."""


class SettingsError(CopydeskError):
    """A setting, port or data directory prevents the start."""


def missing_package(packages: str, part: str, extra: str) -> SettingsError:
    """Return the error for the absent *packages* of *extra*, which *part* of copydesk needs."""
    return SettingsError(f'missing package: {packages} ({part}); run `pip install "copydesk[{extra}]"`')
