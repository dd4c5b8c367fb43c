"""Pictures and words from records; nothing here measures or solves."""
