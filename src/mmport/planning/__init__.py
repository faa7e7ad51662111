"""From a `VlmSpec` and a vLLM release to a `PortPlan`: what to build, and why."""
