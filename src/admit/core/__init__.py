"""Pure decisions: no await, no clock, no randomness of its own; whatever they need is an argument."""
