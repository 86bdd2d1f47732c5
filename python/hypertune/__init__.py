"""The name under which training code written for Vertex imports cloudml-hypertune; so that it runs unchanged where that package
is not installed."""

from troupe.hypertune import HyperTune

__all__ = ["HyperTune"]
