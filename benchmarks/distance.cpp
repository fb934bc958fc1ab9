// Exact distance transforms, ours and OpenCV's, on one thread: ns per pixel, medians and quartiles of the CPU
// time of repetitions that alternate. scipy_edt.py times SciPy on the same masks; equal means tell that they
// agree.

#include <xloss/distance/edt.hpp>

#ifdef XLOSS_BENCHMARK_OPENCV
#include <opencv2/imgproc.hpp>
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace xloss;

/// A square or a cube. The formulas are those of scipy_edt.py.
struct picture {
    std::string name;
    std::size_t side;
    tensor::grid grid;
    std::vector<std::uint8_t> inside;
};

/// Elliptical rings, finer towards the far corner.
picture rings(std::size_t axes, std::size_t side) {
    picture p{axes == 2 ? "rings 2-D" : "rings 3-D", side, {}, {}};
    p.grid.rank = axes;
    p.grid.extent = {axes == 2 ? 1 : side, side, side};
    p.inside.resize(p.grid.size());
    for (std::size_t i = 0; i < p.inside.size(); ++i) {
        const std::size_t z = i / (side * side), y = i / side % side, x = i % side;
        const std::size_t form = x * x + 3 * y * y + x * y + 2 * z * z;
        p.inside[i] = 16 * form / (side * side) % 4 != 0 ? 1 : 0;
    }
    return p;
}

/// One pixel in 16 is background.
picture noise(std::size_t side) {
    picture p = rings(2, side);
    p.name = "noise 2-D";
    for (std::size_t i = 0; i < p.inside.size(); ++i)
        p.inside[i] = (i * 2654435761U % 4294967296U) / 128 % 16 != 0 ? 1 : 0;
    return p;
}

double seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct contender {
    std::string name;
    std::function<void()> run;
    std::vector<double> times{};

    double quartile(std::size_t i) {
        std::sort(times.begin(), times.end());
        return times[i * (times.size() - 1) / 4];
    }
};

double mean(const std::vector<float>& v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

#ifdef XLOSS_BENCHMARK_OPENCV
/// Its row minima are computed in float, so that the last bits may differ.
void check_agreement(const std::vector<float>& ours, const std::vector<float>& theirs) {
    for (std::size_t i = 0; i < ours.size(); ++i)
        if (!(std::abs(ours[i] - theirs[i]) <= 1e-4F * (1.0F + ours[i]))) {
            std::fprintf(stderr, "pixel %zu: %g and %g\n", i, static_cast<double>(ours[i]),
                         static_cast<double>(theirs[i]));
            std::exit(EXIT_FAILURE);
        }
}
#endif

void measure(picture p) {
    const std::size_t n = p.inside.size();
    std::vector<float> out(n), sides(n), squares(n);
    workspace memory;
    const executor_ref one_thread{};
    const engine::filter_place place{p.grid, one_thread, memory};
    std::vector<contender> all;
    all.push_back({"distance", [&] { distance::distances(place, p.inside.data(), out.data()); }});
    all.push_back({"squared", [&] { distance::squared_distances(place, p.inside.data(), squares.data()); }});
    all.push_back({"signed", [&] {
                       distance::signed_distances(place, p.inside.data(), distance_convention::pixel,
                                                  sides.data());
                   }});
#ifdef XLOSS_BENCHMARK_OPENCV
    std::vector<float> theirs(n);
    if (p.grid.rank == 2) {
        cv::setNumThreads(1);
        const auto side = static_cast<int>(p.side);
        const cv::Mat from(side, side, CV_8U, p.inside.data());
        cv::Mat to(side, side, CV_32F, theirs.data());
        all.push_back({"OpenCV", [=]() mutable {
                           cv::distanceTransform(from, to, cv::DIST_L2, cv::DIST_MASK_PRECISE);
                       }});
    }
#endif
    const std::size_t repetitions = n > (1U << 23) ? 5 : n > (1U << 20) ? 15 : 51;
    for (std::size_t r = 0; r <= repetitions; ++r)
        for (contender& c : all) {
            const double start = seconds();
            c.run();
            if (r > 0)
                c.times.push_back(seconds() - start);
        }
#ifdef XLOSS_BENCHMARK_OPENCV
    if (p.grid.rank == 2)
        check_agreement(out, theirs);
#endif
    for (contender& c : all)
        std::printf("%-10s %6zu  %-9s %8.2f ns/pixel (%.2f to %.2f)\n", p.name.c_str(), p.side,
                    c.name.c_str(), 1e9 * c.quartile(2) / static_cast<double>(n),
                    1e9 * c.quartile(1) / static_cast<double>(n),
                    1e9 * c.quartile(3) / static_cast<double>(n));
    std::printf("%-10s %6zu  mean distance %.9g\n", p.name.c_str(), p.side, mean(out));
    std::fflush(stdout);
}

} // namespace

int main() {
    for (const std::size_t side : {512U, 2048U}) {
        measure(rings(2, side));
        measure(noise(side));
    }
    measure(rings(3, 256));
    return EXIT_SUCCESS;
}
