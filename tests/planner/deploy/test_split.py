"""Prefill and decode units: documented flags, routers that know every copy, requests through both."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.deploy.bundle import Bundle, bundle
from planner.deploy.launcher import launcher, names
from planner.deploy.plain_yaml import Data
from planner.fleet.answer.ways_through import key_of_unit
from tests.planner.deploy.plans import plan, split, unit
from tests.planner.deploy.test_manifests import objects, valid
from tonnage.cli import main
from tonnage.errors import InvalidInput, UnknownName
from tonnage.files import write_record

ENGINES = tuple(name for name in names() if launcher(name).split is not None)
PREFILL, DECODE = (
    "llama-3-1-8b-fp8-nvidia-h100-sxm5-80gb-prefill",
    "llama-3-1-8b-fp8-nvidia-h200-sxm-141gb-decode",
)
POOL = "llama-3-1-8b-pool-1"


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def made(engine: str) -> Bundle:
    return bundle(split(engine))


def compose(made: Bundle) -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(made.files["compose.yaml"])["services"])


def asked(made: Bundle, engine: str, kind: str) -> list[str]:
    """The addresses that the router of the pool sends to, in compose and in Kubernetes."""
    if engine == "trtllm":
        side = {"prefill": "context_servers", "decode": "generation_servers"}[kind]
        (cluster,) = [
            yaml.safe_load(each["data"]["pool.yaml"])
            for each in objects(made)
            if each["kind"] == "ConfigMap" and each["metadata"]["name"] == POOL
        ]
        both = (yaml.safe_load(made.files[f"split/{POOL}.yaml"]), cluster)
        assert all(one[side]["num_instances"] == len(one[side]["urls"]) for one in both)
        return [url for one in both for url in one[side]["urls"]]
    (pod,) = [
        each["spec"]["template"]["spec"]["containers"][0]
        for each in objects(made)
        if each["kind"] == "Deployment" and each["metadata"]["name"] == POOL
    ]
    lines = (compose(made)[POOL]["command"], pod["args"])
    found = [words[i + 1] for words in lines for i, word in enumerate(words) if word == f"--{kind}"]
    assert all(url.startswith("http://") for url in found)
    return [url.removeprefix("http://") for url in found]


def test_every_flag_of_units_and_routers_is_documented(made: Bundle, engine: str) -> None:
    by = launcher(engine)
    way = by.split
    assert way is not None
    assert way.source
    assert way.version
    for name, each in compose(made).items():
        written = {word for word in each.get("command", ()) if word.startswith("-")}
        if name == POOL:
            assert each["entrypoint"] == list(way.router)
            assert written <= set(way.router_flags)
        elif name != "router":
            assert written <= set(by.flags) | set(way.flags)
            assert written & set(way.flags), "a half that is not told so"


def test_halves_are_told_which_they_are(made: Bundle, engine: str) -> None:
    parts = compose(made)
    prefill, decode = (parts[f"{name}-1"]["command"] for name in (PREFILL, DECODE))
    if engine == "vllm":
        told = [json.loads(words[words.index("--kv-transfer-config") + 1]) for words in (prefill, decode)]
        assert [each["kv_role"] for each in told] == ["kv_producer", "kv_consumer"]
        assert {each["kv_connector"] for each in told} == {"NixlConnector"}
    elif engine == "sglang":
        told = [words[words.index("--disaggregation-mode") + 1] for words in (prefill, decode)]
        assert told == ["prefill", "decode"]
    else:
        files = [yaml.safe_load(made.files[f"split/{name}.yaml"]) for name in (PREFILL, DECODE)]
        assert ["disable_overlap_scheduler" in each for each in files] == [True, False]
        longest = int(decode[decode.index("--max_seq_len") + 1])
        assert all(each["cache_transceiver_config"]["max_tokens_in_buffer"] >= longest for each in files)


def test_the_router_of_a_pool_knows_every_copy_by_a_name_that_is_there(made: Bundle, engine: str) -> None:
    known = {
        f"{name}-{number}" for name, count in ((PREFILL, 2), (DECODE, 3)) for number in range(1, count + 1)
    }
    pods = {
        f"{each['metadata']['name']}-{number}.{each['spec']['serviceName']}"
        for each in objects(made)
        if each["kind"] == "StatefulSet"
        for number in range(each["spec"]["replicas"])
    }
    assert known <= set(compose(made))
    port = launcher(engine).port
    for kind, name in (("prefill", PREFILL), ("decode", DECODE)):
        assert sorted(asked(made, engine, kind)) == sorted(
            f"{host}:{port}" for host in known | pods if host.startswith(name)
        )


def test_manifests_of_halves_hold_to_the_kubernetes_schema(made: Bundle) -> None:
    known = objects(made)
    for each in known:
        valid(each)
    headless = {
        each["metadata"]["name"] for each in known
        if each["kind"] == "Service" and each["spec"].get("clusterIP") == "None"
    }  # fmt: skip
    sets = {each["metadata"]["name"]: each for each in known if each["kind"] == "StatefulSet"}
    assert headless == set(sets) == {PREFILL, DECODE}
    assert not any(each["kind"] == "HorizontalPodAutoscaler" for each in known)
    pod = sets[DECODE]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"tonnage/device": "nvidia-h200-sxm-141gb"}
    assert pod["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "2"}


def test_units_of_vllm_are_told_an_address_of_their_own() -> None:
    made = bundle(split("vllm"))
    own = [
        (each["environment"]["VLLM_NIXL_SIDE_CHANNEL_HOST"], each["networks"]["default"]["ipv4_address"])
        for name, each in compose(made).items()
        if name.startswith((PREFILL, DECODE))
    ]
    assert all(told == given for told, given in own)
    assert len(set(own)) == 5
    sets = [each for each in objects(made) if each["kind"] == "StatefulSet"]
    for each in sets:
        environment = each["spec"]["template"]["spec"]["containers"][0]["env"]
        assert {"fieldRef": {"fieldPath": "status.podIP"}} in [one.get("valueFrom") for one in environment]


def test_requests_go_to_whole_units_and_pools_by_the_plan_s_shares(made: Bundle, engine: str) -> None:
    (pool,) = {
        row["litellm_params"]["api_base"]
        for row in yaml.safe_load(made.files["router/litellm.yaml"])["model_list"]
    }
    way = launcher(engine).split
    assert way is not None
    assert pool == f"http://{POOL}:{way.port}/v1"
    mixed = bundle(split(engine, unit(engine, share={"chat": 0.25}), share=0.75))
    conf = mixed.files["router/nginx.conf"]
    assert f"* {POOL};" in conf
    assert "25.00% llama-3-1-8b-fp8-nvidia-l40s;" in conf
    assert f"server {POOL}:{way.port};" in conf
    assert PREFILL not in conf
    assert json.loads(mixed.files["load_test/traffic.json"])["classes"][0]["model"] == "llama-3.1-8b"


def test_scripts_of_halves_and_routers_are_bash(made: Bundle, tmp_path: Path) -> None:
    scripts = {path: text for path, text in made.files.items() if path.startswith("run/")}
    assert set(scripts) == {f"run/{name}.sh" for name in (PREFILL, DECODE, POOL)} <= made.programs
    for text in scripts.values():
        script = tmp_path / "run.sh"
        script.write_text(text)
        subprocess.run(["bash", "-n", str(script)], check=True)
        (said,) = [line for line in text.replace("\\\n", " ").splitlines() if line.startswith("exec ")]
        assert shlex.split(said)[-1] == "$@"


def test_a_script_of_vllm_wants_its_address(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text(bundle(split("vllm")).files[f"run/{PREFILL}.sh"])
    done = subprocess.run(["/bin/bash", str(script)], capture_output=True, text=True, env={}, check=False)
    assert done.returncode != 0
    assert "VLLM_NIXL_SIDE_CHANNEL_HOST" in done.stderr


def test_what_is_not_documented_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.json"
    write_record(path, split("llama.cpp", weights="Q4_K_M", tp=1))
    assert main(["deploy", str(path), "-o", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr()
    assert "llama.cpp documents no prefill and decode on units of their own" in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    half = split().units[0]
    with pytest.raises(InvalidInput, match="no other half"):
        bundle(plan(half))
    with pytest.raises(UnknownName, match="vllm-router"):
        bundle(split(), images={"vllm-proxy": "x"})


def test_each_way_between_kinds_has_a_router_with_its_part_of_the_plan() -> None:
    made = split()
    prefill, decode = made.units
    other = decode.model_copy(update={"device": "nvidia-b200-sxm-180gb", "count": 1})
    (handover,) = made.handovers
    ways = [
        handover.model_copy(update={"decode": key_of_unit(unit), "share": {"chat": part, "batch": part}})
        for unit, part in ((decode, 0.8), (other, 0.2))
    ]
    both = bundle(made.model_copy(update={"units": (prefill, decode, other), "handovers": tuple(ways)}))
    assert "80.00% llama-3-1-8b-pool-1;" in both.files["router/nginx.conf"]
    routers = {name: each for name, each in compose(both).items() if "-pool-" in name}
    served = {
        name: [word for word in each["command"] if word.startswith("http")] for name, each in routers.items()
    }
    readers = [url for url in served["llama-3-1-8b-pool-1"] if "prefill" in url]
    assert readers
    assert readers == [url for url in served["llama-3-1-8b-pool-2"] if "prefill" in url]
    writers = [{url for url in urls if "decode" in url} for urls in served.values()]
    assert not writers[0] & writers[1]
    assert any("several routers" in note for note in both.notes)


def test_the_user_s_own_image_of_a_router_is_taken() -> None:
    parts = compose(bundle(split(), images={"vllm-router": "me/router:1"}))
    assert parts[POOL]["image"] == "me/router:1"


def test_the_readme_says_what_caches_need(made: Bundle, engine: str) -> None:
    text = made.files["README.md"]
    way = launcher(engine).split
    assert way is not None
    assert "infiniband-ndr" in text
    assert way.needs in text
    assert way.source in text
    assert POOL in text


def test_whole_plans_are_as_before() -> None:
    data: Data = yaml.safe_load(bundle(plan(unit())).files["compose.yaml"])
    assert isinstance(data, dict)
    assert "networks" not in data
