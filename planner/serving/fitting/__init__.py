"""Engine coefficients from published measurements: priors, fit, cross-validation."""
