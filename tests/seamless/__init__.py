"""SeamlessM4T v2: every part alone, and the five tasks end to end."""
