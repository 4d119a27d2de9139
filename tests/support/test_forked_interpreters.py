"""Modules that commands of the fork server fork are like those that an interpreter runs."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DEADLINE_S, ROOT, until
from tests.support.fork_server import is_running, start_module

CHILD = """
import json, os, signal, sys
state = {
    "argv": sys.argv[2:], "environ": os.environ.get("A"), "cwd": os.getcwd(), "session": os.getsid(0) == os.getpid(),
    "parent": os.getppid() == int(sys.argv[1]), "name": __name__,
    "signals": [str(signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)],
    "text": sys.stdin.buffer.read(5).decode(), "open": len(os.listdir("/proc/self/fd")) - 1,
}
sys.stdout.write(json.dumps(state) + "\\n")
sys.stdout.flush()
sys.exit(int(sys.stdin.buffer.read(1)))
"""
BLOCKING = """
import os, signal, socket, subprocess, sys
ours, theirs = socket.socketpair()
signal.signal(signal.SIGTERM, lambda *_: None)
command = [sys.executable, "-m", "child", str(os.getpid()), "x"]
process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL,
                           env={**os.environ, "A": "b"}, start_new_session=True)
theirs.close()
ours.sendall(b"hello")
print(ours.makefile().readline().strip())
print(process.poll())
ours.sendall(b"7")
print(process.wait(), process.poll())
"""
ASYNC = """
import asyncio, os, sys
async def main():
    command = [sys.executable, "-m", "child", str(os.getpid()), "x"]
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, start_new_session=True)
    process.stdin.write(b"hello")
    print((await process.stdout.readline()).decode().strip())
    print(process.returncode)
    if "kill" in sys.argv:
        process.kill()
    else:
        process.stdin.write(b"7")
    print(await process.wait(), process.returncode)
    process.stdin.close()
    assert await process.stdout.read() == b""
if "uvloop" in sys.argv:
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


def outputs(folder: Path, code: str, *arguments: str) -> list[list[str]]:
    """Return the lines of a program in two commands: one starts its child in an interpreter, one forks it."""
    (folder / "child.py").write_text(CHILD)
    (folder / "program.py").write_text(code)
    environ = {"PYTHONPATH": f"{folder}:{ROOT}", "A": "b"}
    rows = []
    for is_forking in (False, True):
        with (folder / "out").open("w+b") as out:
            command = start_module(
                "program", *arguments, cwd=folder, environ=environ, stdout=out, is_forking=is_forking
            )
            assert command.wait(DEADLINE_S) == 0
        rows.append((folder / "out").read_text().splitlines())
    return rows


@pytest.mark.parametrize(
    ("code", "arguments", "end"),
    [
        (BLOCKING, (), "7 7"), (ASYNC, (), "7 7"), (ASYNC, ("uvloop",), "7 7"), (ASYNC, ("kill",), "-9 -9"),
        (ASYNC, ("kill", "uvloop"), "-9 -9"),
    ],
)  # fmt: skip
def test_forked_module_equals_started_module(code: str, arguments: tuple[str, ...], end: str, tmp_path: Path) -> None:
    if "uvloop" in arguments:
        pytest.importorskip("uvloop")
    started, forked = outputs(tmp_path, code, *arguments)
    assert forked[1:] == started[1:]
    state: dict[str, Any] = json.loads(forked[0])  # a child of uvloop has more open descriptors
    assert state == json.loads(started[0]) | {"open": 3}
    assert state | {"signals": 0} == {
        "argv": ["x"], "environ": "b", "cwd": str(tmp_path), "session": True, "signals": 0,
        "parent": True, "name": "__main__", "text": "hello", "open": 3,
    }  # fmt: skip
    assert forked[1:] == ["None", end]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
async def test_forked_module_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import os, signal, subprocess, sys\n"
        "from streams.valkey.server import die_with_parent\n"
        "process = subprocess.Popen([sys.executable, '-m', 'child'], preexec_fn=lambda: die_with_parent(9))\n"
        "print(process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    (tmp_path / "child.py").write_text("import time; time.sleep(600)")
    (tmp_path / "program.py").write_text(code)
    environ = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with (tmp_path / "out").open("w+b") as out:
        command = start_module("program", cwd=tmp_path, environ=environ, stdout=out, is_forking=True)
        assert command.wait(DEADLINE_S) == -9
    pid = (tmp_path / "out").read_text().strip()
    await until(lambda: not is_running(pid))
