"""Our own CPU kernels, compiled by numba: what no library runs at the machine's ceiling.

jit               how they are compiled and cached; vector instructions they need
stream            copy, triad and read with streaming stores
attention_decode  one token against a long cache, MHA and GQA
selective_scan    Mamba-1 recurrence over a prompt, and one step of it
ssd               Mamba-2 recurrence over a prompt, and one step of it
causal_conv1d     the short convolution before either
"""
