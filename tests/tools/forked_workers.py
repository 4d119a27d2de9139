"""Parallel workers (pytest-xdist) as forks of one process that has imported all tests.

The import of all test modules takes 6 s of CPU time. pytest-xdist starts an interpreter for each worker, and each of
these imports them. Here a template imports them once. execnet starts `forked_worker_client.py` instead of an
interpreter. The client passes its standard files to the template, which forks a worker with them.

    controller ──execnet: starts──▶ client ──standard files──▶ template ──fork──▶ worker
               ◀───────────────execnet, over the standard files of the client───────┘
"""

import atexit
import gc
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import pytest

from streams.valkey.server import die_with_parent
from tests.support.fork_server import ROOT, STANDARD_FILES, reap

CLIENT = Path(__file__).with_name("forked_worker_client.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Start the template, and let each worker of *specs* start as its fork.

    Imports of the template would escape the coverage, so the workers of such a session are interpreters.
    """
    if config.getoption("cov_source", None) or any(not spec.popen or spec.python for spec in specs):
        return
    address = start_template(config)
    for spec in specs:
        spec.python = shlex.join([sys.executable, "-S", str(CLIENT), address])


def start_template(config: pytest.Config) -> str:
    """Start a template of the tests in the arguments of *config*; return its address. It ends with the session."""
    folder = TemporaryDirectory(prefix="copydesk-tests-")
    address = str(Path(folder.name) / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {__name__} import main; main()",
             str(listener.fileno()), *config.args],
            cwd=config.invocation_params.dir, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        )  # fmt: skip

    def stop() -> None:
        if process.stdin:
            process.stdin.close()
        process.wait()
        folder.cleanup()

    config.add_cleanup(stop)
    return address


# -- in the template ------------------------------------------------------------------------------------------


def main() -> None:
    """Collect the tests of the arguments, and fork a worker for each client. A worker reports errors of the collection."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    arguments = ["--collect-only", "-qq", *sys.argv[2:]]
    sys.argv[:] = ["-c"]  # as in a worker that execnet starts
    pytest.main(arguments)
    sys.stdout.flush()
    gc.collect()
    gc.freeze()  # a collection in a worker would copy the memory of the template
    gc.disable()  # until the worker has collected the tests: see tests/conftest.py
    serve(listener)


def serve(listener: socket.socket) -> None:
    """Fork a worker for each client until the session closes the standard input."""
    signal.signal(signal.SIGCHLD, reap)
    while sys.stdin not in (ready := select.select([listener, sys.stdin], (), ())[0]):
        if listener in ready:
            connection, _ = listener.accept()
            _, files, _, _ = socket.recv_fds(connection, 1, STANDARD_FILES)
            if not fork():
                listener.close()
                work(files)
            for file in (connection.detach(), *files):
                os.close(file)


def fork() -> int:
    """Fork; Python 3.12 warns of threads. Those of numpy's BLAS end before a fork and start again when needed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def work(files: Sequence[int]) -> NoReturn:
    """Serve execnet on *files* as `python -c` does, and end. The client ends with the connection, which stays open."""
    die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    try:
        exec(eval(sys.stdin.readline()), {"__name__": "__main__"})
        threading._shutdown()  # type: ignore[attr-defined]  # private: waits for threads, as the interpreter does
        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001 - as the interpreter does
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(0)  # the interpreter would free each test module
