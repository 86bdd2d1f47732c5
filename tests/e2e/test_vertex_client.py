"""Google's own Node client for Vertex AI, unmodified, with a cluster."""

import pathlib
import subprocess
import tempfile
import unittest

from cluster import cluster

HERE = pathlib.Path(__file__).resolve().parent / "vertex_client"

# The client asks for a machine of Google's; here it is a slice of this one.
CONFIG = """
controller:
  machine_types:
    n1-standard-4: {cpus: 0.2, memory: 128MiB}
"""


class VertexClient(unittest.TestCase):
    def test_the_official_client_creates_follows_and_deletes_jobs(self):
        # npm writes this file last: without it the installation was interrupted.
        if not (HERE / "node_modules" / ".package-lock.json").is_file():
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True, timeout=600)
        config = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "cluster.yaml"
        config.write_text(CONFIG)
        with cluster("--config", config) as running:
            done = subprocess.run(["node", "client.js", "--endpoint", running.api.endpoint.removeprefix("http://"),
                                   "--token-file", running.data / "token", "--", "/bin/sh", "-c", "echo from the official client"],
                                  cwd=HERE, capture_output=True, text=True, timeout=240)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertGreater(done.stdout.count("ok:"), 5, done.stdout)


if __name__ == "__main__":
    unittest.main()
