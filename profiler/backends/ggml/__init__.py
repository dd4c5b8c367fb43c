"""What the llama.cpp backend needs: ggml through ctypes, graphs of its operations, models of random weights.

library        the shared library and the signatures that are used
graph          tensors in buffers, and a graph that computes them
mul_mat        matmuls with GGUF weights, packed again at load where llama.cpp does
flash          attention over a cache laid out as llama.cpp's
layer          what is left of a layer beside matmuls and attention
random_model   GGUF files of random weights
whole_model    prefill and decode of a file
"""
