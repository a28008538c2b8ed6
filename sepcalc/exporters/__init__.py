"""Networks as files of other formats: a package per format."""
