"""What is kept of what leaves the house."""
