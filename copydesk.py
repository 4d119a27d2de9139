"""The public API of copydesk; `python -m copydesk` runs the command line.

from copydesk import subscribe

async for article in subscribe("articles", group="my-app"):
    print(article.title)
"""

from streams import (
    Article,
    CopydeskError,
    DeadLetter,
    Image,
    Item,
    PollResult,
    RemovedBlock,
    Settings,
    SettingsError,
    Subscription,
    UnavailableError,
    UnreadableError,
    decode,
    encode,
    load_settings,
    schema,
    subscribe,
    subscribe_sync,
)
from streams.version import version

__version__ = version()

__all__ = [
    "Article",
    "CopydeskError",
    "DeadLetter",
    "Image",
    "Item",
    "PollResult",
    "RemovedBlock",
    "Settings",
    "SettingsError",
    "Subscription",
    "UnavailableError",
    "UnreadableError",
    "__version__",
    "decode",
    "encode",
    "load_settings",
    "schema",
    "subscribe",
    "subscribe_sync",
]

if __name__ == "__main__":
    import sys

    from workers.cli import main

    sys.exit(main())
