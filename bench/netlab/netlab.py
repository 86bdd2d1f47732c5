#!/usr/bin/env python3
"""netlab: a cluster of network namespaces with shaped links on one machine. Needs root.

    netlab.py up --workers 4 --reducers 4 --rate 1gbit    brings it up; --rate auto finds the rate
    netlab.py calibrate                                   whether links or CPU bound a run here
    netlab.py run w0 -- ping -c1 10.77.0.101              runs a command on a host
    netlab.py status                                      hosts, addresses, links, byte counters
    netlab.py down                                        removes it
"""
import argparse
import json
import os
import sys

import calibrate
from lab import Lab, LabError, bits_per_second, burst_bytes, open_lab, rate_text, require_root, run_quietly, sweep
from launch import PeerFailure


def ring_program(build):
    path = os.path.join(build or os.environ.get("TROUPE_BUILD", ""), "bench", "peers", "peer-ring")
    return path if os.path.exists(path) else None


def up(args):
    def make(rate):
        return Lab(workers=args.workers, reducers=args.reducers, rate=bits_per_second(rate), burst=args.burst,
                   reducer_rate=bits_per_second(args.reducer_rate), congestion=args.congestion, name=args.name)

    require_root()
    rate = args.rate
    if rate == "auto":
        rate = calibrate.auto_rate(make, ring_program(args.build), say=print)
    lab = make(rate).up()
    print(f"lab '{lab.name}': {lab.workers} workers, {lab.reducers} reducers, links of {rate_text(lab.rate)}, "
          f"TCP {lab.congestion}")
    return 0


def down(args):
    require_root()
    sweep(args.name)
    return 0


def run(args):
    require_root()
    lab = open_lab(args.name)
    lab.address(args.host)
    argv = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not argv:
        raise LabError(f"no command for {args.host}: say it after '--'")
    command = lab.command(args.host, argv)
    os.execvp(command[0], command)


def measure(args):
    require_root()
    found = calibrate.calibrate(open_lab(args.name), ring_program(args.build))
    print(json.dumps(found) if args.json else calibrate.report(found))
    return 0 if found["bound"] == "links" else 3


def status(args):
    require_root()
    lab = open_lab(args.name)
    print(f"lab '{lab.name}', TCP {lab.congestion}\nHOST  ADDRESS        LINK      BURST    TX_BYTES      RX_BYTES")
    for host in lab.hosts:
        shown = json.loads(run_quietly(["ip", "-n", lab.namespace(host), "-j", "-s", "link", "show", "eth0"]))
        stats, rate = shown[0]["stats64"], lab.link_rate(host)
        burst = "-" if rate is None else str(lab.burst or burst_bytes(rate))
        print(f"{host:<5} {lab.address(host):<14} {rate_text(rate):<9} {burst:<8} {stats['tx']['bytes']:<13} "
              f"{stats['rx']['bytes']}")
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(prog="netlab.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, action, help):
        added = commands.add_parser(name, help=help)
        added.add_argument("--name", default="netlab", help="the lab's name (netlab)")
        added.set_defaults(action=action)
        return added

    added = command("up", up, "bring a lab up; what is left of an earlier one of that name goes first")
    added.add_argument("--workers", type=int, required=True)
    added.add_argument("--reducers", type=int, default=0)
    added.add_argument("--rate", default="1gbit", help="of each link, both ways: 1gbit, 300mbit, none, auto (1gbit)")
    added.add_argument("--reducer-rate", help="of the reducers' links, where it differs")
    added.add_argument("--burst", type=int, help="bytes a link passes at once (125 us of its rate, at least 40000)")
    added.add_argument("--congestion", help="TCP's congestion control (cubic where permitted, else reno)")
    added.add_argument("--build", help="build folder with bench/peers/peer-ring, for --rate auto")
    command("down", down, "end the lab's processes and remove it")
    added = command("run", run, "run a command on a host: run w0 -- COMMAND")
    added.add_argument("host")
    added.add_argument("command", nargs=argparse.REMAINDER)
    added = command("calibrate", measure, "measure the links; exit 3 where the CPU is the bound")
    added.add_argument("--build", help="build folder with bench/peers/peer-ring")
    added.add_argument("--json", action="store_true")
    command("status", status, "hosts, addresses, links and byte counters")
    return parser.parse_args(argv)


def main(argv):
    args = parse(argv)
    try:
        return args.action(args)
    except (LabError, PeerFailure) as problem:
        print(f"netlab.py: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
