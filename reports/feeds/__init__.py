"""What leaves by itself: files made on a schedule, and brought where they go."""
