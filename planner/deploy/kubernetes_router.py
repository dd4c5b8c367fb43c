"""The routers on a cluster: configuration, pods, address of that of the plan and of those of its pools."""

from planner.deploy import kubernetes, pools, router
from planner.deploy.plain_yaml import Data, to_yaml
from planner.deploy.pools import Arranged, Pool
from planner.fleet.records.plan_record import Plan

PORT = 8080
"""Where clients ask."""


def manifests(plan: Plan, found: Arranged) -> tuple[Data, ...]:
    """Return ConfigMap, Deployment and Service of the router that clients ask."""
    hosts, targets = kubernetes.hosts(found), found.targets
    if router.forwards_as_is(plan, targets):
        file, text = "nginx.conf", router.nginx_conf(plan, targets, hosts)
        container: dict[str, Data] = {"name": "router", "image": router.NGINX_IMAGE}
        port, folder = router.NGINX_PORT, "/etc/nginx"
    else:
        file, text = "config.yaml", to_yaml(router.litellm_config(plan, targets, hosts))
        port, folder = router.LITELLM_PORT, "/etc/litellm"
        container = {
            "name": "router",
            "image": router.LITELLM_IMAGE,
            "args": ["--config", f"{folder}/{file}", "--port", str(port)],
            "envFrom": [{"secretRef": {"name": "api-keys", "optional": not plan.api}}],
        }
    container["ports"] = [{"name": "http", "containerPort": port}]
    return _objects("router", container, files={f"{folder}/{file}": text}, port=PORT)


def pool_manifests(pool: Pool, found: Arranged) -> tuple[Data, ...]:
    """Return the objects of the router of a pool."""
    hosts, way = kubernetes.hosts(found), pool.way
    words, settings = pools.command(pool, hosts), pools.config(pool, hosts)
    container: dict[str, Data] = {
        "name": "router",
        "image": pool.image,
        "command": list(words[: len(way.router)]),
        "args": list(words[len(way.router) :]),
        "ports": [{"name": "http", "containerPort": way.port}],
        "readinessProbe": {
            "httpGet": {"path": way.health, "port": "http"},
            "periodSeconds": kubernetes.PROBE_S,
        },
    }
    files = {} if settings is None else {pools.CONFIG: to_yaml(settings)}
    return _objects(pool.name, container, files=files, port=way.port)


def _objects(name: str, container: dict[str, Data], *, files: dict[str, str], port: int) -> tuple[Data, ...]:
    """Return one pod with a Service before it, and its files in a ConfigMap."""
    labels: dict[str, Data] = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "tonnage"}
    spec: dict[str, Data] = {"containers": [container]}
    objects: list[Data] = []
    if files:
        by_name = {path.rsplit("/", 1)[-1]: (path, text) for path, text in files.items()}
        container["volumeMounts"] = [
            {"name": "config", "mountPath": path, "subPath": file} for file, (path, _) in by_name.items()
        ]
        spec["volumes"] = [{"name": "config", "configMap": {"name": name}}]
        data: dict[str, Data] = {file: text for file, (_, text) in by_name.items()}
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
    objects += [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": labels},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": port, "targetPort": "http"}]},
        },
    ]
    return tuple(objects)
