"""The command line `copydesk`: assembles the command groups of workers/commands and runs one command.

Data goes to standard output, log events to standard error. Command modules import their parts when they run, so that
`copydesk --help` loads click and the settings only.
"""

import sys
from collections.abc import Sequence

import click

from streams.exit_codes import ExitCode
from streams.version import version
from workers.commands import (
    articles,
    dead_letters,
    feeds,
    intake,
    maintenance,
    mcp,
    offline,
    rules,
    services,
    site,
    status,
    topics,
)
from workers.commands.base import EXIT_CODES_HELP, Group

EXAMPLES = """\
copydesk up                                       run everything here, with a demo while no feeds are registered
copydesk feeds add https://example.org/feed.xml   poll a feed
copydesk tail articles --json                     print new articles, one JSON object per line
copydesk clean story.html --json                  clean one article, without a server
"""


class RootGroup(Group):
    """The root command."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write exit codes and examples."""
        formatter.write(f"\nexit codes: {EXIT_CODES_HELP}\n")
        with formatter.section("Examples"):
            for line in EXAMPLES.splitlines():
                formatter.write(f"  {line}\n")


@click.group(cls=RootGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version(), message="copydesk %(version)s")
def cli() -> None:
    """A streaming news feed processor: polls feeds and publishes clean articles to topics."""


for module in (services, feeds, intake, topics, articles, status, dead_letters, maintenance, offline, rules, mcp, site):
    for command in module.COMMANDS:
        cli.add_command(command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    try:
        return int(cli.main(argv, prog_name="copydesk", standalone_mode=False) or ExitCode.OK)
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
