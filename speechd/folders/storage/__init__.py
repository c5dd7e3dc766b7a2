"""Where the recordings and outputs of a run are: folders of this machine, or any storage that fsspec opens."""
