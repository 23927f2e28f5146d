"""What a model is: language, graph, signatures, weights, families. No torch, no input or output."""
