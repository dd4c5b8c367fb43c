"""Names as people write them, in flags: "RTX 4090 24GB", "meta-llama/Llama-3.1-8B-Instruct"."""


def device(name: str) -> str:
    """Return the catalog id that a name means; paths of profiles stay as they are.

    Raises
    ------
    InvalidInput
        If several devices fit; they are listed.
    UnknownName
        If none does.
    """
    from hw_targets import catalog

    return name if name.endswith(".json") else catalog.resolve(name).id


def model(name: str) -> str:
    """Return the catalog id that a name means; paths, and names that mean none, stay as they are."""
    from planner.imports.named import known_model

    return known_model(name.replace(" ", "-")) or name
