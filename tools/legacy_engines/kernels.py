"""The release's kernels for the CPU, compiled without cmake."""

import json
import shutil
import subprocess
from pathlib import Path

from .releases import HERE, Release

FLAGS = ("-O2", "-std=c++17", "-fPIC", "-fopenmp", "-mavx2", "-mfma", "-mf16c", "-w")
DEFINES = ("-DVLLM_CPU_EXTENSION", "-DTORCH_EXTENSION_NAME=_C", "-DPy_LIMITED_API=3")
ASK_TORCH = """
import json, sysconfig, torch
from torch.utils.cpp_extension import include_paths, library_paths
print(json.dumps({
    "include": [*include_paths(), sysconfig.get_path("include")],
    "library": library_paths(),
    "abi": int(torch._C._GLIBCXX_USE_CXX11_ABI),
}))
"""


def compile_kernels(release: Release, source: Path, home: Path, packages: Path) -> None:
    """Compiles `csrc/cpu` and links it as `vllm._C`."""
    compiler = shutil.which("g++")
    if compiler is None:
        raise SystemExit("There is no g++ to compile vLLM's kernels with: apt-get install g++")
    answer = subprocess.check_output([str(home / "bin" / "python"), "-c", ASK_TORCH], text=True)
    torch = json.loads(answer)
    includes = [f"-I{path}" for path in (source / "csrc", source / "csrc" / "cpu")]
    includes += [f"-isystem{path}" for path in torch["include"]]
    flags = [*FLAGS, *DEFINES, f"-D_GLIBCXX_USE_CXX11_ABI={torch['abi']}", *includes]
    files = [source / "csrc" / "cpu" / f"{name}.cpp" for name in release.kernels]
    # Debian has what binds memory to a node of NUMA in a package of its own. Ours
    # takes the place of that file and binds nothing.
    if (source / "csrc" / "cpu" / "utils.cpp").exists():
        files.append(HERE / "threads.cpp")
    objects = []
    for file in files:
        objects.append(source / f"{file.stem}.o")
        _run(file.name, compiler, *flags, "-c", str(file), "-o", str(objects[-1]))
    libraries = [f"-L{path}" for path in torch["library"]]
    runtime = [f"-Wl,-rpath,{path}" for path in torch["library"]]
    target = packages / "vllm" / "_C.abi3.so"
    _run(
        target.name,
        *(compiler, "-shared", "-fopenmp", *map(str, objects), "-o", str(target)),
        *(*libraries, *runtime, "-ltorch", "-ltorch_cpu", "-lc10"),
    )


def _run(what: str, *command: str) -> None:
    print(f"  {what}", flush=True)
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"{what} could not be made; what the compiler says stands above")
