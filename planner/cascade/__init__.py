"""Who tries first: chains of models that a task climbs, each priced by the exact programme."""
