"""What an accelerator is asked to do, told by one that is pretended on the CPU."""
