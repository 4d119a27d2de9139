"""Items that no feed delivers: pushed over HTTP or from Python, and read from files. They enter the items topic."""
