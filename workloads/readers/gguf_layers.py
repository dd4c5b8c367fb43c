"""Layers of a GGUF model: what each is follows from the tensors it has."""

from workloads.architecture import Block
from workloads.feed_forward import Dense, FeedForward, MixtureOfExperts
from workloads.mixers import Attention, GatedDeltaNet, LatentAttention, Mamba1, Mamba2, Mixer
from workloads.readers.fields import Fields
from workloads.readers.gguf_header import Tensor

WINDOW_EVERY = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4}
"""Period of the layers with full attention, where the file does not list them."""

HIDDEN_NORMS = ("attn_norm", "attn_norm_2", "ffn_norm", "post_attention_norm", "post_ffw_norm")


class Layer:
    """One layer: its tensors by the name after `blk.N.`, and the model's keys.

    Parameters
    ----------
    fields : Fields
        Metadata, with keys without the architecture's prefix.
    kind : str
        `general.architecture`.
    index : int
        Number of the layer from 0.
    tensors : dict
        Tensors of this layer.
    """

    def __init__(self, fields: Fields, kind: str, index: int, tensors: dict[str, Tensor]) -> None:
        self.fields, self.kind, self.index, self.tensors = fields, kind, index, tensors
        self.hidden = fields.whole("embedding_length")

    def block(self) -> Block:
        """Return the layer as a block of one."""
        norms = sum(f"{name}.weight" in self.tensors for name in HIDDEN_NORMS)
        return Block(count=1, mixers=self._mixers(), feed_forwards=self._feed_forwards(), norms=norms)

    def _has(self, *names: str) -> bool:
        return all(f"{name}.weight" in self.tensors for name in names)

    def _biased(self, *names: str) -> bool:
        return any(f"{name}.bias" in self.tensors for name in names)

    def _shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[f"{name}.weight"].shape

    def _per_layer(self, *names: str, default: int | None = None) -> int:
        """Return a setting that may be one number or one per layer."""
        for name in names:
            values = self.fields.numbers(name)
            if self.index < len(values):
                return values[self.index]
        return self.fields.whole(*names, default=default)

    def _mixers(self) -> tuple[Mixer, ...]:
        if self._has("attn_kv_a_mqa"):
            return (self._latent(),)
        if self._has("attn_gate", "ssm_out"):
            return (self._delta_net(),)
        found: list[Mixer] = []
        if self._has("attn_q") or self._has("attn_qkv"):
            found.append(self._attention())
        if self._has("ssm_in"):
            found.append(self._mamba1() if self._has("ssm_x") else self._mamba2())
        return tuple(found)

    def _attention(self) -> Attention:
        heads = self._per_layer("attention.head_count")
        names = ("attn_q", "attn_qkv")
        return Attention(
            heads=heads,
            kv_heads=self._per_layer("attention.head_count_kv", default=heads),
            head_dim=self.fields.whole("attention.key_length", default=max(1, self.hidden // heads)),
            window=self._window(),
            qkv_bias=self._biased(*names),
            out_bias=self._biased("attn_output"),
            qk_norm=self._has("attn_q_norm"),
            rotary="rope.dimension_count" in self.fields or "rope.freq_base" in self.fields,
        )

    def _window(self) -> int | None:
        window = self.fields.optional("attention.sliding_window")
        pattern = "attention.sliding_window_pattern"
        every = WINDOW_EVERY.get(self.kind)
        if self.fields.is_list(pattern):
            slides = self.fields.items(pattern)
            return window if self.index < len(slides) and slides[self.index] else None
        every = self.fields.optional(pattern) or every
        return None if every is not None and (self.index + 1) % every == 0 else window

    def _latent(self) -> LatentAttention:
        rope = self.fields.whole("rope.dimension_count")
        key = self.fields.whole("attention.key_length_mla", "attention.key_length")
        return LatentAttention(
            heads=self._per_layer("attention.head_count"),
            q_lora=self.fields.optional("attention.q_lora_rank"),
            kv_lora=self.fields.whole("attention.kv_lora_rank"),
            rope_dim=rope,
            nope_dim=max(1, key - rope),
            v_dim=self.fields.whole("attention.value_length_mla", "attention.value_length"),
        )

    def _delta_net(self) -> GatedDeltaNet:
        return GatedDeltaNet(
            key_heads=self.fields.whole("ssm.group_count"),
            value_heads=self.fields.whole("ssm.time_step_rank"),
            head_dim=self.fields.whole("ssm.state_size"),
            d_conv=self.fields.whole("ssm.conv_kernel"),
        )

    def _mamba1(self) -> Mamba1:
        return Mamba1(
            d_inner=self.fields.whole("ssm.inner_size"),
            d_state=self.fields.whole("ssm.state_size"),
            d_conv=self.fields.whole("ssm.conv_kernel"),
            dt_rank=self.fields.whole("ssm.time_step_rank"),
        )

    def _mamba2(self) -> Mamba2:
        return Mamba2(
            d_inner=self.fields.whole("ssm.inner_size"),
            d_state=self.fields.whole("ssm.state_size"),
            d_conv=self.fields.whole("ssm.conv_kernel"),
            heads=self.fields.whole("ssm.time_step_rank"),
            n_groups=self.fields.whole("ssm.group_count", default=1),
        )

    def _feed_forwards(self) -> tuple[FeedForward, ...]:
        found: list[FeedForward] = []
        if self._has("ffn_up", "ffn_down"):
            width = self._shape("ffn_down")[0]
            # Some files hold gate and up projection in one tensor.
            gated = self._has("ffn_gate") or self._shape("ffn_up")[-1] == 2 * width
            found.append(Dense(width=width, gated=gated, bias=self._biased("ffn_up", "ffn_down")))
        if self._has("ffn_gate_inp", "ffn_up_exps"):
            found.append(self._experts())
        return tuple(found)

    def _experts(self) -> MixtureOfExperts:
        shape = self._shape("ffn_up_exps")
        shared = self._shape("ffn_up_shexp")[-1] if self._has("ffn_up_shexp") else 0
        return MixtureOfExperts(
            experts=self.fields.whole("expert_count", default=shape[-1]),
            per_token=self.fields.whole("expert_used_count"),
            width=shape[1] if len(shape) > 1 else shape[0],
            gated=self._has("ffn_gate_exps"),
            shared_width=shared,
            shared_gate=self._has("ffn_gate_inp_shexp"),
            expert_bias=self._biased("ffn_up_exps"),
        )
