#ifndef XLOSS_TESTS_SUPPORT_EXECUTORS_HPP
#define XLOSS_TESTS_SUPPORT_EXECUTORS_HPP

#include <xloss/engine/executor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace executors {

// They are there to cut small tensors into pieces too: `least_elements` is 0.

/// From the last piece to the first.
struct backwards {
    static constexpr std::size_t least_elements = 0;
    std::size_t pieces = 0; // how many it was given

    template <class Body>
    void operator()(std::size_t n, Body&& body) {
        pieces += n;
        for (std::size_t i = n; i-- > 0;)
            body(i);
    }
};

/// From the first piece to the last.
struct forwards {
    static constexpr std::size_t least_elements = 0;

    template <class Body>
    void operator()(std::size_t n, Body&& body) const {
        for (std::size_t i = 0; i < n; ++i)
            body(i);
    }
};

/// In a different order at each call.
struct shuffled {
    static constexpr std::size_t least_elements = 0;
    std::minstd_rand random{5};

    template <class Body>
    void operator()(std::size_t n, Body&& body) {
        std::vector<std::size_t> order(n);
        std::iota(order.begin(), order.end(), std::size_t{0});
        for (std::size_t i = n; i > 1; --i)
            std::swap(order[i - 1], order[random() % i]);
        for (const std::size_t i : order)
            body(i);
    }
};

/// On three threads at once.
struct threads {
    static constexpr std::size_t least_elements = 0;

    template <class Body>
    void operator()(std::size_t n, Body&& body) {
        std::vector<std::thread> running;
        for (std::size_t first = 0; first < 3; ++first)
            running.emplace_back([=, &body] {
                for (std::size_t i = first; i < n; i += 3)
                    body(i);
            });
        for (std::thread& one : running)
            one.join();
    }
};

} // namespace executors

#endif
