"""Wait until the workers of earlier kernels have gone to sleep."""

import threading
import time
from contextlib import suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")
LOOK_S = 0.0005
"""Between two looks at the threads."""
LOOKS = 2
"""In a row that find all asleep: one look at many threads takes a while itself."""
PAUSE_S = 0.012
"""Over which processor time is counted where threads cannot be looked at: several ticks of the scheduler,
which only then counts what a running thread has used."""


def settle(*, longest_s: float = 0.3) -> None:
    """Wait until no other thread of this process runs any more.

    Workers of BLAS and other pools spin after their last call, on the CPUs that the next kernel needs: those
    of libgomp for 8 ms, of onnxruntime for 38, of OpenBLAS for 104.

    Parameters
    ----------
    longest_s : float
        Waits no longer. [s]
    """
    deadline_s = time.monotonic() + longest_s
    asleep = 0
    while time.monotonic() < deadline_s:
        running = _threads_run()
        if running is None:
            asleep = LOOKS if _nothing_used() else 0
        else:
            asleep = 0 if running else asleep + 1
        if asleep >= LOOKS:
            return
        time.sleep(LOOK_S)


def _threads_run() -> bool | None:
    """Tell whether a thread beside this one runs or stands ready to; None where the system does not tell."""
    own = str(threading.get_native_id())
    try:
        threads = [thread for thread in _TASKS.iterdir() if thread.name != own]
    except OSError:
        return None
    return any(_runs(thread) for thread in threads)


def _runs(thread: Path) -> bool:
    """Tell whether a thread runs, by the letter after its name, which stands in parentheses."""
    with suppress(OSError, IndexError):  # it has ended meanwhile
        return (thread / "stat").read_bytes().rpartition(b")")[2].split()[0] == b"R"
    return False


def _nothing_used() -> bool:
    used_s = time.process_time()
    time.sleep(PAUSE_S)
    return time.process_time() - used_s < PAUSE_S / 4
