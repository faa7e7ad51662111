"""Small, seeded, offline stand-ins for real models: any config, shrunk."""
