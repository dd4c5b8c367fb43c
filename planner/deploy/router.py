"""Where each request goes: the plan's shares as weights of nginx or of a LiteLLM proxy.

nginx forwards requests as they are, so it serves plans whose classes are each
served by one model and by own units alone. LiteLLM renames models and holds keys
of hosted APIs; it is used for all other plans.
"""

from collections.abc import Sequence

from planner.deploy.plain_yaml import Data
from planner.deploy.pools import Hosts, Target
from planner.fleet.records.plan_record import Plan
from tonnage.errors import InvalidInput

CLASS_HEADER = "X-Traffic-Class"
NGINX_IMAGE, NGINX_PORT = "nginx:stable", 8080
LITELLM_IMAGE, LITELLM_PORT = "ghcr.io/berriai/litellm:main-stable", 4000
SOURCES = (
    "nginx.org ngx_http_split_clients_module, ngx_http_upstream_module, ngx_http_proxy_module; "
    "docs.litellm.ai proxy/configs and routing (weight)"
)
NOISE = 1e-9


def forwards_as_is(plan: Plan, targets: Sequence[Target]) -> bool:
    """Tell whether nginx can route the plan."""
    names = [each.name.lower() for each in plan.scenario.classes]  # nginx tells no case apart
    return (
        not plan.api
        and len(set(names)) == len(names)
        and all(
            len({one.served for one, _ in _served(targets, each.name)}) == 1 for each in plan.scenario.classes
        )
    )


def _served(targets: Sequence[Target], class_name: str) -> list[tuple[Target, float]]:
    rows = [(one, one.share.get(class_name, 0.0)) for one in targets]
    return [(one, share) for one, share in rows if share > NOISE]


def nginx_conf(plan: Plan, targets: Sequence[Target], hosts: Hosts) -> str:
    """Return a configuration that splits each class by its shares; the class stands in a header."""
    lines = ["events {}", "", "http {"]
    for one in targets:
        lines += [f"    upstream {one.name} {{", "        least_conn;"]
        lines += [*(f"        server {host};" for host in hosts[one.name]), "        keepalive 64;", "    }"]
    for place, each in enumerate(plan.scenario.classes):
        rows = _served(targets, each.name)
        total = sum(share for _, share in rows)
        lines += ["", f'    split_clients "$request_id" $pool_{place} {{']
        lines += [f"        {100 * share / total:.2f}% {one.name};" for one, share in rows[:-1]]
        lines += [f"        * {rows[-1][0].name};", "    }"]
    lines += ["", "    map $http_x_traffic_class $pool {", "        default $pool_0;"]
    lines += [f"        {_word(each.name)} $pool_{i};" for i, each in enumerate(plan.scenario.classes)]
    lines += [
        "    }",
        "",
        "    server {",
        f"        listen {NGINX_PORT};",
        "        client_max_body_size 64m;",
    ]
    lines += ["", "        location / {", "            proxy_pass http://$pool;"]
    lines += ["            proxy_http_version 1.1;", '            proxy_set_header Connection "";']
    lines += ["            proxy_buffering off;", "            proxy_read_timeout 1h;"]
    lines += ["        }", "    }", "}"]
    return "\n".join(lines) + "\n"


def _word(name: str) -> str:
    """Quote a class name for a map of nginx, in which some words and a leading tilde mean something."""
    if not name.isprintable():
        raise InvalidInput(f"the name of traffic class {name!r} cannot stand in a header; rename the class")
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    special = name.startswith("~") or name.lower() in ("default", "hostnames", "include", "volatile")
    return f'"\\{escaped}"' if special else f'"{escaped}"'


def litellm_config(plan: Plan, targets: Sequence[Target], hosts: Hosts) -> dict[str, Data]:
    """Return a proxy configuration in which every traffic class is a model name with weighted targets."""
    rows: list[Data] = []
    for each in plan.scenario.classes:
        for one, share in _served(targets, each.name):
            addresses = hosts[one.name]
            rows += [
                _target(
                    each.name,
                    f"openai/{one.served}",
                    share / len(addresses),
                    base=f"http://{host}/v1",
                    key="unused",
                )
                for host in addresses
            ]
        for use in plan.api:
            if use.share.get(each.name, 0.0) > NOISE:
                name = environment_name(use.provider)
                rows.append(
                    _target(
                        each.name,
                        f"openai/{use.model}",
                        use.share[each.name],
                        base=f"os.environ/{name}_API_BASE",
                        key=f"os.environ/{name}_API_KEY",
                    )
                )
    return {"model_list": rows, "router_settings": {"routing_strategy": "simple-shuffle", "num_retries": 2}}


def _target(class_name: str, model: str, weight: float, *, base: str, key: str) -> Data:
    """Weights are whole numbers: parts of a million."""
    return {
        "model_name": class_name,
        "litellm_params": {
            "model": model,
            "api_base": base,
            "api_key": key,
            "weight": max(1, round(1e6 * weight)),
        },
    }


def environment_name(provider: str) -> str:
    """Return how environment variables of a provider begin: `TOGETHER_AI`."""
    return "".join(letter if letter.isalnum() else "_" for letter in provider.upper())
