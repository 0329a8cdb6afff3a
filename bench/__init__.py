"""Measurements, as ratios within one run: absolute numbers drift with the machine, ratios much less."""
