"""Side-by-side speed runs of dnn-sweep and its peers; see README.md in this folder."""
