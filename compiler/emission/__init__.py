"""The one back end: a graph as Python source, with its weight table, spec and README."""
