"""What stands between the web server and Django: fair shares, bodies in time."""
