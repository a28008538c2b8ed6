"""What all importers share: the graph builder, files read in a process of their own, values given for inputs."""
