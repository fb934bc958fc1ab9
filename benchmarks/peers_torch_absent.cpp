// Stands in for peers_torch.cpp where libtorch was not found: its columns stay empty.

#include "peers_torch.hpp"

namespace bench {

const char* torch_version() {
    return "";
}

std::unique_ptr<contender> make_torch(formula, const problem&) {
    return nullptr;
}

std::unique_ptr<contender> make_torch(const detection_problem&) {
    return nullptr;
}

} // namespace bench
