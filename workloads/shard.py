"""How a model is cut over the devices of one instance."""

from dataclasses import dataclass

from tonnage.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """How a model is cut over devices; ops are counted for one device.

    tp splits every matrix, pp the layers, attention_dp replicates attention
    over groups that each serve part of the batch, moe_tp and moe_ep split the
    experts' width and number.
    """

    tp: int = 1
    pp: int = 1
    attention_dp: int = 1
    moe_tp: int = 1
    moe_ep: int = 1

    def __post_init__(self) -> None:
        for name in ("tp", "pp", "attention_dp", "moe_tp", "moe_ep"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} = {getattr(self, name)} devices; it must be at least 1")

    @property
    def devices(self) -> int:
        """Devices of one instance."""
        return self.tp * self.pp * self.attention_dp

    @property
    def stage_devices(self) -> int:
        """Devices that share one pipeline stage, and so one layer's experts."""
        return self.tp * self.attention_dp

    @property
    def expert_cut(self) -> tuple[int, int]:
        """Width split and number split of the experts: (moe_tp, moe_ep).

        Together they cover the devices of a stage; left at one, the width is
        split over all that moe_ep leaves.

        Raises
        ------
        InvalidInput
            If the two do not multiply to the devices of a stage.
        """
        if self.moe_tp == 1 and self.stage_devices % self.moe_ep == 0:
            return self.stage_devices // self.moe_ep, self.moe_ep
        if self.moe_tp * self.moe_ep != self.stage_devices:
            raise InvalidInput(
                f"moe_tp {self.moe_tp} x moe_ep {self.moe_ep} devices do not cover tp {self.tp} x "
                f"attention_dp {self.attention_dp}; their products must be equal"
            )
        return self.moe_tp, self.moe_ep


WHOLE = Shard()
"""One device that holds everything."""
