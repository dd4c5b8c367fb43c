"""Compose, Kubernetes and router files: valid by the published schemas, and true to the plan."""

import copy
import warnings
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from planner.deploy.bundle import Bundle, bundle
from planner.deploy.plain_yaml import to_yaml
from tests.planner.deploy.plans import mixed, plan, unit

KUBERNETES = "1.32"


def objects(made: Bundle) -> list[dict[str, Any]]:
    """All Kubernetes objects of a bundle."""
    known = [
        document
        for path, text in made.files.items()
        if path.startswith("kubernetes/") and "values" not in path and "kustomization" not in path
        for document in yaml.safe_load_all(text)
    ]
    assert known
    return known


def valid(data: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kubernetes_validate.validate(data, KUBERNETES, strict=True)


@pytest.mark.parametrize("made", [bundle(plan(unit())), bundle(mixed())], ids=["one model", "mixed"])
def test_manifests_hold_to_the_kubernetes_schema(made: Bundle) -> None:
    kinds = [each["kind"] for each in objects(made)]
    assert {"Deployment", "Service", "HorizontalPodAutoscaler", "ConfigMap"} <= set(kinds)
    for each in objects(made):
        valid(each)


def test_the_schema_check_sees_a_mistake() -> None:
    broken = copy.deepcopy(
        next(each for each in objects(bundle(plan(unit()))) if each["kind"] == "Deployment")
    )
    broken["spec"]["replica"] = broken["spec"].pop("replicas")
    with pytest.raises(kubernetes_validate.ValidationError):
        valid(broken)


def test_deployments_ask_for_the_planned_devices_and_copies() -> None:
    made = bundle(plan(unit(tp=4, devices_per_unit=4, count=3)))
    (found,) = [
        each
        for each in objects(made)
        if each["kind"] == "Deployment" and each["metadata"]["name"] != "router"
    ]
    pod = found["spec"]["template"]["spec"]
    assert found["spec"]["replicas"] == 3
    assert pod["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "4"}
    assert pod["nodeSelector"] == {"tonnage/device": "nvidia-l40s"}


def test_services_select_their_pods_and_autoscalers_their_deployment() -> None:
    known = objects(bundle(mixed()))
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in known
        if each["kind"] == "Deployment"
    }
    for each in known:
        name = each["metadata"]["name"]
        if each["kind"] == "Service":
            assert each["spec"]["selector"].items() <= pods[name].items()
        if each["kind"] == "HorizontalPodAutoscaler":
            assert each["spec"]["scaleTargetRef"]["name"] in pods


def test_autoscaler_spans_mean_to_peak_at_the_planned_batch() -> None:
    """Ten copies at a peak of twice the mean: half of them carry the mean; Little's law gives the batch."""
    made = bundle(plan(unit(count=10, share={"chat": 1.0})))
    (found,) = [each for each in objects(made) if each["kind"] == "HorizontalPodAutoscaler"]
    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (5, 10)
    target = found["spec"]["metrics"][0]["pods"]["target"]["averageValue"]
    assert int(target.removesuffix("m")) / 1000 == pytest.approx(20 / 10 * (0.1 + 199 * 0.02), rel=1e-3)


def test_compose_gives_every_copy_devices_of_its_own() -> None:
    read = yaml.safe_load(bundle(plan(unit(tp=2, devices_per_unit=2, count=3))).files["compose.yaml"])
    held = [
        each["deploy"]["resources"]["reservations"]["devices"][0]["device_ids"]
        for name, each in read["services"].items()
        if name != "router"
    ]
    assert held == [["0", "1"], ["2", "3"], ["4", "5"]]
    assert set(read["services"]["router"]["depends_on"]) == set(read["services"]) - {"router"}


def test_litellm_weights_are_the_shares_of_the_plan() -> None:
    read = yaml.safe_load(bundle(mixed()).files["router/litellm.yaml"])
    chat = [row["litellm_params"] for row in read["model_list"] if row["model_name"] == "chat"]
    share: dict[str, float] = {}
    for row in chat:
        share[row["model"]] = share.get(row["model"], 0) + row["weight"] / 1e6
    assert share == pytest.approx(
        {"openai/llama-3.1-8b": 0.5, "openai/qwen2.5-14b": 0.2, "openai/Llama-3.1-8B-Instruct": 0.3}
    )
    hosted = next(row for row in chat if row["model"] == "openai/Llama-3.1-8B-Instruct")
    assert hosted["api_key"] == "os.environ/EXAMPLE_CLOUD_API_KEY"


def test_nginx_serves_what_it_can_and_litellm_the_rest() -> None:
    split = plan(unit(share={"chat": 0.75, "batch": 1.0}), unit(device="nvidia-l4", share={"chat": 0.25}))
    conf = bundle(split).files["router/nginx.conf"]
    assert "75.00% llama-3-1-8b-fp8-nvidia-l40s;" in conf
    assert "* llama-3-1-8b-fp8-nvidia-l4;" in conf
    assert conf.count("{") == conf.count("}")
    made = bundle(mixed())
    assert "router/nginx.conf" not in made.files
    assert "litellm" in yaml.safe_load(made.files["compose.yaml"])["services"]["router"]["image"]


def test_without_an_image_there_are_scripts_and_a_word_why() -> None:
    made = bundle(plan(unit("mlc-llm", weights="q4f16_1")))
    assert "compose.yaml" not in made.files
    assert any("--image mlc-llm=" in note for note in made.notes)
    given_one = bundle(plan(unit("mlc-llm", weights="q4f16_1")), images={"mlc-llm": "me/mlc:1"})
    assert "me/mlc:1" in given_one.files["compose.yaml"]


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(DATA)
def test_yaml_reads_back_as_the_same_data(data: object) -> None:
    assert yaml.safe_load(to_yaml(data)) == data  # type: ignore[arg-type]
