"""Passes from a document to a verified graph, one a file; `compiler.analysis` runs them."""
