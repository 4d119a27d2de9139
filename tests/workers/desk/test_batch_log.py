"""Log events of a batch."""

from typing import Any

import pytest

from streams.brokers.base import ConsumedMessage
from streams.errors import UnreadableError
from workers.desk.batch import BatchBuilder, dead_letter_on_error

MESSAGE = ConsumedMessage("copydesk.items", 3, 17, 0.0, b"a.example/1", b"{}", ())


def logged(error: Exception, caplog: pytest.LogCaptureFixture) -> tuple[dict[str, Any], bool]:
    """Return the fields of the dead letter's log event, and whether it has a traceback."""
    with dead_letter_on_error(MESSAGE, BatchBuilder([MESSAGE], 6.0), "http://a.example/feed"):
        raise error
    [record] = caplog.records
    fields: Any = record.msg
    return fields, record.exc_info is not None


def test_dead_letter_log_has_position_and_error(caplog: pytest.LogCaptureFixture) -> None:
    fields, has_traceback = logged(UnreadableError("not JSON"), caplog)
    assert {name: value for name, value in fields.items() if name != "event"} == {
        "identity_key": "a.example/1", "feed": "http://a.example/feed", "topic": "copydesk.items", "partition": 3,
        "offset": 17, "error_kind": "unreadable", "error": "not JSON",
    }  # fmt: skip
    assert not has_traceback


def test_dead_letter_log_of_bug_has_traceback(caplog: pytest.LogCaptureFixture) -> None:
    fields, has_traceback = logged(KeyError("title"), caplog)
    assert (fields["error_kind"], fields["error"]) == ("bug", "KeyError('title')")
    assert has_traceback
