"""Starts a peer on the workers of a lab, one process per rank, and reads the JSON that rank 0 prints.

A place is a Lab or a Loopback (netlab/lab.py). All peers take the same options and get the
same sizes, so they differ only in the library that all-reduces.
"""
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time


class PeerFailure(Exception):
    """A peer's run without figures; the message names the peer, and has its output."""


@contextlib.contextmanager
def meeting():
    """A folder in memory that all ranks share."""
    with tempfile.TemporaryDirectory(prefix="troupe-meeting-", dir="/dev/shm") as folder:
        yield folder


def rank_environment(place, rank, folder):
    return {"RANK": str(rank), "WORLD_SIZE": str(place.workers), "PEER_MEETING": folder,
            "PEER_ADDRESS": place.address(place.worker_hosts[rank])}


def end(processes):
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def wait_all(processes, timeout_s):
    """True when all have exited with 0. One that fails ends the wait: the others may never notice."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        states = [process.poll() for process in processes]
        if any(states):
            return False
        if all(state == 0 for state in states):
            return True
        time.sleep(0.01)
    return False


def run_processes(what, start, timeout_s):
    """Runs what `start(output, problems)` starts to its end; the JSON lines of its output."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as problems:
        processes = start(output, problems)
        try:
            well = wait_all(processes, timeout_s)
        finally:
            end(processes)
        output.seek(0)
        problems.seek(0)
        if not well:
            said = problems.read().strip()[-2000:] or f"not done within {timeout_s} s"
            raise PeerFailure(f"{what}: {said}")
        return [json.loads(line) for line in output if line.startswith("{")]


def run_ranks(place, argv, environment=None, timeout_s=600):
    """Every rank's program, for peers without a launcher of their own."""
    with meeting() as folder:
        def start(output, problems):
            return [place.popen(host, argv, stdin=subprocess.DEVNULL, stderr=problems,
                                stdout=output if rank == 0 else subprocess.DEVNULL,
                                env=os.environ | rank_environment(place, rank, folder) | (environment or {}))
                    for rank, host in enumerate(place.worker_hosts)]
        return run_processes(os.path.basename(argv[0]), start, timeout_s)


def run_ring(place, program, size_bytes):
    """Our own ring all-reduce at one size, for calibration."""
    return run_ranks(place, [program, "--sizes", str(size_bytes), "--seconds", "1.5", "--min-iterations", "3"],
                     timeout_s=60)[0]


# Open MPI.

# Open MPI would start its daemons with ssh. The daemon's host name is changed, too, in a namespace:
# daemons of one name count as one machine. The meeting folder says which namespace has an address.
AGENT = """#!/bin/sh
set -e
folder=${0%/*} address=$1
shift
exec ip netns exec "$(cat "$folder/space-$address")" unshare --uts sh -c 'hostname "$0"; exec sh -c "$1"' \\
  "$(cat "$folder/host-$address")" "$*"
"""


def write_agent(lab, folder):
    for host in lab.worker_hosts:
        address = lab.address(host)
        for kind, text in (("space", lab.namespace(host)), ("host", f"{lab.name}-{host}")):
            with open(f"{folder}/{kind}-{address}", "w") as file:
                file.write(text)
    agent = f"{folder}/agent"
    with open(agent, "w") as file:
        file.write(AGENT)
    os.chmod(agent, 0o700)
    return agent


def mpirun(place, folder, settings):
    """mpirun's command up to the program. It runs at the switch of a lab: no worker is special."""
    settings = {"pml": "ob1", "btl": "tcp,self", "plm_rsh_no_tree_spawn": "1",
                # Waiting ranks yield: by spinning they would take the CPU from the ranks that they wait for.
                "mpi_yield_when_idle": "1"} | settings
    if place.name == "loopback":
        network, where = "127.0.0.1/8", ["--host", f"localhost:{place.workers}", "--oversubscribe"]
    else:
        network = "10.77.0.0/24"
        settings["plm_rsh_agent"] = write_agent(place, folder)
        where = ["--host", ",".join(f"{place.address(host)}:1" for host in place.worker_hosts)]
    settings |= {"btl_tcp_if_include": network, "oob_tcp_if_include": network}
    words = [word for name, value in settings.items() for word in ("--mca", name, value)]
    return ["mpirun", "--allow-run-as-root", "--bind-to", "none", *where, *words, "-x", "PEER_MEETING"]


def run_mpi(place, argv, settings, timeout_s=600):
    with meeting() as folder:
        command = mpirun(place, folder, settings) + argv

        def start(output, problems):
            return [place.popen("switch", command, stdin=subprocess.DEVNULL, stdout=output, stderr=problems,
                                env=os.environ | {"PEER_MEETING": folder})]
        return run_processes("Open MPI", start, timeout_s)


# Troupe.

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop_reducers(processes):
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
    end(processes)


def run_troupe(place, argv, reducer_command, environment=None, timeout_s=600):
    """Reducers on the reducer hosts, then the ranks."""
    ports = [free_port() if place.name == "loopback" else 7711 for _ in place.reducer_hosts]
    listen = [f"{place.address(host)}:{port}" for host, port in zip(place.reducer_hosts, ports)]
    common = {"TROUPE_JOB": "collectives", "TROUPE_TOKEN": secrets.token_hex(16),
              "UCX_TLS": "tcp"} | (environment or {})  # nothing may bypass the links
    with tempfile.TemporaryFile("w+") as said:
        reducers = [place.popen(host, [*reducer_command, "reducer"], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                env=os.environ | common
                                | {"TROUPE_LISTEN": at, "TROUPE_WORLD_SIZE": str(place.workers)})
                    for host, at in zip(place.reducer_hosts, listen)]
        try:
            return run_ranks(place, argv, common | {"TROUPE_REDUCERS": ",".join(listen)}, timeout_s)
        except PeerFailure as failure:
            said.seek(0)
            raise PeerFailure(f"{failure}\nreducers: {said.read().strip()[-2000:]}") from None
        finally:
            stop_reducers(reducers)
