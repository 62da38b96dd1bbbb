"""Figures, not tests: ``make bench`` starts real processes and prints what it measured."""
