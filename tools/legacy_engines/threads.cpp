// Stands for the release's own csrc/cpu/utils.cpp, which wants libnuma's headers.
// VLLM_CPU_OMP_THREADS_BIND names cores ("0-3,6"): as many threads are used, and
// they are bound to no core and no node.

#include <torch/all.h>

#include <sstream>
#include <string>

std::string init_cpu_threads_env(const std::string& cpu_ids) {
  std::istringstream ranges(cpu_ids);
  std::string range;
  int threads = 0;
  while (std::getline(ranges, range, ',')) {
    const auto dash = range.find('-');
    const int first = std::stoi(range.substr(0, dash));
    const int last =
        dash == std::string::npos ? first : std::stoi(range.substr(dash + 1));
    threads += last - first + 1;
  }
  TORCH_CHECK(threads > 0, "no cores in ", cpu_ids);
  at::set_num_threads(threads);
  return std::to_string(threads) + " threads, bound to no core";
}
