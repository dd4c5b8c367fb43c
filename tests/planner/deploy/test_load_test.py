"""The load test, really run against a small server that streams like an engine."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from planner.deploy.bundle import bundle
from planner.deploy.folder import write
from tests.planner.deploy.plans import plan, unit

FIRST_S, NEXT_S = 0.06, 0.02


class Engine(BaseHTTPRequestHandler):
    """Answers with as many tokens as asked, the first after FIRST_S, the next every NEXT_S."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({**body, "class": self.headers["X-Traffic-Class"], "path": self.path})
        if body["model"] == "broken":
            self.send_error(500)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        time.sleep(FIRST_S)
        for number in range(body["max_tokens"]):
            time.sleep(NEXT_S if number else 0)
            self._event({"choices": [{"text": " word"}]})
        words = len(body["prompt"].split())
        self._event(
            {"choices": [], "usage": {"prompt_tokens": 2 * words, "completion_tokens": body["max_tokens"]}}
        )
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, data: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    asked: list[dict[str, Any]] = []
    own = type("Own", (Engine,), {"asked": asked})
    running = ThreadingHTTPServer(("127.0.0.1", 0), own)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", asked
    running.shutdown()
    running.server_close()
    thread.join()


def deployed(folder: Path, **slo: float) -> Path:
    """The load test of a plan whose outputs are short enough for a test."""
    made = plan(unit())
    chat, batch = made.scenario.classes
    chat = chat.model_copy(
        update={"output_tokens": 6.0, "slo": chat.slo.model_copy(update=slo), "requests_per_s": 20.0}
    )
    scenario = made.scenario.model_copy(
        update={"classes": (chat, batch.model_copy(update={"output_tokens": 3.0}))}
    )
    return write(bundle(made.model_copy(update={"scenario": scenario})), folder / "out") / "load_test"


def run(folder: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "load_test.py"), "--url", url, "--requests", "40", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_it_measures_what_the_server_does(server: tuple[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    url, asked = server
    done = run(deployed(tmp_path, ttft_p95_s=30.0, tpot_p95_s=30.0), url, "--json", "--warm-up", "0.05")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert sum(each["requests"] for each in answer["classes"]) == 40
    chat = answer["classes"][0]
    assert chat["failed"] == 0
    # Never faster than the server is; how much slower is up to the machine's load.
    assert chat["ttft_s"]["p50"] >= FIRST_S
    assert chat["tpot_s"]["p50"] >= 0.9 * NEXT_S
    assert chat["ttft_s"]["p50"] <= chat["ttft_s"]["p95"] <= chat["ttft_s"]["p99"]
    assert [row["what"] for row in answer["plan"]] == ["ttft_p95_s", "tpot_p95_s"]
    assert {row["model"] for row in asked} == {"llama-3.1-8b"}
    assert {row["class"] for row in asked} == {"chat", "batch"}
    assert {row["max_tokens"] for row in asked[1:]} == {6, 3}
    assert {row["path"] for row in asked} == {"/v1/completions"}
    # The server counts two tokens to a word, so a prompt of 2000 tokens has 1000 words.
    assert {len(row["prompt"].split()) for row in asked if row["class"] == "batch"} == {1000}


def test_a_broken_limit_is_said_and_shown(server: tuple[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    done = run(deployed(tmp_path, ttft_p95_s=0.01, tpot_p95_s=30.0), server[0])
    assert done.returncode == 3
    assert re.search(r"ttft_p95_s: .* of 10 ms allowed, BROKEN", done.stdout)
    assert re.search(r"tpot_p95_s: .*, holds", done.stdout)


def test_failures_are_counted_and_nobody_there_is_said(
    server: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    folder = deployed(tmp_path)
    traffic = json.loads((folder / "traffic.json").read_text())
    traffic["classes"][1]["model"] = "broken"
    traffic["classes"][1]["requests_per_s"] = 40
    (folder / "traffic.json").write_text(json.dumps(traffic))
    done = run(folder, server[0], "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["classes"][1]["failed"] > 0
    assert "status 500" in done.stderr
    alone = run(folder, "http://127.0.0.1:9")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "cannot measure" in alone.stderr
