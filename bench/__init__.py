"""Benchmarks: our portal beside stock Rasa with the same model, in one run on one machine."""
