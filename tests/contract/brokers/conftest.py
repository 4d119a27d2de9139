"""Kafka clusters of one node, in both versions."""

import pytest

from tests.conftest import Clusters
from tests.support.kafka import BEFORE, CURRENT, Cluster


@pytest.fixture(params=[CURRENT, BEFORE])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def one(clusters: Clusters, version: str) -> Cluster:
    """A cluster of one node."""
    return clusters.get(version)
