"""The router on a cluster: its configuration, its pods, its address."""

from collections.abc import Sequence

from planner.deploy import kubernetes, router
from planner.deploy.plain_yaml import Data, to_yaml
from planner.deploy.service import Service
from planner.fleet.plan_record import Plan

_LABELS: dict[str, Data] = {"app.kubernetes.io/name": "router", "app.kubernetes.io/part-of": "tonnage"}


def manifests(plan: Plan, services: Sequence[Service]) -> tuple[Data, ...]:
    """Return ConfigMap, Deployment and Service; port 8080 is where clients ask."""
    hosts = kubernetes.hosts(services)
    if router.forwards_as_is(plan, services):
        file, text = "nginx.conf", router.nginx_conf(plan, services, hosts)
        container: dict[str, Data] = {"name": "router", "image": router.NGINX_IMAGE}
        port, folder = router.NGINX_PORT, "/etc/nginx"
    else:
        file, text = "config.yaml", to_yaml(router.litellm_config(plan, services, hosts))
        port, folder = router.LITELLM_PORT, "/etc/litellm"
        container = {
            "name": "router",
            "image": router.LITELLM_IMAGE,
            "args": ["--config", f"{folder}/{file}", "--port", str(port)],
            "envFrom": [{"secretRef": {"name": "api-keys", "optional": not plan.api}}],
        }
    container |= {
        "ports": [{"name": "http", "containerPort": port}],
        "volumeMounts": [{"name": "config", "mountPath": f"{folder}/{file}", "subPath": file}],
    }
    return (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "router"}, "data": {file: text}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "router", "labels": _LABELS},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": _LABELS},
                "template": {
                    "metadata": {"labels": _LABELS},
                    "spec": {
                        "containers": [container],
                        "volumes": [{"name": "config", "configMap": {"name": "router"}}],
                    },
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "router", "labels": _LABELS},
            "spec": {"selector": _LABELS, "ports": [{"name": "http", "port": 8080, "targetPort": "http"}]},
        },
    )
