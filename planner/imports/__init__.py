"""Other tools' results as measurements of ours: whole-model runs and operator tables.

measured        the record that `tonnage import` writes
told            what a file leaves out and its owner adds: device, model, weights ...
untrusted       numbers and rows from files that may hold anything
named           names of other tools -> ids of the catalogs
read            which tool wrote a file, and its reader
llama_bench vllm_bench guidellm aiperf mlperf        readers of whole-model runs
vidur llmservingsim long_tables aiconfigurator       readers of operator tables
kernels         one row of an operator table -> a measurement with its flop and bytes
fit             operator tables -> a cost model
"""
