"""All files of a deployment, as text by path."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.deploy import compose, guide, kubernetes, kubernetes_router, router
from planner.deploy.plain_yaml import Data, to_yaml
from planner.deploy.service import Service, services
from planner.fleet.peak import peak_rate
from planner.fleet.plan_record import Plan
from planner.fleet.served_load import with_further_tries
from planner.role import Role
from tonnage.errors import InvalidInput

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
        If an engine is not known, a name given here is not of the plan, or units only prefill or decode.
    """
    if any(unit.role != Role.WHOLE for unit in plan.units):
        raise InvalidInput(
            "the plan has units that only prefill or only decode, and deploy writes files for whole ones: "
            "plan with --roles whole, or set up the engine's own disaggregated serving by hand"
        )
    plan = with_further_tries(plan)
    found = services(plan, weights=weights or {}, images=images or {})
    guide.check_given(found, weights or {}, images or {})
    files = {f"run/{one.name}.sh": _script(one) for one in found}
    files["load_test/load_test.py"] = LOAD_TEST.read_text(encoding="utf-8")
    programs = frozenset(files)
    files["load_test/traffic.json"] = json.dumps(_traffic(plan, found), indent=2) + "\n"
    files |= _routers(plan, found)
    packed = [one for one in found if one.image is not None]
    if len(packed) == len(found):
        files["compose.yaml"] = to_yaml(compose.compose(plan, found))
        files |= _cluster(plan, found)
    notes = guide.notes(plan, found)
    files["README.md"] = guide.readme(plan, found, notes)
    return Bundle(files=dict(sorted(files.items())), programs=programs, notes=notes)


def _script(one: Service) -> str:
    """Return a shell script that starts one copy on this machine."""
    words = [shlex.quote(word) for word in one.command]
    lines = [
        "#!/usr/bin/env bash",
        f"# One copy of {one.name}: {one.unit.devices_per_unit} x {one.unit.device}.",
    ]
    lines += [f"# Flags as documented by {one.by.name} {one.by.version}; the plan runs {one.unit.count}."]
    if one.checkpoint.to_bring is not None:
        lines.append(f"# {one.checkpoint.location} must hold {one.checkpoint.to_bring}.")
    lines += ["set -euo pipefail", ""]
    program, rest = " ".join(words[: len(one.by.program)]), _pairs(words[len(one.by.program) :])
    return "\n".join(lines) + "\n" + " \\\n    ".join([f"exec {program}", *rest, '"$@"']) + "\n"


def _pairs(words: Sequence[str]) -> list[str]:
    """Put every flag on a line with its value."""
    lines: list[str] = []
    for word in words:
        if word.startswith("--") or not lines or not lines[-1].startswith("--") or " " in lines[-1]:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return lines


def _routers(plan: Plan, found: Sequence[Service]) -> dict[str, str]:
    hosts = compose.hosts(found)
    files = {"router/litellm.yaml": to_yaml(router.litellm_config(plan, found, hosts))}
    if router.forwards_as_is(plan, found):
        files["router/nginx.conf"] = router.nginx_conf(plan, found, hosts)
    return files


def _cluster(plan: Plan, found: Sequence[Service]) -> dict[str, str]:
    files = {f"kubernetes/{one.name}.yaml": to_yaml(*kubernetes.manifests(one)) for one in found}
    files["kubernetes/router.yaml"] = to_yaml(*kubernetes_router.manifests(plan, found))
    claim = kubernetes.storage(found)
    if claim is not None:
        files["kubernetes/storage.yaml"] = to_yaml(claim)
    names: list[Data] = [path.split("/")[1] for path in files]
    kustomization: Data = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": names,
    }
    files["kubernetes/kustomization.yaml"] = to_yaml(kustomization)
    if any(one.busy is not None and one.by.busy_metric for one in found):
        files["kubernetes/prometheus-adapter-values.yaml"] = to_yaml(kubernetes.adapter_rules(found))
    return files


def _traffic(plan: Plan, found: Sequence[Service]) -> Data:
    as_is = router.forwards_as_is(plan, found)
    models = {name: one.served for one in found for name in one.unit.share}
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
