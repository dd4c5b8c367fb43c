"""All files of a deployment, as text by path."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planner.deploy import compose, guide, kubernetes, kubernetes_router, pools, router, scripts
from planner.deploy.plain_yaml import Data, to_yaml
from planner.deploy.pools import Arranged
from planner.deploy.service import services
from planner.fleet.answer.served_load import with_further_tries
from planner.fleet.peak import peak_rate
from planner.fleet.records.plan_record import Plan

LOAD_TEST = Path(__file__).parent / "templates" / "load_test.py.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Files of a deployment.

    Attributes
    ----------
    files : dict of str to str
        Text by path below the folder.
    programs : frozenset of str
        Paths that may be executed.
    notes : tuple of str
        What the user must still do or know.
    """

    files: dict[str, str]
    programs: frozenset[str]
    notes: tuple[str, ...]


def bundle(
    plan: Plan, *, weights: Mapping[str, str] | None = None, images: Mapping[str, str] | None = None
) -> Bundle:
    """Return everything that it takes to run a plan, and to test it.

    Parameters
    ----------
    plan : Plan
        With units of its own.
    weights : mapping of str to str, optional
        The user's checkpoints by `model:format`, e.g. `{"llama-3.1-8b:AWQ_INT4_G128": "org/repo"}`.
    images : mapping of str to str, optional
        The user's container images by engine.

    Raises
    ------
    Infeasible
        If the plan has no units of its own.
    InvalidInput, UnknownName
        If an engine is not known, or serves halves in no documented way, or a name given here is not of
        the plan.
    """
    plan = with_further_tries(plan)
    each = services(plan, weights=weights or {}, images=images or {})
    found = pools.arranged(plan, each, images=images or {})
    guide.check_given(found.services, weights or {}, images or {})
    files = {f"run/{one.name}.sh": scripts.of_unit(one) for one in found.services}
    files |= {f"run/{pool.name}.sh": scripts.of_pool(pool, compose.hosts(found)) for pool in found.pools}
    files["load_test/load_test.py"] = LOAD_TEST.read_text(encoding="utf-8")
    programs = frozenset(files)
    files["load_test/traffic.json"] = json.dumps(_traffic(plan, found), indent=2) + "\n"
    files |= _routers(plan, found)
    files |= _options(found)
    if found.has_images:
        files["compose.yaml"] = to_yaml(compose.compose(plan, found))
        files |= _cluster(plan, found)
    notes = guide.notes(plan, found)
    files["README.md"] = guide.readme(plan, found, notes)
    return Bundle(files=dict(sorted(files.items())), programs=programs, notes=notes)


def _routers(plan: Plan, found: Arranged) -> dict[str, str]:
    hosts, targets = compose.hosts(found), found.targets
    files = {"router/litellm.yaml": to_yaml(router.litellm_config(plan, targets, hosts))}
    if router.forwards_as_is(plan, targets):
        files["router/nginx.conf"] = router.nginx_conf(plan, targets, hosts)
    return files


def _options(found: Arranged) -> dict[str, str]:
    """Return files that engines of halves, and the routers of pools, are told on their command lines."""
    hosts = compose.hosts(found)
    given = {one.name: one.options for one in found.services}
    given |= {pool.name: pools.config(pool, hosts) for pool in found.pools}
    return {f"split/{name}.yaml": to_yaml(data) for name, data in given.items() if data is not None}


def _cluster(plan: Plan, found: Arranged) -> dict[str, str]:
    files = {f"kubernetes/{one.name}.yaml": to_yaml(*kubernetes.manifests(one)) for one in found.services}
    for pool in found.pools:
        files[f"kubernetes/{pool.name}.yaml"] = to_yaml(*kubernetes_router.pool_manifests(pool, found))
    files["kubernetes/router.yaml"] = to_yaml(*kubernetes_router.manifests(plan, found))
    claim = kubernetes.storage(found.services)
    if claim is not None:
        files["kubernetes/storage.yaml"] = to_yaml(claim)
    names: list[Data] = [path.split("/")[1] for path in files]
    kustomization: Data = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": names,
    }
    files["kubernetes/kustomization.yaml"] = to_yaml(kustomization)
    if any(one.busy is not None and one.by.busy_metric for one in found.services):
        files["kubernetes/prometheus-adapter-values.yaml"] = to_yaml(kubernetes.adapter_rules(found.services))
    return files


def _traffic(plan: Plan, found: Arranged) -> Data:
    as_is = router.forwards_as_is(plan, found.targets)
    models = {name: one.served for one in found.targets for name in one.share}
    classes: list[Data] = [
        {
            "name": each.name,
            "model": models[each.name] if as_is else each.name,
            "requests_per_s": peak_rate(each),
            "prompt_tokens": {"mean": each.prompt_tokens, "p95": each.prompt_tokens_p95},
            "output_tokens": {"mean": each.output_tokens, "p95": each.output_tokens_p95},
            "limits": each.slo.model_dump(exclude_none=True),
        }
        for each in plan.scenario.classes
    ]
    felt = plan.predicted
    predicted: dict[str, Data] = {
        name: None if value is None else value.model_dump()
        for name, value in (("ttft_p95_s", felt.ttft_p95_s), ("tpot_p95_s", felt.tpot_p95_s))
    }
    return {"class_header": router.CLASS_HEADER, "classes": classes, "predicted": predicted}
