"""All of copydesk's errors, sorted by what the caller must do about them.

    CopydeskError
    ├── UnreadableError    this input will never be readable   → dead letter
    ├── UnavailableError   it may work later                    → retry with backoff
    └── SettingsError      a person has to change something     → refuse to start

Anything else that is raised is a bug.
"""


class CopydeskError(Exception):
    """Base of the family; catch it where every kind means the same.

    `kind` is the short name of what is wrong, for programs; the text is for people.
    """

    def __init__(self, *args: object, code: str = "") -> None:
        super().__init__(*args)
        self.code = code


class UnreadableError(CopydeskError):
    """Input that can't be understood, however often it is tried."""


class UnavailableError(CopydeskError):
    """Something outside (broker, feed server, disk) that doesn't answer now."""


class SettingsError(CopydeskError):
    """A setting, a port or a data directory that copydesk can't start with."""
