"""The public API of copydesk; `python -m copydesk` runs the command line.

from copydesk import subscribe

async for article in subscribe("articles", group="my-app"):
    print(article.title)
"""

import streams
from streams import *  # noqa: F403 - `streams.__all__` is the list of public names
from streams.version import version
from workers.intake.publisher import ItemPublisher, publish_item, publish_item_sync

__version__ = version()

__all__ = ["ItemPublisher", "__version__", "publish_item", "publish_item_sync"]
__all__ += streams.__all__

if __name__ == "__main__":
    import sys

    from workers.cli import main

    sys.exit(main())
