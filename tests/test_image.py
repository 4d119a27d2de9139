"""The image that the Dockerfile describes: built, and each role run from it as its user, with a read-only root."""

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import DEADLINE_S, until
from tests.support.compose import SERVICES, SINK, mounts
from tests.support.image import LOCK, Builder, Image, container, skip_without_tools
from tests.support.ports import free_port
from tests.support.tcp_valkey import tcp_valkey

pytestmark = pytest.mark.exhaustive  # it takes minutes, and installs Debian packages


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    skip_without_tools()
    builder = Builder(tmp_path_factory.mktemp("image"))
    try:
        builder.make_base()
        yield builder
    finally:
        builder.remove()


@pytest.fixture(scope="module")
def image(builder: Builder) -> Image:
    return builder.build()


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tcp_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


def test_image_has_user_and_data_folder(image: Image) -> None:
    assert image.config["User"] == "copydesk"
    assert image.config["Cmd"] == ["up"]
    data = Path(f"{image.root}{dict(pair.split('=', 1) for pair in image.config['Env'])['COPYDESK_DATA_DIR']}")
    status = data.stat()
    assert (status.st_uid, status.st_mode & 0o777) == (10001, 0o700)
    assert not (image.root / "src").exists()  # the sources stay in the first stage


@pytest.mark.parametrize("name", SERVICES)
async def test_role_runs_as_its_user(name: str, builder: Builder, server_url: str, tmp_path: Path) -> None:
    service, port, out = SERVICES[name], free_port(), tmp_path / "out"
    image = builder.build(service["build"]["args"].get("LOCK", LOCK))
    (tmp_path / "copydesk.toml").write_text(SINK)
    environ = {n: str(v) for n, v in service["environment"].items() if not n.endswith("_URL")}
    environ |= {"COPYDESK_BROKER_URL": server_url, "COPYDESK_WEB_PORT": str(port)}

    def ready() -> bool:
        assert process.poll() is None, out.read_text()
        return " ready" in out.read_text() or "page at" in out.read_text()

    with container(
        image, service["command"], environ, out, tmpfs=service["tmpfs"],
        files=[f"{tmp_path / 'copydesk.toml'}:{target}" for _, target, is_ro in mounts(service) if is_ro],
        volumes=[target for _, target, is_ro in mounts(service) if not is_ro],
    ) as process:  # fmt: skip
        await until(ready, what=f"{name} ready")
        assert _uids(process.pid) == {10001}
        if service.get("ports"):
            with socket.create_connection(("127.0.0.1", port), 10):
                pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0, out.read_text()
    assert not re.search("Traceback|Read-only|Permission denied", out.read_text()), out.read_text()


async def test_default_command_serves_the_page(image: Image, tmp_path: Path) -> None:
    port, out = free_port(), tmp_path / "out"
    data = dict(pair.split("=", 1) for pair in image.config["Env"])["COPYDESK_DATA_DIR"]
    environ = {"COPYDESK_DEMO": "off", "COPYDESK_WEB_PORT": str(port)}
    with container(image, image.config["Cmd"], environ, out, volumes=[data], tmpfs=["/tmp"]) as process:
        await until(lambda: "copydesk is up" in out.read_text(), what="up")
        with socket.create_connection(("127.0.0.1", port), 10):
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, out.read_text()


def test_root_of_a_container_is_read_only(image: Image, server_url: str, tmp_path: Path) -> None:
    """The confinement of these tests works: without its volume, the web server cannot write its token."""
    out = tmp_path / "out"
    with container(image, ["web"], {"COPYDESK_BROKER_URL": server_url}, out, tmpfs=["/tmp"]) as process:
        assert process.wait(DEADLINE_S) == 2, out.read_text()
    assert "web.token" in out.read_text()


def _uids(pid: int) -> set[int]:
    """Return the user ids of *pid* and of its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {Path(f"/proc/{pid}").stat().st_uid, *(uid for child in children for uid in _uids(int(child)))}
