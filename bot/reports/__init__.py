"""Reports: what a test measured, as figures and as one HTML file that needs nothing else."""
