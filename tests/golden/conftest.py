"""The committed ports have tests of their own, which need vLLM: they are data here."""

collect_ignore = ["ports", "rewritten", "text_models"]
