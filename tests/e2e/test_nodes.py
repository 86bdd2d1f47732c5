"""A controller and two agents as separate processes, joined by links with mutual TLS."""

import pathlib
import socket
import ssl
import subprocess
import tempfile
import unittest

from cluster import TROUPE, Process, api_of, shell_job, wait_for


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nodes(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="troupe-nodes-")))
        self.processes = []
        self.addCleanup(self.clean_up)
        self.link_port = free_port()
        self.run_troupe("ca", "init", "--dir", self.dir / "ca")
        self.run_troupe("ca", "issue", "--dir", self.dir / "ca", "controller", "--host", "127.0.0.1")

    def clean_up(self):
        for process in self.processes:
            if process.process.poll() is None:
                process.kill()
        subprocess.run(["pkill", "-KILL", "-f", f"troupe-shim.*{self.dir}"], check=False)

    def run_troupe(self, *arguments, check=0):
        done = subprocess.run([TROUPE, *map(str, arguments)], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, check, done.stdout + done.stderr)
        return done

    def tls(self, name, ca="ca"):
        files = self.dir / ca
        return f"{{certificate: {files}/{name}.pem, key: {files}/{name}-key.pem, authority: {files}/authority.pem}}"

    def controller(self):
        config = self.dir / "controller.yaml"
        config.write_text(f"data_directory: {self.dir}/controller\napi: {{listen: \"127.0.0.1:0\"}}\n"
                          f"link: {{listen: \"127.0.0.1:{self.link_port}\"}}\ntls: {self.tls('controller')}\n"
                          "node_lost_after: 2s\n")
        (self.dir / "controller" / "endpoint").unlink(missing_ok=True)
        process = Process(self.dir / "controller.log", "controller", "--config", config)
        self.processes.append(process)
        self.api = api_of(self.dir / "controller", process)
        return process

    def agent(self, name, first_port, ca="ca"):
        if not (self.dir / ca / f"{name}.pem").exists():
            self.run_troupe("ca", "issue", "--dir", self.dir / ca, name)
        config = self.dir / f"{name}.yaml"
        config.write_text(f"data_directory: {self.dir}/{name}\nname: {name}\ncontroller: 127.0.0.1:{self.link_port}\n"
                          f"address: 127.0.0.1\ntls: {self.tls(name, ca)}\nresources: {{cpus: 1, memory: 1GiB}}\n"
                          f"ports: {first_port}-{first_port + 99}\n")
        process = Process(self.dir / f"{name}.log", "agent", "--config", config)
        self.processes.append(process)
        return process

    def connected(self):
        nodes = self.api.call("GET", "/v1/projects/local/locations/local/nodes").get("nodes", [])
        return sorted(node["name"] for node in nodes if node.get("connected"))

    def test_a_gang_over_two_nodes_outlives_controller_and_agent(self):
        controller = self.controller()
        agent_a = self.agent("a", 23000)
        self.agent("b", 23100)
        wait_for("both nodes", lambda: self.connected() == ["a", "b"])
        # One core a replica, one core a node: the gang needs both.
        go = self.dir / "go"
        # The primary's end ends the others, so no replica leaves before both have printed.
        through = self.dir / "through"
        job = self.api.create(shell_job(f"echo $$ >> {self.dir}/pids; until [ -e {go} ]; do sleep 0.05; done; "
                                        f"echo through; echo x >> {through}; "
                                        f"until [ $(wc -l < {through}) -eq 2 ]; do sleep 0.05; done",
                                        machine="custom-1-64", pools=2))
        self.api.in_state(job["name"], "JOB_STATE_RUNNING")
        pids = self.dir / "pids"
        wait_for("both replicas", lambda: pids.exists() and len(pids.read_text().split()) == 2)

        controller.kill()
        agent_a.kill()
        self.controller()
        self.agent("a", 23000)
        wait_for("both nodes again", lambda: self.connected() == ["a", "b"])
        go.touch()
        done = self.api.ended(job["name"])
        self.assertEqual(done["state"], "JOB_STATE_SUCCEEDED", done)
        self.assertEqual(len(pids.read_text().split()), 2, "a replica was started twice")
        self.assertEqual(self.api.lines(job["name"]), ["through"])
        # The other replica is stopped after the job's end; its last line may come a moment later.
        wait_for("the worker's line", lambda: self.api.lines(job["name"], "workerpool1-0") == ["through"])

    def test_a_job_is_rescheduled_when_its_node_is_lost(self):
        self.controller()
        agent_a = self.agent("a", 23200)
        wait_for("node a", lambda: self.connected() == ["a"])
        ran = self.dir / "ran"
        job = self.api.create(shell_job(f"echo x >> {ran}; [ $(wc -l < {ran}) -gt 1 ] || sleep 1000", machine="custom-1-64"))
        wait_for("the first run", ran.exists)
        agent_a.kill()
        self.agent("b", 23300)
        done = self.api.ended(job["name"])
        self.assertEqual(done["state"], "JOB_STATE_SUCCEEDED", done)

    def test_strangers_on_the_port_of_the_link_are_refused_and_do_no_harm(self):
        self.controller()
        self.agent("a", 23400)
        wait_for("node a", lambda: self.connected() == ["a"])
        # A node with a certificate of another authority.
        self.run_troupe("ca", "init", "--dir", self.dir / "other")
        rogue = self.agent("rogue", 23500, ca="other")
        plain = ssl.create_default_context()
        plain.check_hostname, plain.verify_mode = False, ssl.CERT_NONE
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", self.link_port), timeout=10) as stranger:
                stranger.sendall(b"\x00\xff" * 4096)
            with self.assertRaises((ssl.SSLError, OSError, AssertionError)):
                with socket.create_connection(("127.0.0.1", self.link_port), timeout=10) as stranger:
                    with plain.wrap_socket(stranger) as no_certificate:
                        no_certificate.sendall(b"hello" * 100)
                        # TLS 1.3 reports the missing certificate at the first read.
                        self.assertNotEqual(no_certificate.recv(1), b"")
        job = self.api.create(shell_job("echo fine", machine="custom-0.5-64"))
        self.assertEqual(self.api.ended(job["name"])["state"], "JOB_STATE_SUCCEEDED")
        self.assertEqual(self.connected(), ["a"])
        self.assertIsNone(rogue.process.poll(), "the refused agent keeps dialling")


if __name__ == "__main__":
    unittest.main()
