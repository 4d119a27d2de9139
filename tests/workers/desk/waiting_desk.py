"""A desk whose cleaning processes are slow to start: python -m tests.workers.desk.waiting_desk ARGUMENT..."""

import sys

from workers import cli
from workers.desk.cleaning_pool import CleaningPool

if __name__ == "__main__":
    CleaningPool.__init__.__defaults__ = ("tests.workers.desk.waiting_cleaner:clean",)
    sys.exit(cli.main(["desk", *sys.argv[1:]]))
