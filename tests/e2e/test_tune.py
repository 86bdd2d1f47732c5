"""`troupe tune` with real processes: studies, crashes, failing trials, and invalid input. Trials are shell scripts that wait
for files, so every run has the same order of events."""

import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from cluster import ROOT, TROUPE, is_running, wait_for

STUDY = """\
metrics: [{metricId: loss, goal: MINIMIZE}]
parameters:
- {parameterId: x, doubleValueSpec: {minValue: -1, maxValue: 2}}
- {parameterId: units, integerValueSpec: {minValue: 1, maxValue: 64}}
"""
GRID = """\
metrics: [{metricId: loss, goal: MINIMIZE}]
algorithm: GRID_SEARCH
parameters: [{parameterId: q, integerValueSpec: {minValue: 1, maxValue: 9}}]
"""
QUADRATIC = ["awk", "-v", "x={x}", "-v", "u={units}", 'BEGIN {{ print "loss=" x * x + u / 100 }}']
# One line in the format of the hypertune library.
REPORT = """report() {{ printf '{{"loss": "%s", "global_step": "%s", "timestamp": %s}}\\n' $1 $2 $2 >> $CLOUD_ML_HP_METRIC_FILE; }}
"""


class Tune(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="troupe-tune-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.study = self.write("study.yaml", STUDY)
        self.grid = self.write("grid.yaml", GRID)
        self.environment = {**os.environ, "HERE": str(self.directory)}

    def write(self, name, text):
        (self.directory / name).write_text(text)
        return self.directory / name

    def start(self, *arguments, program=QUADRATIC, **options):
        process = subprocess.Popen(
            [TROUPE, "tune", *map(str, arguments), "--", *map(str, program)], stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.directory, env=self.environment, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def finish(self, process, code=0):
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, out + err)
        return out, err

    def tune(self, *arguments, program=QUADRATIC, code=0):
        return self.finish(self.start(*arguments, program=program), code)

    def trials(self, *arguments, program=QUADRATIC, code=0, directory="kept"):
        """The trials after a run, as the API shows them."""
        file = self.directory / "out.json"
        self.tune(*arguments, "--json", file, "--directory", directory, program=program, code=code)
        return json.loads(file.read_text()).get("trials", [])

    def journal(self, directory="kept"):
        return [json.loads(line) for line in (self.directory / directory / "study.json-lines").read_text().splitlines()]

    def file(self, name):
        """Waits until the file exists and is complete, and returns its text."""
        path = self.directory / name
        return wait_for(name, lambda: path.exists() and path.read_text().endswith("\n") and path.read_text())


class Studies(Tune):
    def test_a_study_runs_its_trials_and_prints_the_best(self):
        plot, figures = self.directory / "plot.svg", self.directory / "study.json"
        out, err = self.tune("--config", self.study, "--max-trial-count", 6, "--plot", plot, "--json", figures)
        self.assertEqual(err, "")
        self.assertEqual(out.count(" SUCCEEDED "), 6)
        xml.etree.ElementTree.parse(plot)
        job = json.loads(figures.read_text())
        self.assertEqual((job["state"], len(job["trials"])), ("JOB_STATE_SUCCEEDED", 6))
        values = {trial["id"]: trial["finalMeasurement"]["metrics"][0]["value"] for trial in job["trials"]}
        best = min(values, key=values.get)
        self.assertEqual(job["bestTrial"]["id"], best)
        self.assertIn(f"Best of 6 trials: trial {best}, loss", out)
        again = out.split("Run it again:\n")[1]
        printed = subprocess.run(["sh", "-c", again], capture_output=True, text=True, check=True).stdout
        self.assertAlmostEqual(float(printed.split("=")[1]), values[best], places=4)
        self.assertEqual((self.directory / "study.tune" / best / "stdout.log").read_text(), printed)

    def test_the_same_seed_gives_the_same_suggestions(self):
        def parameters(*arguments, directory):
            trials = self.trials("--config", self.study, "--max-trial-count", 5, *arguments, directory=directory)
            return [trial["parameters"] for trial in trials]

        first = parameters(directory="a")
        self.assertEqual(parameters("--seed", 0, directory="b"), first)
        self.assertNotEqual(parameters("--seed", 1, directory="c"), first)

    def test_a_trial_gets_its_parameters_directories_and_variables(self):
        program = ["sh", "-c", 'env > $HERE/env.$CLOUD_ML_TRIAL_ID; cat; pwd; echo "$0"; echo loss=1', "{q}"]
        trials = self.trials("--config", self.grid, "--max-trial-count", 1, program=program)
        kept = self.directory / "kept" / "1"
        variables = dict(line.split("=", 1) for line in (self.directory / "env.1").read_text().splitlines())
        self.assertEqual(variables["CLOUD_ML_TRIAL_ID"], "1")
        self.assertEqual(variables["CLOUD_ML_HP_METRIC_FILE"], str(kept / "hypertune" / "output.metrics"))
        self.assertEqual(variables["AIP_MODEL_DIR"], str(kept / "model") + "/")
        self.assertTrue((kept / "model").is_dir())
        self.assertEqual((kept / "stdout.log").read_text(), f"{self.directory}\n1\nloss=1\n")
        self.assertEqual(trials[0]["parameters"], [{"parameterId": "q", "value": 1}])

    def test_flags_are_appended_and_hypertune_can_be_imported(self):
        program = [sys.executable, "-c", "import sys; from troupe import hypertune\n"
                   "report = hypertune.HyperTune().report_hyperparameter_tuning_metric\n"
                   "for step in (1, 2, 3): report('loss', float(sys.argv[1].split('=')[1]) + step, step)"]
        trials = self.trials("--config", self.grid, "--max-trial-count", 2, program=program)
        self.assertEqual([[m["stepCount"] for m in trial["measurements"]] for trial in trials], [["1", "2", "3"]] * 2)
        self.assertEqual([trial["finalMeasurement"]["metrics"][0]["value"] for trial in trials], [4, 5])

    def test_trials_run_side_by_side(self):
        both = 'touch $HERE/up.$CLOUD_ML_TRIAL_ID; until [ -e $HERE/up.1 -a -e $HERE/up.2 ]; do sleep 0.01; done; echo loss=1'
        trials = self.trials("--config", self.grid, "--max-trial-count", 4, "--parallel-trial-count", 2,
                             program=["sh", "-c", both, "{q}"])
        self.assertEqual([trial["state"] for trial in trials], ["SUCCEEDED"] * 4)
        self.assertEqual([trial["parameters"][0]["value"] for trial in trials], [1, 2, 3, 4])

    def test_the_study_ends_when_its_space_is_exhausted(self):
        out, _ = self.tune("--config", self.grid, "--max-trial-count", 50, program=["echo", "loss={q}"])
        self.assertIn("The study is over: the search space holds no further point", out)
        self.assertIn("Best of 9 trials: trial 1, loss 1\n", out)

    def test_the_study_ends_by_its_own_limit_of_trials(self):
        config = self.write("own.yaml", GRID + "studyStoppingConfig: {maxNumTrials: 3}\n")
        out, _ = self.tune("--config", config, program=["echo", "loss={q}"])
        self.assertIn("Best of 3 trials", out)

    def test_an_argument_with_an_inactive_parameter_is_left_out(self):
        config = self.write("conditional.yaml", """\
metrics: [{metricId: loss, goal: MINIMIZE}]
algorithm: GRID_SEARCH
parameters:
- parameterId: opt
  categoricalValueSpec: {values: [adam, sgd]}
  conditionalParameterSpecs:
  - parentCategoricalValues: {values: [sgd]}
    parameterSpec: {parameterId: momentum, discreteValueSpec: {values: [0.5]}}
""")
        self.tune("--config", config, "--max-trial-count", 2,
                  program=["sh", "-c", 'echo "$*"; echo loss=1', "sh", "--opt={opt}", "--momentum={momentum}"])
        said = [(self.directory / "conditional.tune" / str(i) / "stdout.log").read_text().split("\n")[0] for i in (1, 2)]
        self.assertEqual(said, ["--opt=adam", "--opt=sgd --momentum=0.5"])

    def test_two_objectives_end_with_their_front(self):
        config = self.write("two.yaml", GRID.replace("goal: MINIMIZE}", "goal: MINIMIZE}, {metricId: speed, goal: MAXIMIZE}"))
        plot = self.directory / "two.svg"
        out, _ = self.tune("--config", config, "--max-trial-count", 4, "--plot", plot,
                           program=["awk", "-v", "q={q}", 'BEGIN {{ print "loss=" q " speed=" (q == 3 ? 0 : q) }}'])
        self.assertIn("Pareto front of 4 trials: 3 trials", out)
        self.assertEqual(out.count("# trial"), 3)
        xml.etree.ElementTree.parse(plot)

    def test_a_pattern_finds_the_metric_in_the_output(self):
        trials = self.trials("--config", self.grid, "--max-trial-count", 1, "--metric-from-output", "final loss: ([0-9.]+)",
                             program=["echo", "the final loss: 2.5, {q}"])
        self.assertEqual(trials[0]["finalMeasurement"]["metrics"], [{"metricId": "loss", "value": 2.5}])

    def test_json_goes_to_standard_output_on_request(self):
        out, err = self.tune("--format", "json", "--config", self.grid, "--max-trial-count", 2, program=["echo", "loss={q}"])
        self.assertEqual(json.loads(out)["optimalTrials"], ["1"])
        self.assertEqual(err.count("SUCCEEDED"), 2)

    def test_the_live_display_shows_the_running_study(self):
        leader, follower = pty.openpty()
        environment = {**self.environment, "TERM": "xterm"}
        process = subprocess.Popen([TROUPE, "tune", "--config", self.grid, "--max-trial-count", "3", "--", "echo", "loss={q}"],
                                   stdin=subprocess.DEVNULL, stdout=follower, stderr=follower, cwd=self.directory,
                                   env=environment)
        self.addCleanup(self.end, process)
        os.close(follower)
        shown = b""
        try:
            while part := os.read(leader, 65536):
                shown += part
        except OSError:  # on Linux: the other end is closed
            pass
        os.close(leader)
        self.assertEqual(process.wait(60), 0)
        text = shown.decode()
        for expected in ("minimise loss  3 of 3 trials", "ENDED LAST", "Best of 3 trials", "\x1b["):
            self.assertIn(expected, text)


class Stopping(Tune):
    # Trials 1 to 5 do well; the sixth does badly, and would run forever.
    PROGRAM = ["sh", "-c", REPORT + """trap 'echo asked to stop; exit 0' TERM
        if [ $1 -lt 6 ]; then report $1 1; report $1 2; else report 100 1; while :; do sleep 0.01; done; fi""", "sh", "{q}"]

    def test_a_trial_that_does_badly_is_stopped(self):
        config = self.write("median.yaml", GRID + "medianAutomatedStoppingSpec: {}\n")
        trials = self.trials("--config", config, "--max-trial-count", 6, program=self.PROGRAM)
        self.assertEqual([trial["state"] for trial in trials], ["SUCCEEDED"] * 6)
        self.assertEqual([i for i, trial in enumerate(trials) if "stoppingReason" in trial], [5])
        self.assertIn("median", trials[5]["stoppingReason"])
        self.assertEqual(trials[5]["finalMeasurement"]["metrics"][0]["value"], 100)
        self.assertEqual((self.directory / "kept" / "6" / "stdout.log").read_text(), "asked to stop\n")

    def test_the_end_of_the_study_stops_running_trials(self):
        config = self.write("asap.yaml", GRID + "studyStoppingConfig: {shouldStopAsap: true, "
                            "maximumRuntimeConstraint: {maxDuration: 0.5s}}\n")
        program = ["sh", "-c", REPORT + "report $1 1; while :; do sleep 0.01; done", "sh", "{q}"]
        file = self.directory / "out.json"
        out, _ = self.tune("--config", config, "--max-trial-count", 5, "--json", file, program=program)
        self.assertIn("The study is over: ", out)
        trials = json.loads(file.read_text())["trials"]
        self.assertEqual([trial["state"] for trial in trials], ["SUCCEEDED"])
        self.assertIn("maximumRuntimeConstraint", trials[0]["stoppingReason"])


class Resuming(Tune):
    # The third trial reports, and then waits for a file.
    PROGRAM = ["sh", "-c", REPORT + """trap 'echo > $HERE/asked; exit 3' TERM
        echo $CLOUD_ML_TRIAL_ID >> $HERE/starts
        if [ $CLOUD_ML_TRIAL_ID = 3 ]; then
          report 9 1; echo $$ > $HERE/pid; until [ -e $HERE/go ]; do sleep 0.01; done
        fi
        report $1 2""", "sh", "{x}", "{units}"]

    def begin(self, **options):
        process = self.start("--config", self.study, "--max-trial-count", 5, "--directory", "kept", program=self.PROGRAM,
                             **options)
        pid = int(self.file("pid"))
        wait_for("the report of trial 3", lambda: any("reported" in line and line["reported"]["trial"] == "3"
                                                      for line in self.journal()))
        return process, pid

    def resume(self):
        """Continues the study to its end, and checks that its result is that of an uninterrupted one."""
        (self.directory / "go").touch()
        resumed = self.trials("--config", self.study, "--max-trial-count", 5, program=self.PROGRAM)
        starts = (self.directory / "starts").read_text().split()
        self.assertEqual(starts, ["1", "2", "3", "3", "4", "5"])
        straight = self.trials("--config", self.study, "--max-trial-count", 5, program=self.PROGRAM, directory="straight")
        self.assertEqual([t["parameters"] for t in resumed], [t["parameters"] for t in straight])
        self.assertEqual([t["finalMeasurement"]["metrics"] for t in resumed],
                         [t["finalMeasurement"]["metrics"] for t in straight])
        self.assertEqual([len(t["measurements"]) for t in resumed], [1, 1, 2, 1, 1])

    def test_the_same_command_continues_after_kill_9(self):
        process, pid = self.begin()
        process.kill()
        process.communicate()
        wait_for("the end of the trial", lambda: not is_running(pid))
        with (self.directory / "kept" / "study.json-lines").open("a") as journal:
            journal.write('{"trial":{"id":"3","sta')  # as if killed in the middle of a write
        self.resume()

    def test_the_same_command_continues_after_an_interrupt(self):
        process, pid = self.begin()
        process.send_signal(signal.SIGINT)
        out, err = self.finish(process, 130)
        self.assertIn("Stopping the trials that run", err)
        self.assertIn("The same command goes on with the study", err)
        self.assertTrue((self.directory / "asked").exists())
        self.assertFalse(is_running(pid))
        self.assertIn("Best of 2 trials", out)
        self.resume()

    def test_a_trial_that_ignores_sigterm_is_killed_at_the_second_signal(self):
        program = ["sh", "-c", "trap '' TERM; echo $$ > $HERE/pid; while :; do sleep 0.01; done", "{x}", "{units}"]
        process = self.start("--config", self.study, "--max-trial-count", 1, program=program)
        pid = int(self.file("pid"))
        process.send_signal(signal.SIGINT)
        self.assertIn("again to kill", process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        self.finish(process, 130)
        self.assertFalse(is_running(pid))

    def test_a_finished_study_is_extended(self):
        first = self.trials("--config", self.study, "--max-trial-count", 3)
        self.assertEqual(self.trials("--config", self.study, "--max-trial-count", 3), first)
        more = self.trials("--config", self.study, "--max-trial-count", 5, "--parallel-trial-count", 2)
        self.assertEqual((len(more), more[:3]), (5, first))

    def test_a_second_run_in_the_same_directory_is_refused(self):
        process, _ = self.begin()
        _, err = self.tune("--config", self.study, "--max-trial-count", 5, "--directory", "kept", program=self.PROGRAM, code=2)
        self.assertIn(f"another `troupe tune` (process {process.pid}) is at work", err)

    def test_a_study_or_command_that_differs_from_the_journal_is_refused(self):
        self.trials("--config", self.study, "--max-trial-count", 3)
        kept = ["--directory", "kept"]
        _, err = self.tune("--config", self.study, "--max-trial-count", 2, *kept, code=2)
        self.assertIn("holds 3 trials already, and maxTrialCount is 2", err)
        _, err = self.tune("--config", self.study, "--max-trial-count", 3, "--seed", 7, *kept, code=2)
        self.assertIn("with seed 0, and --seed is 7", err)
        _, err = self.tune("--config", self.study, "--max-trial-count", 3, *kept, program=["echo", "{x}", "{units}"], code=2)
        self.assertIn("holds trials of another command", err)
        self.study.write_text(STUDY.replace("maxValue: 64", "maxValue: 65"))
        _, err = self.tune("--config", self.study, "--max-trial-count", 3, *kept, code=2)
        self.assertIn('parameters[1].integerValueSpec.maxValue: was "64", is "65"', err)


class Failures(Tune):
    def fails(self, script, *arguments, config=None, code=1, count=1):
        """The reasons why the trials of a script are infeasible."""
        trials = self.trials("--config", config or self.grid, "--max-trial-count", count, *arguments, code=code,
                             program=["sh", "-c", script, "sh", "{q}"])
        return [trial.get("infeasibleReason") for trial in trials]

    def test_the_study_fails_when_its_first_trial_fails(self):
        _, err = self.tune("--config", self.grid, "--max-trial-count", 5, code=1,
                           program=["sh", "-c", "echo working; echo 'no such data' >&2; exit 3", "{q}"])
        self.assertIn("The first trial failed, so no others were tried: exit code 3: no such data", err)
        self.assertIn("The output of the trials is in", err)

    def test_a_failed_study_continues_when_its_program_is_fixed(self):
        self.assertEqual(len(self.fails("exit 1", count=3)), 1)
        trials = self.trials("--config", self.grid, "--max-trial-count", 3, "--max-failed-trial-count", 2,
                             program=["echo", "loss={q}"])
        self.assertEqual([trial["state"] for trial in trials], ["INFEASIBLE", "SUCCEEDED", "SUCCEEDED"])

    def test_the_study_fails_after_as_many_failures_as_allowed(self):
        reasons = self.fails("[ $1 != 1 ] || echo loss=1; [ $1 = 1 ]", "--max-failed-trial-count", 2, count=9)
        self.assertEqual(reasons, [None, "exit code 1", "exit code 1"])

    def test_some_failed_trials_do_not_fail_the_study(self):
        reasons = self.fails("[ $1 != 2 ] && echo loss=$1", code=0, count=3)
        self.assertEqual(reasons, [None, "exit code 1", None])

    def test_a_failed_trial_has_a_reason(self):
        for script, reason in [("echo loss=nan", "it reported loss = NaN; expected a finite number"),
                               ("echo hello", "it reported no loss; expected the metric in the file that"),
                               ("kill -SEGV $$", "killed by SIGSEGV"),
                               ("echo loss=1; exit 7", "exit code 7")]:
            with self.subTest(script):
                self.assertTrue(self.fails(script, "--directory", script[-3:])[0].startswith(reason))

    def trials(self, *arguments, **options):
        if "--directory" not in arguments:
            return super().trials(*arguments, **options)
        at = arguments.index("--directory")
        return super().trials(*arguments[:at], *arguments[at + 2:], directory=arguments[at + 1], **options)

    def test_a_trial_that_takes_too_long_is_stopped(self):
        reasons = self.fails("while :; do sleep 0.01; done", "--timeout", "0.2s")
        self.assertEqual(reasons, ["it did not end within 0.2s, and was stopped"])

    def test_processes_that_a_trial_left_are_killed(self):
        self.trials("--config", self.grid, "--max-trial-count", 1,
                    program=["sh", "-c", "setsid sh -c 'echo $$ > $HERE/pid; exec sleep 1000' & "
                             "until [ -s $HERE/pid ]; do sleep 0.01; done; echo loss=1", "{q}"])
        pid = int(self.file("pid"))
        wait_for("the end of the process that was left", lambda: not is_running(pid))

    def test_a_program_that_disappears_makes_the_next_trial_infeasible(self):
        program = self.write("train", "#!/bin/sh\nrm $0\necho loss=1\n")
        program.chmod(0o755)
        trials = self.trials("--config", self.grid, "--max-trial-count", 2, program=["./train", "{q}"])
        self.assertEqual(trials[1]["infeasibleReason"], "cannot run ./train: No such file or directory")


class BadInput(Tune):
    def refused(self, *arguments, program=("echo", "loss={q}")):
        out, err = self.tune(*arguments, program=list(program), code=2)
        self.assertEqual(out, "")
        self.assertNotIn("grid.tune", os.listdir(self.directory))
        return err

    def test_invalid_commands_are_refused(self):
        base = ["--config", self.grid, "--max-trial-count", 1]
        self.assertIn("cannot run ./train: No such file", self.refused(*base, program=["./train", "{q}"]))
        self.assertIn("no such program in PATH", self.refused(*base, program=["no-such-program", "{q}"]))
        self.assertIn("is not an executable file; chmod +x", self.refused(*base, program=["./grid.yaml", "{q}"]))
        self.assertIn("{p} is not a parameter of the study; expected one of {q}", self.refused(*base, program=["echo", "{p}"]))
        self.assertIn("nothing to tune: give the program after --", self.refused(*base, program=[]))

    def test_invalid_study_files_are_refused_with_their_place(self):
        broken = self.write("broken.yaml", "metrics: [{metricId: loss}]\nparameters:\n- {parameterId: q, integerValueSpec: {minValue: 3, maxValue: 1}}\n")
        self.assertIn(f"{broken}:3:", self.refused("--config", broken, "--max-trial-count", 1))
        unknown = self.write("unknown.yaml", "metrics: [{metricId: loss}]\nparameter: []\n")
        self.assertIn(f"{unknown}:2:1: parameter: unknown field; did you mean parameters?",
                      self.refused("--config", unknown, "--max-trial-count", 1))
        self.assertIn("missing.yaml: No such file", self.refused("--config", "missing.yaml", "--max-trial-count", 1))
        self.assertIn("does not say how many trials", self.refused("--config", self.grid))
        self.assertIn("--config is required", self.refused())

    def test_paths_that_cannot_be_written_are_refused(self):
        base = ["--config", self.grid, "--max-trial-count", 1]
        self.write("file", "")
        self.assertIn("file/here", self.refused(*base, "--directory", "file/here"))
        self.assertIn("none/plot.svg: cannot be written", self.refused(*base, "--plot", "none/plot.svg"))

    def test_the_examples_are_valid(self):
        for name in ("study.yaml", "shell.yaml"):
            err = self.refused("--config", ROOT / "examples" / "tune" / name, program=["no-such-program"])
            self.assertIn("no such program in PATH", err)


if __name__ == "__main__":
    unittest.main()
