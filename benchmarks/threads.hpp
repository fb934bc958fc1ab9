#ifndef XLOSS_BENCHMARKS_THREADS_HPP
#define XLOSS_BENCHMARKS_THREADS_HPP

#include <xloss/engine/executor.hpp>

#include <cstddef>

namespace bench {

/// Whether the program was built with oneTBB.
bool has_threads();

/// Calls body(i) for every i in [0, n), on that many threads of oneTBB.
void run_pieces(std::size_t threads, std::size_t n, xloss::piece_body body);

/// run_pieces as an executor of the library, whose number of threads may change between calls.
class pool {
public:
    /// False without oneTBB, where there is one thread.
    bool use_threads(std::size_t n) {
        if (n == 1 || has_threads())
            threads_ = n;
        return n == threads_;
    }

    void operator()(std::size_t n, xloss::piece_body body) const { run_pieces(threads_, n, body); }

    /// What a call is given: for one thread no executor at all.
    [[nodiscard]] xloss::executor_ref executor() {
        return threads_ == 1 ? xloss::executor_ref() : xloss::executor_ref(*this);
    }

private:
    std::size_t threads_ = 1;
};

} // namespace bench

#endif
