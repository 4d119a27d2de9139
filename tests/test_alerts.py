"""Alert rules: each fires for its condition, and none for a healthy copydesk. promtool evaluates them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

RULES = ROOT / "examples" / "prometheus" / "copydesk.rules.yml"
MINUTES = 150
HEALTHY = {
    'up{job="copydesk"}': "1+0x150",
    "copydesk_counters_consistent": "1+0x150",
    "copydesk_desk_lag_items": "0+0x150",
    'copydesk_items_received_total{stage="desk"}': "0+60x150",
    'copydesk_heartbeat_age_seconds{worker="desk-1"}': "2+0x150",
    'copydesk_items_total{stage="desk",outcome="failed"}': "0+0x150",
    'copydesk_feeds{health="failing"}': "2+0x150",
    'copydesk_feeds{health="ok"}': "98+0x150",
    "copydesk_broker_memory_ratio": "0.4+0x150",
    'copydesk_article_latency_seconds_bucket{le="1"}': "0+60x150",
    'copydesk_article_latency_seconds_bucket{le="60"}': "0+60x150",
    'copydesk_article_latency_seconds_bucket{le="+Inf"}': "0+60x150",
    "copydesk_last_poll_timestamp_seconds": "1+60x150",
    "copydesk_dead_letters_pending": "0+0x150",
    "copydesk_items_over_budget": "0+0x150",
    "copydesk_template_changes_total": "0+0x150",
    'copydesk_sink_failing_seconds{sink="newsroom"}': "0+0x150",
    'copydesk_sink_rejected_total{sink="newsroom"}': "0+0x150",
    'copydesk_sink_lag_items{sink="newsroom"}': "0+0x150",
    'copydesk_group_lag_messages{group="mail"}': "0+0x150",
    'copydesk_group_lag_messages{group="copydesk.desk"}': "0+0x150",
}
# Changes of the healthy series that make each alert fire.
CONDITIONS: dict[str, dict[str, str]] = {
    "CopydeskDown": {'up{job="copydesk"}': "0+0x150"},
    "CopydeskCountersInconsistent": {"copydesk_counters_consistent": "0+0x150"},
    "CopydeskDeskBehind": {"copydesk_desk_lag_items": "2000+0x150"},
    "CopydeskDeskStalled": {
        "copydesk_desk_lag_items": "5+0x150", 'copydesk_items_received_total{stage="desk"}': "60+0x150",
    },
    "CopydeskWorkerSilent": {'copydesk_heartbeat_age_seconds{worker="desk-1"}': "13+60x150"},
    "CopydeskDeadLetters": {'copydesk_items_total{stage="desk",outcome="failed"}': "0+1x150"},
    "CopydeskDeadLettersPending": {"copydesk_dead_letters_pending": "3+0x150"},
    "CopydeskFeedsFailing": {'copydesk_feeds{health="failing"}': "50+0x150"},
    "CopydeskTemplateChanged": {"copydesk_template_changes_total": "0+1x150"},
    "CopydeskMemoryFull": {"copydesk_broker_memory_ratio": "0.9+0x150"},
    "CopydeskSlow": {'copydesk_article_latency_seconds_bucket{le="1"}': "0+0x150"},
    "CopydeskPollsStopped": {"copydesk_last_poll_timestamp_seconds": "1+0x150"},
    "CopydeskSinkFailing": {'copydesk_sink_failing_seconds{sink="newsroom"}': "0+60x150"},
    "CopydeskSinkRejects": {'copydesk_sink_rejected_total{sink="newsroom"}': "0+1x150"},
    "CopydeskSinkBehind": {'copydesk_sink_lag_items{sink="newsroom"}': "5000+0x150"},
    "CopydeskGroupBehind": {'copydesk_group_lag_messages{group="mail"}': "90000+0x150"},
    "CopydeskFeedOverBudget": {"copydesk_items_over_budget": "7+0x150"},
}  # fmt: skip


def alerts() -> set[str]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"]}


def promtool(tmp_path: Path, tests: list[dict[str, Any]]) -> str:
    """Run the unit tests *tests* of the rules; return the report of failures."""
    if shutil.which("promtool") is None:
        pytest.skip("no promtool on this machine (Debian package prometheus)")
    path = tmp_path / "alerts.test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def case(name: str, changes: dict[str, str], expr: str, firing: int) -> dict[str, Any]:
    samples = [{"labels": "{}", "value": firing}] if firing else []
    series = [{"series": series, "values": values} for series, values in (HEALTHY | changes).items()]
    query = {"expr": expr, "eval_time": f"{MINUTES}m", "exp_samples": samples}
    return {"name": name, "interval": "1m", "input_series": series, "promql_expr_test": [query]}


def test_each_alert_fires_for_its_condition(tmp_path: Path) -> None:
    assert alerts() == set(CONDITIONS)
    tests = [
        case(name, changes, f'count(ALERTS{{alertname="{name}",alertstate="firing"}})', 1)
        for name, changes in CONDITIONS.items()
    ]
    assert promtool(tmp_path, tests) == ""


def test_no_alert_fires_for_healthy_series(tmp_path: Path) -> None:
    assert promtool(tmp_path, [case("healthy", {}, 'count(ALERTS{alertstate="firing"})', 0)]) == ""


def test_alert_test_detects_a_missing_alert(tmp_path: Path) -> None:
    assert "got:" in promtool(tmp_path, [case("healthy", {}, 'count(ALERTS{alertstate="firing"})', 1)])
