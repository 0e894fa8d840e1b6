"""The pretended home that the stories happen in."""
