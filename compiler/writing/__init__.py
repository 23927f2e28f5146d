"""Files and folders written whole or not at all, and what may be written over."""
