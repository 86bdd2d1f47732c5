"""A cluster of network namespaces on one machine: workers w0.. and reducers r0.., each with one
shaped link to a switch.

The switch is a bridge in a dedicated namespace, so the machine's own network is not touched. Both
ends of every link have a token bucket: the host's end limits what its card sends, the switch's end
what it receives. Everything that a lab creates has its name, so several labs can exist at once, and
whatever a crash left is found by its name.
"""
import dataclasses
import json
import os
import re
import signal
import subprocess
import time

STATE_FOLDER = "/run/netlab"
NETWORK = "10.77.0"
MTU = 1500
# Payload per frame over the bytes a token bucket counts for it: TCP with timestamps on Ethernet.
TCP_CEILING = 1448 / 1514
UNITS = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}


class LabError(Exception):
    """A problem that the user can fix; the message says how."""


def bits_per_second(text):
    """'1gbit' as a number; None for 'none', which means a link that is not shaped."""
    if text is None or text == "none":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?bit)", str(text).lower())
    if not match or float(match[1]) == 0:
        raise LabError(f"a rate of '{text}': expected a number with a unit, such as 1gbit, 300mbit or none")
    return int(float(match[1]) * UNITS[match[2]])


def rate_text(rate):
    """A number of bits per second as tc and people read it."""
    if rate is None:
        return "none"
    for unit in ("gbit", "mbit", "kbit"):
        if rate % UNITS[unit] == 0:
            return f"{rate // UNITS[unit]}{unit}"
    return f"{rate}bit"


def burst_bytes(rate):
    """The burst of a link's token bucket. With more, messages after a pause are not shaped; with less, packets
    become so small that the CPU is the bound, and not the links: 40 kB take an eighth of the
    CPU time per byte that 16 kB take, and are 1 % of 4 MiB. From 2.56 Gbit/s on, 125 us of the rate."""
    return max(40_000, rate * 125 // 8 // 10**6)


def gso_bytes(burst):
    """The largest packet the kernel hands to a link. If it exceeds the burst, with the headers of its
    segments, the token bucket cuts it frame by frame, which costs more CPU than everything else."""
    return min(65536, burst * 82 // 100)


def run_quietly(argv, text=None):
    done = subprocess.run(argv, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"'{' '.join(argv)}' failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def require_root():
    if os.geteuid() != 0:
        raise LabError("network namespaces need root: run this with sudo")


@dataclasses.dataclass
class Lab:
    """A lab: `up` creates it, `down` removes it. Also a context manager."""

    workers: int
    reducers: int = 0
    rate: int | None = None
    reducer_rate: int | None = None
    burst: int | None = None
    congestion: str | None = None
    name: str = "netlab"

    def __post_init__(self):
        if not re.fullmatch(r"[a-z][a-z0-9]{0,11}", self.name):
            raise LabError(f"a lab named '{self.name}': expected at most 12 lower-case letters and digits")
        if not (1 <= self.workers <= 99 and 0 <= self.reducers <= 99):
            raise LabError(f"{self.workers} workers and {self.reducers} reducers: expected 1 to 99 and 0 to 99")

    # Hosts.

    @property
    def worker_hosts(self):
        return [f"w{i}" for i in range(self.workers)]

    @property
    def reducer_hosts(self):
        return [f"r{i}" for i in range(self.reducers)]

    @property
    def hosts(self):
        return self.worker_hosts + self.reducer_hosts

    def address(self, host):
        """Workers are 10.77.0.1 on, reducers 10.77.0.101 on, the switch 10.77.0.254."""
        if host == "switch":
            return f"{NETWORK}.254"
        if host not in self.hosts:
            raise LabError(f"no host '{host}' in lab '{self.name}': it has {', '.join(self.hosts)}")
        return f"{NETWORK}.{int(host[1:]) + (1 if host[0] == 'w' else 101)}"

    def link_rate(self, host):
        if host.startswith("r") and self.reducer_rate is not None:
            return self.reducer_rate
        return self.rate

    @property
    def shaped(self):
        return self.rate is not None

    def namespace(self, host):
        return f"{self.name}-{host}"

    # Running things.

    def command(self, host, argv):
        """The command that runs argv on a host."""
        return ["ip", "netns", "exec", self.namespace(host), *argv]

    def popen(self, host, argv, **options):
        self.address(host)
        return subprocess.Popen(self.command(host, argv), **options)

    # Up and down.

    def up(self):
        require_root()
        sweep(self.name)
        try:
            self._build()
        except BaseException:
            sweep(self.name)
            raise
        os.makedirs(STATE_FOLDER, exist_ok=True)
        with open(state_path(self.name), "w") as state:
            json.dump(dataclasses.asdict(self), state)
        return self

    def down(self):
        require_root()
        sweep(self.name)

    def __enter__(self):
        return self.up()

    def __exit__(self, *_):
        self.down()

    def _build(self):
        for host in ["switch", *self.hosts]:
            run_quietly(["ip", "netns", "add", self.namespace(host)])
        self.congestion = self._choose_congestion()
        switch = self.namespace("switch")
        run_quietly(["ip", "-n", switch, "-batch", "-"], "\n".join([
            "link set dev lo up",
            "link add name switch type bridge",
            f"link set dev switch mtu {MTU} up",
            f"addr add {self.address('switch')}/24 dev switch", ""]))
        for host in self.hosts:
            self._link(switch, host)

    def _link(self, switch, host):
        space, rate = self.namespace(host), self.link_rate(host)
        run_quietly(["ip", "-n", switch, "link", "add", "name", host, "mtu", str(MTU),
                     "type", "veth", "peer", "name", "eth0", "mtu", str(MTU), "netns", space])
        run_quietly(["ip", "-n", switch, "link", "set", "dev", host, "master", "switch", "up"])
        run_quietly(["ip", "-n", space, "-batch", "-"], "\n".join([
            "link set dev lo up", "link set dev eth0 up",
            f"addr add {self.address(host)}/24 dev eth0", ""]))
        if rate is None:
            return
        burst = self.burst or burst_bytes(rate)
        for where, device in ((switch, host), (space, "eth0")):
            run_quietly(["ip", "-n", where, "link", "set", "dev", device,
                         "gso_max_size", str(gso_bytes(burst))])
            # A queue of 100 ms: shorter ones drop packets, and TCP collapses.
            run_quietly(["tc", "-n", where, "qdisc", "add", "dev", device, "root", "tbf",
                         "rate", rate_text(rate), "burst", str(burst), "latency", "100ms"])

    def _choose_congestion(self):
        """Sets TCP's congestion control in all namespaces: the one asked for, or the first of cubic
        and reno that the kernel permits in a namespace. BBR paces by itself and hides the shaper."""
        wanted = [self.congestion] if self.congestion else ["cubic", "reno"]
        for candidate in wanted:
            if all(set_congestion(self.namespace(host), candidate) for host in ["switch", *self.hosts]):
                return candidate
        if self.congestion:
            raise LabError(f"this kernel does not permit congestion control '{self.congestion}' in a namespace; "
                           "add it to net.ipv4.tcp_allowed_congestion_control")
        return read_congestion(self.namespace("w0"))


class Loopback:
    """The same machine without a lab: every host is this one. It shows software overhead; its figures are no results."""

    name, rate, reducer_rate, shaped, congestion = "loopback", None, None, False, None

    def __init__(self, workers, reducers=0):
        self.workers, self.reducers = workers, reducers
        self.worker_hosts = [f"w{i}" for i in range(workers)]
        self.reducer_hosts = [f"r{i}" for i in range(reducers)]
        self.hosts = self.worker_hosts + self.reducer_hosts

    def address(self, _host):
        return "127.0.0.1"

    def command(self, _host, argv):
        return list(argv)

    def popen(self, _host, argv, **options):
        return subprocess.Popen(list(argv), **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


CONGESTION = "/proc/sys/net/ipv4/tcp_congestion_control"


def set_congestion(namespace, name):
    done = subprocess.run(["ip", "netns", "exec", namespace, "sh", "-c", f'echo "$0" >{CONGESTION}', name],
                          capture_output=True)
    return done.returncode == 0 and read_congestion(namespace) == name


def read_congestion(namespace):
    return run_quietly(["ip", "netns", "exec", namespace, "cat", CONGESTION]).strip()


def state_path(name):
    return f"{STATE_FOLDER}/{name}.json"


def open_lab(name):
    """The lab of that name that another process brought up."""
    try:
        with open(state_path(name)) as state:
            return Lab(**json.load(state))
    except FileNotFoundError:
        raise LabError(f"no lab '{name}' is up: bring it up with 'netlab.py up --name {name}'") from None


def namespaces_of(name):
    listed = run_quietly(["ip", "-j", "netns", "list"]).strip()
    spaces = [entry["name"] for entry in json.loads(listed or "[]")]
    return [space for space in spaces if re.fullmatch(re.escape(name) + r"-(switch|[wr]\d+)", space)]


def sweep(name):
    """Ends the processes of a lab and removes everything that it created, in whatever state it is."""
    spaces = namespaces_of(name)
    end_processes(spaces)
    for space in spaces:
        run_quietly(["ip", "netns", "del", space])
    if os.path.exists(state_path(name)):
        os.remove(state_path(name))


def end_processes(spaces):
    # A process that is still alive would keep its namespace, and with it its end of the link.
    for sign in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 2
        while (pids := processes_in(spaces)) and time.monotonic() < deadline:
            for pid in pids:
                try:
                    os.kill(pid, sign)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)


def processes_in(spaces):
    return [int(pid) for space in spaces
            for pid in run_quietly(["ip", "netns", "pids", space]).split() if int(pid) != os.getpid()]
