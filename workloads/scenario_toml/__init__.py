"""A scenario as people write it: a TOML file, read, checked and set part by part."""
