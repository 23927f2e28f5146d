"""What stands between texts and a waveform outside the graph: characters of subwords, units of logits."""
