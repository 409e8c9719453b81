"""Micro-batch streaming: offsets, checkpoints, sources, sinks, triggers and running queries."""
