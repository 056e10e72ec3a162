"""The benchmark: what the simulator and the server cost, as ratios to a calibration loop."""
