"""The same sweep on a Ray cluster of several nodes, one of which dies in the middle."""

import json
import time
from pathlib import Path

import pytest

from planner.simulate.cases import Effort
from planner.simulate.sweep import answer_lines

EFFORT = Effort(requests=200, replications=1)


def slow_echo(line: str, _effort: Effort) -> str:
    """Stand in for a simulation that takes a while, and note that it ran."""
    data = json.loads(line)
    time.sleep(0.3)
    with Path(data["ran"]).open("a") as out:
        out.write("x")
    return json.dumps({"id": data["id"]})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_node_that_dies_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed; it comes with the extra 'cluster'")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        doomed = cluster.add_node(num_cpus=2)
        cluster.add_node(num_cpus=1)
        lines = [json.dumps({"id": n, "ran": str(tmp_path / str(n))}) for n in range(24)]
        running = answer_lines(lines, EFFORT, ray=cluster.address, answer=slow_echo)
        answers = [next(running)]
        cluster.remove_node(doomed, allow_graceful=False)
        answers += list(running)
        assert [json.loads(answer)["id"] for answer in answers] == list(range(24))
        assert all((tmp_path / str(n)).read_text() for n in range(24))
    finally:
        import ray

        ray.shutdown()
        cluster.shutdown()
