#ifndef XLOSS_TESTS_SUPPORT_POOL_HPP
#define XLOSS_TESTS_SUPPORT_POOL_HPP

#include <xloss/engine/executor.hpp>

#include <barrier>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace executors {

/// Exactly n threads, the calling one among them, that live as long as this. Thread t does the pieces t,
/// t + n, ...: none of them can do the work of another. And none begins before all are there: the end of the
/// work of one is never ordered before the begin of another's, or a sanitizer would see no race between them.
///
/// The plain std::thread, of which a sanitizer sees all.
class pool {
public:
    static constexpr std::size_t least_elements = 0; // however little there is to do

    explicit pool(std::size_t n) : threads_(n), start_(static_cast<std::ptrdiff_t>(n)) {
        workers_.reserve(n - 1);
        for (std::size_t t = 1; t < n; ++t)
            workers_.emplace_back([this, t] { work(t); });
    }

    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

    ~pool() {
        {
            const std::lock_guard lock(mutex_);
            body_ = nullptr;
            ++turn_;
        }
        begin_.notify_all();
        for (std::thread& one : workers_)
            one.join();
    }

    void operator()(std::size_t n, const xloss::piece_body& body) {
        {
            const std::lock_guard lock(mutex_);
            body_ = &body;
            pieces_ = n;
            all_pieces_ += n;
            running_ = workers_.size();
            ++turn_;
        }
        begin_.notify_all();
        take(0);
        std::unique_lock lock(mutex_);
        end_.wait(lock, [this] { return running_ == 0; });
        if (failure_)
            std::rethrow_exception(std::exchange(failure_, nullptr));
    }

    [[nodiscard]] std::size_t threads() const { return threads_; }
    /// How many there were in all calls.
    [[nodiscard]] std::size_t pieces() const { return all_pieces_; }

private:
    void work(std::size_t t) {
        for (std::size_t turn = 1;; ++turn) {
            {
                std::unique_lock lock(mutex_);
                begin_.wait(lock, [&] { return turn_ >= turn; });
                if (!body_)
                    return;
            }
            take(t);
            {
                const std::lock_guard lock(mutex_);
                --running_;
            }
            end_.notify_one();
        }
    }

    /// The pieces of thread t, and the first exception.
    void take(std::size_t t) {
        start_.arrive_and_wait();
        try {
            for (std::size_t i = t; i < pieces_; i += threads_)
                (*body_)(i);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!failure_)
                failure_ = std::current_exception();
        }
    }

    std::size_t threads_;
    std::barrier<> start_;
    std::mutex mutex_;
    std::condition_variable begin_, end_;
    const xloss::piece_body* body_ = nullptr;
    std::size_t pieces_ = 0, all_pieces_ = 0, running_ = 0, turn_ = 0;
    std::exception_ptr failure_;
    std::vector<std::thread> workers_; // last: they use all of the above
};

} // namespace executors

#endif
