"""The buying problem as plain numbers, and its rows and columns: no device, model or engine in sight."""
