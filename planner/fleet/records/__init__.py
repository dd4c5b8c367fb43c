"""What a plan says: the plan itself, its tasks, its check, and what changed from one to another."""
