"""Words that several commands' options have in common."""

DATA_HELP = "How files are read: a setting of data=files, as in separator=';' or columns.text=body."
