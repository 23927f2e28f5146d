"""From published files to a spec: of one checkpoint, of a published pair, of a new combination."""
