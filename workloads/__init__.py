"""What is asked of a machine: models, formats, operations, traffic, scenarios.

models        catalog ids and files to architectures
architecture  a model's shape: blocks of mixers and feed-forwards, and so its parameters
mixers        how tokens of a sequence reach each other; cache, reach: what they keep and read
feed_forward  dense, experts, channel mixing
formats       how weights and KV caches are stored, and what a matmul computes in
stored        the format that a model is published in
ops, lower    a step of inference as operations with exact flop and byte counts
shard         how a model is cut over devices
footprint     memory of weights, caches, states and activations
quality       benchmark scores per model, less the loss of a format
tasks         how often models solve the tasks of a benchmark, in one try and in several
offers        hosted APIs and their prices
scenario      what a user wants served, within which limits
readers       other people's files (config.json, safetensors, GGUF) into these records
catalog       the shipped models, formats, scores and offers, as data
"""
