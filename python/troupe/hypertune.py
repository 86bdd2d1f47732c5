"""Reports metrics of a trial, call for call and byte for byte as cloudml-hypertune does.

    try:
        import hypertune
    except ImportError:
        from troupe import hypertune

    hypertune.HyperTune().report_hyperparameter_tuning_metric("accuracy", 0.97, global_step=3)
"""

import collections
import json
import os
import time

_DEFAULT_PATH = "/tmp/hypertune/output.metrics"
_DEFAULT_TAG = "training/hptuning/metric"
_KEPT_REPORTS = 100


class HyperTune:
    def __init__(self):
        self.metric_path = os.environ.get("CLOUD_ML_HP_METRIC_FILE", _DEFAULT_PATH)
        self.trial_id = os.environ.get("CLOUD_ML_TRIAL_ID", 0)
        directory = os.path.dirname(self.metric_path)
        if directory:
            os.makedirs(directory, exist_ok=True)
        self._reports = collections.deque(maxlen=_KEPT_REPORTS)

    def report_hyperparameter_tuning_metric(
        self, hyperparameter_metric_tag, metric_value, global_step=None, checkpoint_path=""
    ):
        """Appends one value of the metric. The file holds the last 100 reports, one a line."""
        report = {
            "timestamp": time.time(),
            "trial": str(self.trial_id),
            hyperparameter_metric_tag or _DEFAULT_TAG: str(float(metric_value)),
            "global_step": str(int(global_step) if global_step else 0),
            "checkpoint_path": checkpoint_path,
        }
        self._reports.append(json.dumps(report, sort_keys=True) + "\n")
        with open(self.metric_path, "w", encoding="utf-8") as file:
            file.writelines(self._reports)
