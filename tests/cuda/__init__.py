"""What a CUDA device computes, beside the public implementation there and our own eager mode."""
