"""The values that travel through mmport: frozen, JSON-able, without logic that needs a library."""
