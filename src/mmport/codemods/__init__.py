"""Source-to-source transformations of model files, on libcst syntax trees."""
