"""What binds, what else, what moves the choice, what to measure, and what to relax where nothing holds."""
