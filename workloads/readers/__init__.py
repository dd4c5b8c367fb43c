"""Other people's files into our records, with bounds on what a hostile file can cost.

hf_config   config.json of Hugging Face Transformers, mlc-chat-config.json of MLC LLM
gguf        header of a GGUF file: architecture, and the exact bytes of its tensors
checkpoint  a Hugging Face folder: the exact bytes of its safetensors, by part of the model
fields      checked access to the keys of such a file
layers      equal layers into groups
freshness   when a file last changed
"""
