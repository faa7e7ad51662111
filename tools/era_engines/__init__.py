"""Makes engines of vLLM's releases from 0.8.5 on, from their builds for the CPU.

    python -m tools.era_engines FOLDER 0.24.0 0.18.0 …

Each becomes FOLDER/vllm-RELEASE, which tests take from `MMPORT_ERA_ENGINES=FOLDER`.
"""
