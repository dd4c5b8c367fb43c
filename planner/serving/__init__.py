"""From steps to service: memory, step time, engines, steady state."""
