"""What a machine is: declared in a catalog, observed by probes, matched by name or id.

device      a catalog entry: memory, bandwidth, dense peaks, links, price, sources
machine     an observed host: CPU, memory, addressable devices, and who saw it
catalog     the shipped devices and cloud instances, as data by vendor
probes      one source of truth about the live (or a captured) host each
"""
