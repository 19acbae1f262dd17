"""Publishing: what the stages made, packed with its card and sent to the Hugging Face Hub."""
