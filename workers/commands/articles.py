"""Commands for published articles."""

from typing import Any

import click

from streams.config.settings import Settings
from streams.exit_codes import ExitCode
from workers.commands.base import Group, run_with_running_broker
from workers.commands.terminal import print_text


@click.group("articles", cls=Group)
def articles() -> None:
    """Act on published articles."""


@articles.command("withdraw", example="copydesk articles withdraw c9d23c92a8063655a497 --reason mistake")
@click.argument("article_id", metavar="ID")
@click.option("--reason", default="withdrawn by the operator", show_default=True, help="reason, shown to subscribers")
def withdraw(settings: Settings, article_id: str, reason: str) -> ExitCode:
    """Withdraw an article.

    Its next revision has no body and the reason in `withdrawn`. Subscribers, sinks and routes receive it.
    """

    async def act(broker: Any) -> str:
        from workers.intake.withdraw import withdraw as publish_withdrawal

        return (await publish_withdrawal(broker, article_id, reason)).title

    title = run_with_running_broker(settings, act)
    print_text(f"withdrawal sent: {article_id} ({title})")
    return ExitCode.OK


COMMANDS = (articles,)
