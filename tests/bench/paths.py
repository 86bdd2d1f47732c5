"""Makes bench/ and its folders importable, as its own programs do, and says where the build is."""
import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("TROUPE_BUILD", os.path.join(ROOT, "build"))
sys.path[:0] = [os.path.join(ROOT, "bench", folder) for folder in ("", "netlab", "peers")]
