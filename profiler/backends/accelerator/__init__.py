"""What the backends of accelerators share. Not yet run on a GPU: its logic is tested on CPU tensors.

platform        CUDA, ROCm, XPU, MPS as torch knows them: what is missing, clock, cache, graphs
device_clock    times calls by events on the device's own clock, cold where it must be
replay          small kernels as a captured graph, without the cost of launching
tensors         arrays on the device in a number format
moving          memory streams and transfers
matmul          dense, quantized and grouped matmuls
attention       prefill and decode
recurrences     the state update of Mamba-1 in plain torch
triton_scan     our own selective scan and state update
triton_decode   our own attention of one token, the context split over the whole device
collectives     all-reduce and all-gather over the devices of one host
libraries       kernels of flash-attn and mamba-ssm, where they are installed
gauges          energy, clock, heat and throttling by NVML
"""
