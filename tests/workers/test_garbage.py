"""Memory of worker processes, in a process of its own, because the options apply to the whole process."""

import subprocess
import sys

import pytest

MAPPED_BLOCKS = """
import ctypes

class Figures(ctypes.Structure):  # mallinfo2(3)
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
if not hasattr(libc, "mallinfo2"):
    raise SystemExit(3)
libc.mallinfo2.restype = Figures
{statement}
freed = bytearray(20 << 20)  # glibc now takes smaller blocks from the heap
del freed
before = libc.mallinfo2().hblks
blocks = [bytearray(1 << 20) for _ in range(8)]
print(libc.mallinfo2().hblks - before)
"""
OPTIONS = "from workers.garbage import return_large_blocks; return_large_blocks()"


@pytest.mark.parametrize(("statement", "mapped"), [("", 0), (OPTIONS, 8)], ids=["default", "options"])
def test_large_blocks_are_returned_after_large_message(statement: str, mapped: int) -> None:
    program = MAPPED_BLOCKS.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("no glibc 2.33 or newer")
    assert done.stdout.strip() == str(mapped), done.stderr
