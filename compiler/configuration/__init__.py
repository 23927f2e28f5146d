"""What the configuration files of a checkpoint say, each read in one way for whoever asks."""
