"""What leaves Concord after a delivery: messages to people now, files and API pushes to partners later."""
