"""The mutation matrix: for every fault, the test that fails."""
