"""SeamlessM4T v2: speech or text to text or speech (Barrault et al. 2023)."""
