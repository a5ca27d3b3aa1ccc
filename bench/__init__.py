"""Benchmarks. Figures are ratios, measured side by side in one run: machines are shared."""
