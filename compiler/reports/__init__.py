"""Pictures and tables of what the compiler knows: for people, and as data."""
