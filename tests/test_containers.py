"""Dockerfile and docker-compose.yml: as data, and each service under the file system that they declare."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streams.config.settings import load_settings
from streams.valkey.server import find_server_binary
from tests.conftest import DEADLINE_S, ROOT, until
from tests.support.compose import COMPOSE, SERVICES, SINK, mounts
from tests.support.kafka import CURRENT
from tests.support.ports import free_port
from tests.support.tcp_valkey import tcp_valkey

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").rpartition("\nFROM ")[2]  # the last stage
WORKDIR = re.findall(r"^WORKDIR (.+)$", DOCKERFILE, re.MULTILINE)[-1]
IMAGE_ENV = dict(re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV ((?:.+\\\n)*.+)$", DOCKERFILE, re.MULTILINE))))
UID = int(re.findall(r"useradd .*--uid (\d+)", DOCKERFILE)[0])
DATA_DIR = IMAGE_ENV["COPYDESK_DATA_DIR"]


def default_image(name: str) -> str:
    """Return the image of a service without the environment."""
    return re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", COMPOSE["services"][name]["image"])


def owned_folders() -> set[str]:
    """Return the folders that the image makes for its user: a named volume takes its owner from there."""
    return set(re.findall(r"install -d [^&]*-o copydesk [^&]*?(/\S+)", DOCKERFILE))


# -- as data --------------------------------------------------------------------------------------------------


def test_compose_has_service_for_each_part() -> None:
    roles = {("poll",), ("desk",), ("web",), ("sink",), ("events",)}
    assert {tuple(s["command"]) for s in SERVICES.values()} == roles


def test_compose_builds_events_with_its_extra() -> None:
    assert SERVICES["events"]["build"]["args"]["LOCK"] == "requirements-events.lock"
    assert SERVICES["events"]["image"] != SERVICES["desk"]["image"], "one tag has one content"


@pytest.mark.parametrize("name", SERVICES)
def test_compose_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["depends_on"]) == {"kafka", "redis"}


@pytest.mark.parametrize("name", SERVICES)
def test_compose_service_reads_configuration_file(name: str) -> None:
    [source] = [s for s, target, ro in mounts(SERVICES[name]) if target == f"{WORKDIR}/copydesk.toml" and ro]
    default = re.sub(r"\$\{COPYDESK_TOML:-([^}]+)\}", r"\1", source)
    assert (ROOT / default).is_file(), "Docker makes a folder of a source that is missing"


@pytest.mark.parametrize("name", ["kafka", "redis"])
def test_compose_broker_is_confined(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["networks"] == ["backend"]
    assert COMPOSE["networks"]["backend"]["internal"] is True
    assert "ports" not in service


def test_compose_state_has_a_password() -> None:
    command = COMPOSE["services"]["redis"]["command"]
    password = command[command.index("--requirepass") + 1]
    assert f"redis://:{password}@redis:6379" == SERVICES["desk"]["environment"]["COPYDESK_STATE_URL"]
    assert COMPOSE["services"]["redis"]["read_only"] is True


def test_compose_runs_the_tested_versions() -> None:
    images = {name: default_image(name).partition(":")[2] for name in ("kafka", "redis")}
    shown = subprocess.run([find_server_binary(), "--version"], capture_output=True, text=True).stdout
    assert f" v={images['redis']} " in shown
    assert images["kafka"] == CURRENT


def test_images_can_be_pinned_by_digest(tmp_path: Path) -> None:
    """The registry is a stub: `skopeo` on the path answers with a digest."""
    stub = tmp_path / "skopeo"
    stub.write_text(f"#!/bin/sh\necho sha256:{'0' * 64}\n")
    stub.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = [ROOT / "examples" / "pin-images.sh"]
    lines = subprocess.run(script, env=environ, capture_output=True, text=True, check=True).stdout.splitlines()
    pinned = dict(line.split("=", 1) for line in lines)
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    defaults = dict(re.findall(r"\$\{(\w+_IMAGE):-([^}]+)\}", text))
    assert pinned == {name: f"{image}@sha256:{'0' * 64}" for name, image in defaults.items()}
    assert set(defaults) == {"PYTHON_IMAGE", "KAFKA_IMAGE", "VALKEY_IMAGE"}
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert f"ARG PYTHON_IMAGE={defaults['PYTHON_IMAGE']}\n" in dockerfile
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    stub.write_text("#!/bin/sh\nexit 1\n")
    assert subprocess.run(script, env=environ, capture_output=True).returncode != 0


def test_image_runs_everything_by_default() -> None:
    assert 'CMD ["up"]' in DOCKERFILE
    assert "EXPOSE 8411" in DOCKERFILE
    assert IMAGE_ENV["COPYDESK_WEB_HOST"] == "0.0.0.0"  # a published port reaches no loopback address of a container


def test_compose_named_volumes_are_declared() -> None:
    for name, service in COMPOSE["services"].items():
        named = {source for source, _, _ in mounts(service) if source[0] not in "./$"}
        assert named <= set(COMPOSE["volumes"]), name


def test_image_user_owns_its_data_directory() -> None:
    assert DATA_DIR in owned_folders()
    assert re.search(r"^USER copydesk$", DOCKERFILE, re.MULTILINE)
    for service in SERVICES.values():
        assert {target for _, target, ro in mounts(service) if not ro} <= owned_folders()


def test_example_configuration_is_valid_when_uncommented(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "copydesk.toml").read_text("utf-8")
    path = tmp_path / "copydesk.toml"
    path.write_text(re.sub(r"^# (?=\w+ = |\[\[)", "", text, flags=re.MULTILINE))
    settings = load_settings(environ={"COPYDESK_CONFIG": str(path)})
    assert settings.routes and settings.sinks and settings.poll_interval_s == 300


# -- run ------------------------------------------------------------------------------------------------------


PREPARE = r"""
set -eu
mount -t tmpfs tmpfs /media
kept=0
for path in $KEEP; do  # folders that a tmpfs would hide
    case $path in /tmp/*|/var/lib/*) kept=$((kept + 1)); mkdir -p /media/k$kept; mount --rbind "$path" /media/k$kept;; esac
done
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir -p "$WORKDIR"
for mount in $FILES; do touch "${mount#*:}"; mount --bind "${mount%%:*}" "${mount#*:}"; done
for mount in $VOLUMES; do mkdir -p "${mount#*:}"; mount -t tmpfs -o "mode=700,uid=${mount%%:*}" tmpfs "${mount#*:}"; done
for path in $TMPFS; do mount -t tmpfs -o mode=1777 tmpfs "$path"; done
kept=0
for path in $KEEP; do
    case $path in /tmp/*|/var/lib/*) kept=$((kept + 1)); mkdir -p "$path"; mount --rbind /media/k$kept "$path";; esac
done
while read -r _ _ _ _ at _; do
    case " $(for m in $VOLUMES; do echo "${m#*:}"; done | tr '\n' ' ') $TMPFS " in *" $at "*) continue;; esac
    # A parallel test may remove a mount point of its own meanwhile.
    case $at in /proc*|/dev*|/sys*) ;; *) mount -o remount,bind,ro "$at" || [ ! -e "$at" ];; esac
done < /proc/self/mountinfo
cd "$WORKDIR"
exec "$@"
"""
# Reading is let through, for the interpreter and the code may lie in a private folder; writing is not.
USER = [
    "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs",
    "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search", "--bounding-set=-all,+dac_read_search",
]  # fmt: skip


@pytest.fixture(scope="module")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tcp_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(params=["valkey", "kafka"])
def brokers(request: pytest.FixtureRequest, valkey_url: str) -> dict[str, str]:
    if request.param == "valkey":
        return {"COPYDESK_BROKER_URL": valkey_url}
    return {"COPYDESK_BROKER_URL": request.getfixturevalue("kafka_url"), "COPYDESK_STATE_URL": valkey_url}


@contextmanager
def container(
    service: dict[str, Any], brokers: dict[str, str], port: int, tmp_path: Path
) -> Generator["subprocess.Popen[bytes]", None, None]:
    """Run the command of *service* as the image's user, where only what compose declares can be written."""
    for tool in ("unshare", "setpriv"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} on this machine")
    if os.getuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("a mount namespace needs root")
    config = tmp_path / "copydesk.toml"
    config.write_text(SINK)
    volumes = [t for _, t, ro in mounts(service) if not ro]
    environ = {n: str(v) for n, v in service["environment"].items() if not n.endswith("_URL")}
    environ |= {
        **brokers, "COPYDESK_WEB_PORT": str(port), "COPYDESK_DATA_DIR": DATA_DIR, "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "WORKDIR": WORKDIR,
        "KEEP": f"{ROOT} {sys.prefix} {sys.base_prefix}", "TMPFS": " ".join(service.get("tmpfs", ())),
        "FILES": " ".join(f"{config}:{t}" for _, t, ro in mounts(service) if ro),
        "VOLUMES": " ".join(f"{UID if t in owned_folders() else 0}:{t}" for t in volumes),
    }  # fmt: skip
    command = ["unshare", "--mount", "--propagation=private", "bash", "-c", PREPARE, "container"]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [*command, *USER, sys.executable, "-m", "workers.cli", *service["command"]],
            env=environ, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("name", SERVICES)
async def test_service_runs_on_read_only_file_system(name: str, brokers: dict[str, str], tmp_path: Path) -> None:
    port, out = free_port(), tmp_path / "out"

    def ready() -> bool:
        assert process.poll() is None, out.read_text()
        return " ready" in out.read_text() or "page at" in out.read_text()

    with container(SERVICES[name], brokers, port, tmp_path) as process:
        await until(ready, what=f"{name} ready")
        if SERVICES[name].get("ports"):
            with socket.create_connection(("127.0.0.1", port), 10):
                pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0, out.read_text()
    assert not re.search("Traceback|Read-only|Permission denied", out.read_text()), out.read_text()


async def test_default_command_runs_in_one_container(tmp_path: Path) -> None:
    service = {"command": ["up"], "tmpfs": ["/tmp"], "volumes": [f"copydesk:{DATA_DIR}"], "environment": IMAGE_ENV}
    with container(service, {"COPYDESK_DEMO": "off"}, port := free_port(), tmp_path) as process:
        await until(lambda: "copydesk is up" in (tmp_path / "out").read_text(), what="up")
        with socket.create_connection(("127.0.0.1", port), 10):
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (tmp_path / "out").read_text()


def test_service_without_its_volume_is_refused(valkey_url: str, tmp_path: Path) -> None:
    """The tests' confinement works: a folder that compose does not mount is read-only."""
    with container({**SERVICES["web"], "volumes": []}, {"COPYDESK_BROKER_URL": valkey_url}, 0, tmp_path) as process:
        assert process.wait(DEADLINE_S) == 2
    said = (tmp_path / "out").read_text()
    assert f"{DATA_DIR}/web.token" in said
    assert "data_dir" in said
    assert "Traceback" not in said
