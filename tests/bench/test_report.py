"""The table that is made from JSON lines: medians, bounds, verdicts, sizes, the plot."""
import os
import tempfile
import unittest
import xml.dom.minidom

import paths  # noqa: F401  (makes the others importable)

import collectives
import cpu
import plot
import report
from calibrate import verdict
from lab import LabError

GIGABIT = 10**9


def line(peer, size, median, idle=0.5):
    return {"peer": peer, "size_bytes": size, "median_us": median, "p99_us": median, "min_us": median,
            "max_us": median, "algbw_GBps": size / median / 1e3, "cpu_idle": idle, "sent_factor": 1.0,
            "iterations": 3, "wrong": 0}


def annotated(lines, ranks=4, rate=GIGABIT, kappa=4):
    return report.annotate(report.medians([lines]), ranks, rate, kappa)


class Sizes(unittest.TestCase):
    def test_sizes_are_lists_or_ranges(self):
        self.assertEqual(collectives.sizes_of("8,4K,1m"), [8, 4096, 1 << 20])
        self.assertEqual(collectives.sizes_of("8..128"), [8, 32, 128])
        self.assertEqual(collectives.sizes_of("8..100,4K"), [8, 32, 100, 4096])

    def test_a_size_that_is_invalid_is_refused(self):
        for text in ("", "0", "7", "4X", "4K..", "-8"):
            with self.assertRaises(LabError):
                collectives.sizes_of(text)

    def test_a_size_is_printed_with_its_unit(self):
        self.assertEqual([report.size_text(size) for size in (8, 4096, 1 << 20, 3 << 30, 4100)],
                         ["8", "4K", "1M", "3G", "4100"])


class Bounds(unittest.TestCase):
    def test_the_bound_is_each_byte_once(self):
        self.assertAlmostEqual(report.bound_us(125_000_000, GIGABIT), 1e6)

    def test_optimum_between_ring_and_enough_reducers(self):
        size = 1 << 20
        once = report.bound_us(size, GIGABIT)
        self.assertAlmostEqual(report.optimum_us(size, GIGABIT, 4, 0) / once, 1.5)
        self.assertAlmostEqual(report.optimum_us(size, GIGABIT, 4, 2) / once, 1.2)
        self.assertAlmostEqual(report.optimum_us(size, GIGABIT, 4, 4) / once, 1.0)
        self.assertAlmostEqual(report.optimum_us(size, GIGABIT, 4, 9) / once, 1.0)
        self.assertAlmostEqual(report.optimum_us(size, GIGABIT, 2, 1) / once, 1.0)


class Medians(unittest.TestCase):
    def test_figures_are_medians_of_rounds(self):
        rounds = [[line("ring", 8, time, idle)] for time, idle in ((5.0, None), (1.0, 0.2), (3.0, 0.4))]
        row = report.medians(rounds)["ring", 8]
        self.assertEqual(row["median_us"], 3.0)
        self.assertAlmostEqual(row["cpu_idle"], 0.3)
        self.assertEqual(row["rounds"], 3)


class Verdicts(unittest.TestCase):
    size = 16 << 20

    def fast_ring(self, idle=0.5):
        at_ceiling = 1.5 * report.bound_us(self.size, GIGABIT) / report.TCP_CEILING
        return line("ring", self.size, at_ceiling / 0.95, idle)

    def test_links_are_the_bound_if_the_ring_reaches_its_own(self):
        rows = annotated([line("troupe", self.size, 140_000.0), self.fast_ring()])
        self.assertEqual(rows["troupe", self.size]["bound_by"], "links")

    def test_the_cpu_is_the_bound_if_none_is_idle(self):
        rows = annotated([line("troupe", self.size, 140_000.0, idle=0.05), self.fast_ring()])
        self.assertEqual(rows["troupe", self.size]["bound_by"], "cpu")

    def test_the_calibration_decides_without_a_ring(self):
        rows = report.medians([[line("troupe", self.size, 140_000.0)]])
        for calibrated, expected in ((True, "links"), (False, "cpu")):
            seen = report.annotate(rows, 4, GIGABIT, 4, calibrated)
            self.assertEqual(seen["troupe", self.size]["bound_by"], expected)

    def test_idle_cpu_of_open_mpi_does_not_count_as_it_polls(self):
        rows = annotated([line("mpi-han", self.size, 300_000.0, idle=0.0), self.fast_ring()])
        self.assertEqual(rows["mpi-han", self.size]["bound_by"], "links")

    def test_the_cpu_is_the_bound_if_the_ring_is_slow(self):
        rows = annotated([line("troupe", self.size, 140_000.0), line("ring", self.size, 900_000.0)])
        self.assertEqual(rows["troupe", self.size]["bound_by"], "cpu")

    def test_small_messages_are_bound_by_latency(self):
        rows = annotated([line("troupe", 8, 50.0, idle=None), line("ring", 8, 200.0)], rate=None)
        self.assertEqual(rows["troupe", 8]["bound_by"], "latency")

    def test_the_comparison_uses_the_faster_module_of_open_mpi(self):
        rows = annotated([line("troupe", 8, 50.0), line("gloo", 8, 500.0), line("mpi-tuned", 8, 100.0),
                          line("mpi-han", 8, 75.0)])
        own = rows["troupe", 8]
        self.assertEqual((own["vs_gloo"], own["vs_mpi"], own["vs_ring"]), (10.0, 1.5, None))

    def test_a_calibration_is_judged_by_its_streams_ring_and_idle_cpu(self):
        self.assertEqual(verdict(0.9, 0.1), "links")
        self.assertEqual(verdict(0.89, 0.5), "cpu")
        self.assertEqual(verdict(0.99, 0.09), "cpu")
        self.assertEqual(verdict(0.99, None), "cpu")


class Shown(unittest.TestCase):
    def test_a_missing_peer_leaves_a_gap(self):
        text = report.table(annotated([line("troupe", 8, 50.0), line("gloo", 64, 500.0)]), ["troupe", "gloo"])
        self.assertEqual(len(text.splitlines()), 4)
        self.assertIn("50.0", text)

    def test_a_plot_is_xml_with_a_line_per_peer(self):
        rows = annotated([line(peer, size, size * 1.0) for peer in ("troupe", "ring") for size in (8, 4096)])
        drawn = xml.dom.minidom.parseString(plot.svg(rows, ["troupe", "ring"], "a title"))
        self.assertEqual(len(drawn.getElementsByTagName("polyline")), 2)

    def test_a_plot_of_one_size_is_drawn(self):
        xml.dom.minidom.parseString(plot.svg(annotated([line("ring", 8, 1.0)]), ["ring"], "one"))


class Cpu(unittest.TestCase):
    def test_idle_and_waiting_ticks_count_as_unused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "stat")
            with open(path, "w") as stat:
                stat.write("cpu  100 20 30 400 50 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
            self.assertEqual(cpu.ticks(path), (450, 621))

    def test_the_share_of_unused_time_is_between_two_moments(self):
        self.assertEqual(cpu.idle_share((0, 0), (50, 100)), 0.5)
        self.assertIsNone(cpu.idle_share((0, 0), (5, 10)))


if __name__ == "__main__":
    unittest.main()
