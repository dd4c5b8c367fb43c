"""Ways in which tokens of a sequence reach each other, one record per kind.

attention    softmax attention over keys and values: MHA, GQA, MQA, windows
latent       multi-head latent attention (MLA), with an optional sparse indexer
compressed   one latent head over a compressed cache (DeepSeek-V4)
mamba        selective state spaces: Mamba-1, Mamba-2
linear       linear attention: gated delta net, KDA, lightning
rwkv         RWKV-5 and RWKV-6 time mixing
shared       one attention block called from many depths (Zamba2)
"""

from typing import Annotated

from pydantic import Field

from workloads.mixers.attention import Attention
from workloads.mixers.compressed import CompressedAttention
from workloads.mixers.latent import Indexer, LatentAttention
from workloads.mixers.linear import GatedDeltaNet, KimiDeltaAttention, Lightning
from workloads.mixers.mamba import Mamba1, Mamba2
from workloads.mixers.rwkv import Rwkv
from workloads.mixers.shared import SharedAttention

__all__ = [
    "Attention",
    "CompressedAttention",
    "GatedDeltaNet",
    "Indexer",
    "KimiDeltaAttention",
    "LatentAttention",
    "Lightning",
    "Mamba1",
    "Mamba2",
    "Mixer",
    "Rwkv",
    "SharedAttention",
]

Mixer = Annotated[
    Attention
    | LatentAttention
    | CompressedAttention
    | Mamba1
    | Mamba2
    | GatedDeltaNet
    | KimiDeltaAttention
    | Lightning
    | Rwkv
    | SharedAttention,
    Field(discriminator="kind"),
]
