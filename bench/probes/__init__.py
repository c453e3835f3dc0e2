"""Probes: what is measured beside the curve. One file per probe, found by the name a suite gives.

A module offers ``measure(trained) -> list[Measure]``, called once after training and outside every clock, and
may offer ``check(training, data)``, which raises a SuiteError where the probe cannot measure what is trained.
"""
