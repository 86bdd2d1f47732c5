"""The example as a user runs it: a tuning job of distributed PyTorch trials, gradients through the reduction servers."""

import pathlib
import unittest

from cluster import ROOT, cluster


class Digits(unittest.TestCase):
    def test_two_trials_learn_and_save_their_models(self):
        with cluster("--cpus", "2") as running:
            spec = (ROOT / "examples/digits/tuning.yaml").read_text()
            spec = spec.replace("EXAMPLE_DIR", str(ROOT / "examples/digits")).replace("OUTPUT_DIR", str(running.data / "out"))
            spec = spec.replace("maxTrialCount: 6", "maxTrialCount: 2")
            config = running.data / "tuning.yaml"
            config.write_text(spec)
            code, out, err = running.troupe("hp-tuning-jobs", "create", "--display-name=digits",
                                            f"--config={config}", "--wait", seconds=240)
            self.assertEqual(code, 0, out + err)
            self.assertIn("best trial", out)
            name = "projects/local/locations/local/hyperparameterTuningJobs/" + next(
                word.strip("[]").rsplit("/", 1)[1] for word in out.split() if "hyperparameterTuningJobs/" in word)
            for trial in running.api.get(name)["trials"]:
                self.assertGreater(trial["finalMeasurement"]["metrics"][0]["value"], 0.95)
                self.assertIn("gradients: 2 ranks -> 2 reducers (troupe)", running.api.lines(trial["customJob"]))
                self.assertTrue((running.data / "out" / trial["id"] / "model" / "model.pt").is_file())


if __name__ == "__main__":
    unittest.main()
