"""What a language model computes, layer by layer."""
