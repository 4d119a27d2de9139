"""Kafka only: TLS, SASL and client certificates."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streams.brokers import open_broker
from streams.config.settings import Settings
from streams.errors import SettingsError, UnavailableError
from streams.topics import Topic
from tests.conftest import until
from tests.support.kafka import PASSWORD, USER, Cluster, make_client_certificate
from tests.support.stage import lag_is, stage


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_agent_over_tls_with_sasl(settings: Settings, one: Cluster, mechanism: str) -> None:
    secure = secured(settings, one, mechanism)
    async with stage(secure) as s:
        values = await s.fill(50)
        async with s.copying(s.copy):
            await until(lambda: lag_is(s, 0))
        assert sorted(d.value for d in await s.published()) == values


def secured(settings: Settings, cluster: Cluster, mechanism: str, **changes: Any) -> Settings:
    return replace(
        settings, broker_url=cluster.secure_url, state_url=settings.broker_url, kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism=mechanism, kafka_username=USER, kafka_password=PASSWORD, kafka_ca_file=str(cluster.ca_file),
    ) if not changes else replace(secured(settings, cluster, mechanism), **changes)  # fmt: skip


async def test_create_topics_wrong_credentials_raise_settings_error(
    settings: Settings, one: Cluster, tmp_path: Path
) -> None:
    async def declare(at: Settings) -> None:
        broker = open_broker(at)
        try:
            await broker.create_topics([Topic("never", 3600)])
        finally:
            await broker.close()

    with pytest.raises(SettingsError, match=r"(?i)authentication"):
        await declare(secured(settings, one, "SCRAM-SHA-512", kafka_password="wrong"))
    with pytest.raises(SettingsError, match=r"(?i)certificate"):
        await declare(secured(settings, one, "SCRAM-SHA-512", kafka_ca_file=""))
    with pytest.raises(SettingsError, match="kafka_ca_file"):
        await declare(secured(settings, one, "PLAIN", kafka_ca_file=str(tmp_path / "none.pem")))


def with_client_certificate(settings: Settings, cluster: Cluster, folder: Path, name: str) -> Settings:
    return replace(
        settings, broker_url=cluster.mutual_url, state_url=settings.broker_url, kafka_security_protocol="SSL",
        kafka_ca_file=str(cluster.ca_file), kafka_cert_file=str(folder / f"{name}.pem"),
        kafka_key_file=str(folder / f"{name}.key"),
    )  # fmt: skip


async def test_agent_over_tls_with_client_certificate(settings: Settings, one: Cluster) -> None:
    async with stage(with_client_certificate(settings, one, one.folder, "client")) as s:
        values = await s.fill(50)
        async with s.copying(s.copy):
            await until(lambda: lag_is(s, 0))
        assert sorted(d.value for d in await s.published()) == values


@pytest.mark.parametrize("certificate", ["none", "stranger"])
async def test_client_without_valid_certificate_is_refused(
    settings: Settings, one: Cluster, tmp_path: Path, certificate: str
) -> None:
    make_client_certificate(tmp_path, "other-ca", "stranger")
    secure = with_client_certificate(settings, one, tmp_path, "stranger")
    if certificate == "none":
        secure = replace(secure, kafka_cert_file="", kafka_key_file="")

    broker = open_broker(secure)
    try:
        with pytest.raises((SettingsError, UnavailableError)):
            await broker.create_topics([Topic("never", 3600)])
    finally:
        await broker.close()
