"""The plan on a cluster: Deployment, Service and HorizontalPodAutoscaler of each kind of unit.

Units that only prefill or decode are a StatefulSet behind a headless Service instead: the router of
their pool asks each of them by its own name.

Sources: kubernetes.io API reference (apps/v1, v1, autoscaling/v2), "Schedule GPUs", "StatefulSets" and
"Downward API"; resource names from the device plugins of the vendors.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from hw_targets import catalog
from hw_targets.device import DeviceKind
from planner.deploy import halves
from planner.deploy.checkpoint import FOLDER
from planner.deploy.compose import CACHE
from planner.deploy.plain_yaml import Data, to_yaml
from planner.deploy.pools import SLOWEST_START_S, Arranged
from planner.deploy.service import Service, slug
from planner.fleet.records.plan_record import Unit
from planner.role import Role
from tonnage.errors import TonnageError
from workloads import formats, models
from workloads.footprint import weight_bytes
from workloads.shard import Shard

DEVICE_LABEL = "tonnage/device"
"""Node label with the catalog id; the cluster's owner sets it."""
CLAIM = "models"
OPTIONS_FILE = halves.OPTIONS.rsplit("/", 1)[-1]
GIB = 2.0**30
RESOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "nvidia": "nvidia.com/gpu",
        "amd": "amd.com/gpu",
        "intel": "gpu.intel.com/xe",
        "google": "google.com/tpu",
        "aws": "aws.amazon.com/neuron",
        "huawei": "huawei.com/Ascend910",
    }
)
"""Extended resources as the vendors' device plugins name them."""
PROBE_S = 10


def manifests(one: Service) -> tuple[Data, ...]:
    """Return the objects of one kind of unit."""
    objects: list[Data] = [] if one.options is None else [_options(one)]
    objects += [_workload(one), _service(one)]
    if one.busy is not None and one.by.busy_metric is not None:
        objects.append(_autoscaler(one, one.busy))
    return tuple(objects)


def hosts(found: Arranged) -> dict[str, list[str]]:
    """Return the addresses inside the cluster: of services, of each copy of a half, of routers of pools."""
    known = {pool.name: [f"{pool.name}:{pool.way.port}"] for pool in found.pools}
    for one in found.services:
        names = [one.name]
        if one.role is not Role.WHOLE:
            names = [f"{one.name}-{number}.{one.name}" for number in range(one.unit.count)]
        known[one.name] = [f"{name}:{one.by.port}" for name in names]
    return known


def device_label(unit: Unit) -> str:
    """Return the value of the node label of a unit's device."""
    return slug(unit.device.rsplit("/", 1)[-1])[:63].strip("-")


def metric_name(one: Service) -> str:
    """Return the custom metric's name: Kubernetes takes no colon."""
    return (one.by.busy_metric or "").replace(":", "_")


def _labels(one: Service) -> dict[str, Data]:
    return {"app.kubernetes.io/name": one.name, "app.kubernetes.io/part-of": "tonnage"}


def _workload(one: Service) -> Data:
    notes: dict[str, Data] = {}
    if one.by.busy_metric is not None:
        notes = {"prometheus.io/scrape": "true", "prometheus.io/port": str(one.by.port)}
    spec: dict[str, Data] = {
        "replicas": one.unit.count,
        "selector": {"matchLabels": _labels(one)},
        "template": {
            "metadata": {"labels": _labels(one), "annotations": notes},
            "spec": {
                "nodeSelector": {DEVICE_LABEL: device_label(one.unit)},
                "containers": [_container(one)],
                "volumes": _volumes(one),
            },
        },
    }
    kind = "Deployment"
    if one.role is not Role.WHOLE:
        kind = "StatefulSet"
        spec |= {"serviceName": one.name, "podManagementPolicy": "Parallel"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": one.name, "labels": _labels(one)},
        "spec": spec,
    }


def _options(one: Service) -> Data:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": one.name},
        "data": {OPTIONS_FILE: to_yaml(one.options)},
    }


def _container(one: Service) -> Data:
    probe: Data = {"path": one.by.health, "port": "http"}
    token: Data = {"secretKeyRef": {"name": "hf-token", "key": "token", "optional": True}}
    mounts: list[Data] = [
        {"name": "shm", "mountPath": "/dev/shm"},
        {"name": "huggingface", "mountPath": CACHE},
    ]
    if one.checkpoint.to_bring is not None:
        mounts.append({"name": CLAIM, "mountPath": FOLDER, "readOnly": True})
    if one.options is not None:
        mounts.append({"name": "options", "mountPath": halves.OPTIONS, "subPath": OPTIONS_FILE})
    environment: list[Data] = [{"name": "HF_TOKEN", "valueFrom": token}]
    if halves.needs_address(one.by, one.role):
        own: Data = {"fieldRef": {"fieldPath": "status.podIP"}}
        environment.append({"name": halves.SIDE_CHANNEL_HOST, "valueFrom": own})
    further = halves.ports(one.by, one.role)
    return {
        "name": "engine",
        "image": one.image,
        "command": list(one.by.inside),
        "args": list(one.arguments),
        "env": environment,
        "ports": [
            {"name": "http", "containerPort": one.by.port},
            *({"name": name, "containerPort": port} for name, port in further.items()),
        ],
        "resources": _resources(one),
        "startupProbe": {
            "httpGet": probe,
            "periodSeconds": PROBE_S,
            "failureThreshold": SLOWEST_START_S // PROBE_S,
        },
        "readinessProbe": {"httpGet": probe, "periodSeconds": PROBE_S},
        "livenessProbe": {"httpGet": probe, "periodSeconds": 3 * PROBE_S, "failureThreshold": 3},
        "volumeMounts": mounts,
    }


def _resources(one: Service) -> Data:
    """Ask for whole devices; of a processor, for its cores and the memory that was planned."""
    resource = RESOURCES.get(one.vendor or "")
    if resource is not None and not one.on_cpu:
        devices: Data = {resource: str(one.unit.devices_per_unit)}
        return {"requests": devices, "limits": devices}
    asked: dict[str, Data] = {}
    cores = catalog.get(one.unit.device).cores if one.kind is DeviceKind.CPU else None
    if cores is not None:
        asked["cpu"] = str(cores * one.unit.devices_per_unit)
    if one.unit.memory_bytes is not None:
        asked["memory"] = f"{math.ceil(one.unit.memory_bytes * one.unit.devices_per_unit / GIB)}Gi"
    return {"requests": asked} if asked else {}


def _volumes(one: Service) -> list[Data]:
    found: list[Data] = [
        {"name": "shm", "emptyDir": {"medium": "Memory"}},
        {"name": "huggingface", "emptyDir": {}},
    ]
    if one.checkpoint.to_bring is not None:
        found.append({"name": CLAIM, "persistentVolumeClaim": {"claimName": CLAIM, "readOnly": True}})
    if one.options is not None:
        found.append({"name": "options", "configMap": {"name": one.name}})
    return found


def _service(one: Service) -> Data:
    spec: dict[str, Data] = {
        "selector": _labels(one),
        "ports": [{"name": "http", "port": one.by.port, "targetPort": "http"}],
    }
    if one.role is not Role.WHOLE:  # a name for each copy, from before it is ready: its router asks then
        spec |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": one.name, "labels": _labels(one)},
        "spec": spec,
    }


def _autoscaler(one: Service, busy: float) -> Data:
    """Scale between the copies of the mean rate and of the peak, by requests in the batch."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": one.name, "labels": _labels(one)},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": one.name},
            "minReplicas": one.least,
            "maxReplicas": one.unit.count,
            "metrics": [
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": metric_name(one)},
                        "target": {"type": "AverageValue", "averageValue": f"{max(round(1000 * busy), 1)}m"},
                    },
                }
            ],
        },
    }


def storage(services: Sequence[Service]) -> Data | None:
    """Return the claim for checkpoints that the user brings; None if every engine downloads its own."""
    brought = {(one.unit.model, one.unit.weights) for one in services if one.checkpoint.to_bring is not None}
    if not brought:
        return None
    size_bytes = sum(_stored_bytes(model, weights) for model, weights in brought)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM},
        "spec": {
            "accessModes": ["ReadOnlyMany"],
            "resources": {"requests": {"storage": f"{max(math.ceil(size_bytes / GIB), 1)}Gi"}},
        },
    }


def _stored_bytes(model: str, weights: str) -> float:
    try:
        return weight_bytes(models.get(model), formats.get(weights), Shard())
    except TonnageError:
        return 0.0


def adapter_rules(services: Sequence[Service]) -> dict[str, Data]:
    """Return the rules by which the Prometheus adapter serves the metrics that the autoscalers read."""
    gauges = dict.fromkeys(
        one.by.busy_metric for one in services if one.by.busy_metric and one.busy is not None
    )
    rules: list[Data] = [
        {
            "seriesQuery": f'{{__name__="{gauge}",namespace!="",pod!=""}}',
            "resources": {"overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}},
            "name": {"as": str(gauge).replace(":", "_")},
            "metricsQuery": f'sum({{__name__="{gauge}",<<.LabelMatchers>>}}) by (<<.GroupBy>>)',
        }
        for gauge in gauges
    ]
    return {"rules": {"custom": rules}}
