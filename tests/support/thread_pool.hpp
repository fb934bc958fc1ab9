#ifndef XLOSS_TESTS_SUPPORT_THREAD_POOL_HPP
#define XLOSS_TESTS_SUPPORT_THREAD_POOL_HPP

#include <xloss/engine/executor.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

/// An executor of exactly so many threads, the calling one among them. The first exception of a piece reaches
/// the caller. One call at a time.
class thread_pool {
public:
    explicit thread_pool(std::size_t threads) {
        others_.reserve(threads - 1);
        for (std::size_t i = 1; i < threads; ++i)
            others_.emplace_back([this] { serve(); });
    }

    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

    ~thread_pool() {
        {
            const std::lock_guard lock(mutex_);
            ends_ = true;
        }
        wake_.notify_all();
        for (std::thread& one : others_)
            one.join();
    }

    void operator()(std::size_t n, xloss::piece_body body) const {
        {
            const std::lock_guard lock(mutex_);
            body_ = body;
            pieces_ = n;
            next_ = 0;
            busy_ = others_.size();
            failure_ = nullptr;
            ++call_;
        }
        wake_.notify_all();
        work();
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return busy_ == 0; });
        if (failure_)
            std::rethrow_exception(failure_);
    }

private:
    void serve() const {
        for (std::size_t seen = 0;;) {
            {
                std::unique_lock lock(mutex_);
                wake_.wait(lock, [&] { return ends_ || call_ != seen; });
                if (ends_)
                    return;
                seen = call_;
            }
            work();
            const std::lock_guard lock(mutex_);
            if (--busy_ == 0)
                done_.notify_one();
        }
    }

    void work() const {
        try {
            for (std::size_t i = 0; (i = next_++) < pieces_;)
                (*body_)(i);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!failure_)
                failure_ = std::current_exception();
        }
    }

    mutable std::mutex mutex_;
    mutable std::condition_variable wake_, done_;
    mutable std::optional<xloss::piece_body> body_;
    mutable std::size_t pieces_ = 0, busy_ = 0, call_ = 0;
    mutable std::atomic<std::size_t> next_{0};
    mutable std::exception_ptr failure_;
    bool ends_ = false;
    std::vector<std::thread> others_;
};

#endif
