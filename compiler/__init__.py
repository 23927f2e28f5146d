"""From a spec to diagnostics, a graph, Python source, a weight table and a live model."""
