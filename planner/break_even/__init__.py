"""Self-host or API: from which volume, and which utilisation, units of one's own cost less."""
