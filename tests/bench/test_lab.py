"""The lab: its arithmetic anywhere, and as root that it comes up, carries traffic and goes away."""
import io
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

import paths

import lab as lab_module
import netlab
from calibrate import streams
from lab import Lab, LabError, bits_per_second, burst_bytes, gso_bytes, namespaces_of, open_lab, processes_in, rate_text
from launch import run_ranks

NAME = f"t{os.getpid()}"


def namespaces_work():
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("tc")):
        return False
    probe = f"{NAME}probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", probe], check=True)
    return made


class Arithmetic(unittest.TestCase):
    def test_a_rate_is_read_with_its_unit(self):
        self.assertEqual(bits_per_second("1gbit"), 10**9)
        self.assertEqual(bits_per_second("2.5Gbit"), 25 * 10**8)
        self.assertEqual(bits_per_second("300mbit"), 3 * 10**8)
        self.assertIsNone(bits_per_second("none"))
        for text in ("", "1", "1gb", "0mbit", "-1gbit"):
            with self.assertRaises(LabError):
                bits_per_second(text)

    def test_a_rate_is_printed_as_it_is_read(self):
        for text in ("1gbit", "300mbit", "1500mbit", "none"):
            self.assertEqual(rate_text(bits_per_second(text)), text)

    def test_packets_fit_into_the_burst_with_their_headers(self):
        for rate in (10**8, 10**9, 10**10):
            burst = burst_bytes(rate)
            frames = gso_bytes(burst) // 1448 + 1
            self.assertLessEqual(gso_bytes(burst) + 66 * frames, burst)

    def test_every_host_has_its_own_address(self):
        lab = Lab(workers=3, reducers=2)
        self.assertEqual([lab.address(host) for host in lab.hosts],
                         ["10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.101", "10.77.0.102"])
        with self.assertRaisesRegex(LabError, "no host 'w3'"):
            lab.address("w3")

    def test_reducers_may_have_links_of_another_rate(self):
        lab = Lab(workers=1, reducers=1, rate=10**9, reducer_rate=10**8)
        self.assertEqual([lab.link_rate(host) for host in lab.hosts], [10**9, 10**8])

    def test_names_and_counts_that_are_out_of_range_are_refused(self):
        for settings in ({"workers": 0}, {"workers": 100}, {"workers": 1, "name": "a-b"}, {"workers": 1, "name": "A"}):
            with self.assertRaises(LabError):
                Lab(**settings)


@unittest.skipUnless(namespaces_work(), "network namespaces cannot be made here")
class Living(unittest.TestCase):
    def tearDown(self):
        lab_module.sweep(NAME)
        self.assertEqual(namespaces_of(NAME), [])

    def test_a_lab_carries_an_all_reduce_and_leaves_nothing(self):
        with Lab(workers=2, rate=10**9, name=NAME) as lab:
            ring = os.path.join(paths.BUILD, "bench", "peers", "peer-ring")
            line, = run_ranks(lab, [ring, "--sizes", "100000", "--max-iterations", "5"], timeout_s=60)
            self.assertEqual(line["wrong"], 0)
            self.assertGreaterEqual(line["sent_factor"], 1.0)
            self.assertEqual(open_lab(NAME), lab)
        self.assertEqual(namespaces_of(NAME), [])
        with self.assertRaisesRegex(LabError, "no lab"):
            open_lab(NAME)

    def test_streams_of_a_calibration_end(self):
        with Lab(workers=1, reducers=1, rate=10**8, name=NAME) as lab:
            rates, _ = streams(lab, [("w0", "r0"), ("r0", "w0")], warm_s=0.01, measure_s=0.05)
            self.assertEqual(len(rates), 2)
            self.assertEqual(processes_in(namespaces_of(NAME)), [])

    def test_links_are_shaped_at_both_ends(self):
        with Lab(workers=1, reducers=1, rate=10**8, reducer_rate=5 * 10**7, name=NAME) as lab:
            for host, rate in (("w0", "100Mbit"), ("r0", "50Mbit")):
                for space, device in ((lab.namespace(host), "eth0"), (lab.namespace("switch"), host)):
                    shown = subprocess.run(["tc", "-n", space, "qdisc", "show", "dev", device],
                                           capture_output=True, text=True, check=True).stdout
                    self.assertIn("tbf", shown)
                    self.assertIn(f"rate {rate}", shown)

    def test_two_labs_exist_side_by_side(self):
        other = NAME + "b"
        with Lab(workers=1, name=NAME) as one, Lab(workers=1, name=other) as two:
            self.assertEqual(one.address("w0"), two.address("w0"))
            one.down()
            self.assertEqual(len(namespaces_of(other)), 2)
        self.assertEqual(namespaces_of(other), [])

    def test_down_removes_what_a_crash_left(self):
        left = Lab(workers=2, name=NAME).up()
        sleeper = left.popen("w1", ["sleep", "1000"])
        # The process enters the namespace some time after its start.
        while sleeper.pid not in processes_in([left.namespace("w1")]):
            self.assertIsNone(sleeper.poll())
            time.sleep(0.01)
        with Lab(workers=1, name=NAME):
            self.assertEqual(sorted(namespaces_of(NAME)), [f"{NAME}-switch", f"{NAME}-w0"])
            self.assertEqual(sleeper.wait(10), -signal.SIGTERM)

    def test_the_command_brings_a_lab_up_runs_in_it_and_removes_it(self):
        program = [sys.executable, netlab.__file__]

        def said(*words):
            done = subprocess.run([*program, *words], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        said("up", "--name", NAME, "--workers", "2", "--reducers", "1", "--rate", "100mbit")
        shown = said("run", "--name", NAME, "w1", "--", "ip", "-j", "address", "show", "dev", "eth0")
        self.assertEqual(json.loads(shown)[0]["addr_info"][0]["local"], "10.77.0.2")
        self.assertIn("r0    10.77.0.101    100mbit", said("status", "--name", NAME))
        said("down", "--name", NAME)
        self.assertEqual(namespaces_of(NAME), [])


class Misuse(unittest.TestCase):
    def test_a_lab_is_refused_without_root(self):
        real, os.geteuid = os.geteuid, lambda: 1000
        try:
            problems = io.StringIO()
            with contextlib.redirect_stderr(problems):
                self.assertEqual(netlab.main(["up", "--workers", "1"]), 1)
            self.assertIn("need root", problems.getvalue())
        finally:
            os.geteuid = real


if __name__ == "__main__":
    unittest.main()
