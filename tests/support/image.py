"""The image of the Dockerfile, built by buildah on a base that debootstrap makes, and its containers.

A container is a mount namespace with the image as its root, read-only but for the service's volumes and tmpfs.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import ROOT

RELEASE = "bookworm"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")  # with those that this machine trusts
BASE, IMAGE = "localhost/python-base", "localhost/copydesk"
LOCK = "requirements.lock"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TOOLS = ("buildah", "debootstrap", "unshare", "setpriv", "chroot")

START = r"""
set -eu
mount --rbind "$IMAGE_ROOT" "$IMAGE_ROOT"
for at in proc dev; do mount --rbind /$at "$IMAGE_ROOT/$at"; done
for file in $FILES; do touch "$IMAGE_ROOT${file#*:}"; mount --bind "${file%%:*}" "$IMAGE_ROOT${file#*:}"; done
mount -o remount,bind,ro "$IMAGE_ROOT"
for path in $VOLUMES; do  # a volume takes owner and mode of the folder that it covers
    mount -t tmpfs -o "$(stat -c 'mode=%a,uid=%u,gid=%g' "$IMAGE_ROOT$path")" tmpfs "$IMAGE_ROOT$path"
done
for path in $TMPFS; do mount -t tmpfs -o mode=1777 tmpfs "$IMAGE_ROOT$path"; done
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \
    chroot --userspec="$USERSPEC" "$IMAGE_ROOT" /usr/bin/env -i --chdir="$WORKDIR" "$@"
"""


class Image(NamedTuple):
    """A built image. *root*: its files. *config*: of the OCI image."""

    root: Path
    config: Mapping[str, Any]


def skip_without_tools() -> None:
    """Skip the test where the image cannot be built or run."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not on this machine: {', '.join(missing)}")
    if os.getuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("a mount namespace needs root")


class Builder:
    """buildah with its storage in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        places = [f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}", f"--registries-conf={folder / 'none'}"]
        (folder / "none").write_text("")
        self._images: dict[str, Image] = {}
        self._command = ["buildah", "--storage-driver=vfs", *places]

    def run(self, *arguments: str) -> str:
        """Return the output of a command of buildah. Fails with its messages."""
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, f"buildah {' '.join(arguments)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout.strip()

    def make_base(self) -> None:
        """Make the base image: Debian with Python, as the Dockerfile expects it."""
        rootfs = self.folder / "rootfs"
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE, str(rootfs)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:]
        (rootfs / "usr/bin/python").symlink_to("python3")
        shutil.copy(CERTIFICATES, rootfs / CERTIFICATES.relative_to("/"))
        container = self.run("from", "scratch")
        self.run("add", "-q", container, str(rootfs), "/")
        self.run("config", "--env", f"PATH={PATH}", "--env", f"PIP_CERT={CERTIFICATES}", container)
        self.run("commit", "-q", "--rm", container, BASE)
        shutil.rmtree(rootfs)

    def remove(self) -> None:
        """Remove the storage, which takes 2 GB."""
        self.run("umount", "--all")
        shutil.rmtree(self.folder)

    def build(self, lock: str = LOCK) -> Image:
        """Build the Dockerfile with the packages of *lock*, once."""
        if lock not in self._images:
            tag = f"{IMAGE}:{lock}"
            arguments = [f"--build-arg=PYTHON_IMAGE={BASE}", f"--build-arg=LOCK={lock}"]
            self.run("build", "--isolation=chroot", *arguments, "-t", tag, str(ROOT))
            config = json.loads(self.run("inspect", "--type=image", tag))["OCIv1"]["config"]
            self._images[lock] = Image(Path(self.run("mount", self.run("from", "--pull-never", tag))), config)
        return self._images[lock]


@contextmanager
def container(
    image: Image,
    command: Sequence[str],
    environ: Mapping[str, str],
    out: Path,
    *,
    files: Sequence[str] = (),
    volumes: Sequence[str] = (),
    tmpfs: Sequence[str] = (),
) -> Generator["subprocess.Popen[bytes]", None, None]:
    """Run *command* of the image's entrypoint as its user. *files*: `source:target`, read-only."""
    config = image.config
    user = next(
        line for line in (image.root / "etc/passwd").read_text().splitlines() if line.startswith(config["User"])
    )
    _, _, uid, gid, *_ = user.split(":")
    outer = {
        "PATH": os.environ["PATH"], "IMAGE_ROOT": str(image.root), "WORKDIR": config["WorkingDir"],
        "USERSPEC": f"{uid}:{gid}", "FILES": " ".join(files), "VOLUMES": " ".join(volumes), "TMPFS": " ".join(tmpfs),
    }  # fmt: skip
    inner = [*config["Env"], *(f"{name}={value}" for name, value in environ.items())]
    start = ["unshare", "--mount", "--propagation=private", "bash", "-c", START, "container"]
    with out.open("wb") as file:
        process = subprocess.Popen(
            [*start, *inner, *config["Entrypoint"], *command], env=outer, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
