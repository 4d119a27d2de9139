"""The command that serves articles to language models."""

import asyncio

import click

from streams.config.settings import Settings
from streams.errors import missing_package
from streams.exit_codes import ExitCode
from workers.commands.base import Command


@click.command("mcp", cls=Command, example="copydesk mcp --data-dir /var/lib/copydesk")
def mcp(settings: Settings) -> ExitCode:
    """Serve articles to a language model over standard input and output (Model Context Protocol).

    The client starts this command. Its tools search, read, list and compare articles; its resources are topics.
    Needs the extra `mcp`: pip install "copydesk[mcp]".
    """
    try:
        from workers.mcp.server import serve
    except ImportError as exc:
        raise missing_package(exc.name or "mcp", "MCP server", "mcp") from exc
    asyncio.run(serve(settings))
    return ExitCode.OK


COMMANDS = (mcp,)
