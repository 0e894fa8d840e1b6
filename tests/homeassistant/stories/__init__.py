"""What must hold between Porchlight and a real Home Assistant, a story a file."""
