"""What a supervisor and its workers share: messages, descriptors, memory."""
