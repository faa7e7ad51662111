"""HF modeling and processing source, read as syntax trees."""
