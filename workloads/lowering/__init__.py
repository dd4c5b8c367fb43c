"""From parts of a layer to operations with exact counts.

site          where ops stand: how often, on which tokens, in which formats
attention     softmax attention of every kind
recurrent     scans and state updates
feed_forward  dense matmuls; routing and grouped matmuls over the distinct experts touched
messages      what devices of a shard send each other
"""
