"""The format that a model is published in, for when nobody names one."""

from types import MappingProxyType
from typing import Final

from tonnage.errors import InvalidInput
from workloads import models
from workloads.readers.locate import model_file

NATIVE: Final = MappingProxyType(
    {
        "bf16": "BF16", "fp16": "F16", "fp32": "F32", "fp32/fp16": "F16", "fp8": "FP8_W8A8",
        "fp8 (block 128)": "FP8_BLOCK128", "mxfp4 experts, bf16 rest": "MXFP4_W4A16",
    }
)  # fmt: skip
"""Dtypes of the catalog. Checkpoints in FP32 of models below 3 B run in 16 bit."""


def stored_format(model: str) -> str:
    """Return a weight format, or the model's own path where its file holds the answer.

    Parameters
    ----------
    model : str
        Catalog id, or the path of a `config.json`, its folder, or a `.gguf`.

    Raises
    ------
    InvalidInput
        If the model is published in a format that is not known here.
    UnknownName
        If there is no such model.

    Examples
    --------
    >>> stored_format("llama-3.1-8b"), stored_format("gpt-oss-20b")
    ('BF16', 'MXFP4_W4A16')
    """
    if model not in models.names() and model_file(model) is not None:
        return model
    native = models.get(model).native_dtype or "bf16"
    if native not in NATIVE:
        raise InvalidInput(
            f"model '{model}' is published as {native}, which is no weight format of the catalog; name one"
        )
    return NATIVE[native]
