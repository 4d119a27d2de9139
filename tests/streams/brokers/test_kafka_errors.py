"""Errors of aiokafka: temporary ones are retried, others reach the caller."""

import pytest
from aiokafka import errors

from streams.brokers.kafka.client import map_kafka_errors
from streams.errors import UnavailableError


@pytest.mark.parametrize(
    "error",
    [errors.KafkaTimeoutError, errors.KafkaUnavailableError, errors.KafkaConnectionError, errors.KafkaError, OSError],
)
def test_temporary_error_is_unavailable(error: type[Exception]) -> None:
    with pytest.raises(UnavailableError, match=r"kafka://a\.example:1 "), map_kafka_errors("kafka://a.example:1"):
        raise error("no leader for 40 s")


@pytest.mark.parametrize("error", [errors.ProducerFenced, errors.RecordTooLargeError, errors.AuthenticationFailedError])
def test_lasting_error_is_unchanged(error: type[Exception]) -> None:
    with pytest.raises(error), map_kafka_errors("kafka://a.example:1"):
        raise error
