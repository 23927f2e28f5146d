"""Every parameter to the tensor that feeds it, every stored tensor to its owner; proved before loading."""
