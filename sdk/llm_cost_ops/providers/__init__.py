"""What providers' own packages send and answer, without importing them."""
