"""Collectives among processes of this host, over gloo: what inference on CPUs uses across processes."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from profiler.backends.backend import Backend, Feature, Prepared
from profiler.backends.gloo_member import INTERFACE, bind
from profiler.kernels.kernel import Arrays, Point

TIMEOUT = timedelta(seconds=60)
"""For processes to start, and for one to wait for the others."""


class GlooBackend(Backend):
    """One process per rank; this one is rank 0. They start with the first point that needs them."""

    name = "gloo"
    modules = ("torch",)
    features = frozenset(
        {Feature("all_reduce", "fp32"), Feature("all_gather", "fp32"), Feature("all_to_all", "fp32")}
    )

    def __init__(self) -> None:
        self._threads = os.cpu_count() or 1
        self._group: _Group | None = None

    def start(self, threads: int) -> None:
        """Note how many ranks have a CPU of their own; RuntimeError if this torch has no gloo."""
        self._threads = threads
        if find_spec("torch.distributed") is None:
            raise RuntimeError("this torch was built without torch.distributed")

    def runs(self, point: Point) -> bool:
        """Tell whether every rank gets a CPU: more would time the scheduler."""
        return super().runs(point) and point.shape["ranks"] <= self._threads

    def versions(self) -> Mapping[str, str]:
        """Return torch's version, which brings gloo."""
        import torch

        return {"torch": torch.__version__}

    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Start the ranks unless they stand, and let all of them call this collective in a loop."""
        if self._group is None or self._group.ranks != point.shape["ranks"]:
            self.stop()
            self._group = _Group(point.shape["ranks"])
        group = self._group

        def output() -> Arrays:
            result = group.begin(point, inputs)
            group.call()
            return {"y": result.numpy().copy()}

        group.begin(point, inputs)
        return Prepared(run=group.call, output=output)

    def stop(self) -> None:
        """End the other ranks."""
        if self._group is not None:
            self._group.end()
            self._group = None


class _Group:
    """The other ranks, and how many calls they have joined."""

    def __init__(self, ranks: int) -> None:
        import torch.distributed as dist

        os.environ.setdefault("GLOO_SOCKET_IFNAME", INTERFACE)
        self.ranks, self._calls, self._run = ranks, 0, _nothing
        self._running = False
        store = dist.TCPStore("127.0.0.1", 0, ranks, is_master=True, timeout=TIMEOUT, wait_for_workers=False)
        self._others = [_member(rank, ranks, store.port) for rank in range(1, ranks)]
        atexit.register(self.end)
        dist.init_process_group("gloo", store=store, rank=0, world_size=ranks, timeout=TIMEOUT)

    def begin(self, point: Point, inputs: Arrays) -> Any:
        """Bring all ranks into a loop over this collective; return what rank 0's calls write to."""
        self._leave_loop()
        self._tell({"kernel": point.kernel, "elements": len(inputs["x"])})
        self._run, result = bind(point.kernel, inputs["x"], rank=0, ranks=self.ranks)
        self._running, self._calls = True, 0
        return result

    def call(self) -> None:
        """Take part in one collective."""
        self._calls += 1
        self._run()

    def end(self) -> None:
        """End the other ranks and leave the group."""
        import torch.distributed as dist

        for other in self._others:
            other.kill()
            other.wait()
            if other.stdin is not None:
                with suppress(OSError):  # what was not sent any more
                    other.stdin.close()
        self._others = []
        atexit.unregister(self.end)
        if dist.is_initialized():
            dist.destroy_process_group()

    def _leave_loop(self) -> None:
        """Stop the loop two calls from now: a rank may be in the next call already, waiting for this one."""
        if not self._running:
            return
        self._tell({"last": self._calls + 2})
        self.call()
        self.call()
        self._running = False

    def _tell(self, message: Mapping[str, object]) -> None:
        for other in self._others:
            if other.stdin is not None:
                other.stdin.write(json.dumps(message) + "\n")
                other.stdin.flush()


def _member(rank: int, ranks: int, port: int) -> "subprocess.Popen[str]":
    run = f"from profiler.backends.gloo_member import main; main({rank}, {ranks}, {port})"
    return subprocess.Popen(
        [sys.executable, "-c", run],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def _nothing() -> None:
    """Stand for a collective before there is one."""
