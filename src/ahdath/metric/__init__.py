"""The folder that `evaluate.load` takes: `evaluate.load(".../ahdath/metric")` loads `metric.py`, offline."""
