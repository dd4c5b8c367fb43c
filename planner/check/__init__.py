"""Plans put to the test: their fleets simulated under the load that they were made for."""
