"""The vLLM side on old engines: releases with vLLM's first multimodal API."""
