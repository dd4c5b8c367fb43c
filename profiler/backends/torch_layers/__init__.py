"""What a PyTorch program runs between its matmuls, bound to tensors of any device.

binding     what a binder gets and returns
recurrent   Mamba-2 scan and update, causal convolution
experts     routing and grouped matmul of a mixture of experts
pointwise   RMSNorm, rotary, softmax, embedding, a call that does nothing
window      attention within a sliding window
"""

from collections.abc import Mapping

from profiler.backends.backend import Feature
from profiler.backends.torch_layers import experts, pointwise, recurrent
from profiler.backends.torch_layers.binding import Binder

LAYERS: Mapping[str, Binder] = {
    "ssd_scan": recurrent.ssd_scan, "ssd_state_update": recurrent.ssd_state_update,
    "causal_conv1d": recurrent.causal_conv1d,
    "expert_gemm": experts.expert_gemm, "moe_routing": experts.moe_routing,
    "rms_norm": pointwise.rms_norm, "rotary": pointwise.rotary, "softmax": pointwise.softmax,
    "embedding": pointwise.embedding, "launch": pointwise.launch,
}  # fmt: skip

LAYER_FEATURES = frozenset(
    {
        Feature("ssd_scan", "fp32"), Feature("ssd_state_update", "fp32"), Feature("causal_conv1d", "fp32"),
        Feature("expert_gemm", "fp32"), Feature("expert_gemm", "bf16"), Feature("moe_routing", "fp32"),
        Feature("rms_norm", "fp32"), Feature("rms_norm", "bf16"),
        Feature("rotary", "fp32"), Feature("rotary", "bf16"),
        Feature("softmax", "fp32"), Feature("embedding", "bf16"), Feature("launch", "fp32"),
    }
)  # fmt: skip

IN_PLACE = ("ssd_state_update",)
"""Layers that change their inputs."""

ADVANCING = ("embedding",)
"""Layers that take the next inputs at each call."""
