"""What finding weights returns: a model with its task, shape, recall and cost."""
