// The losses as someone writes them who has xtensor alone and knows it well: the formula and the gradient
// worked out by hand, a tensor for whatever is used twice. Three habits keep it from being wrong or slow
// without need: reducers are evaluated at once and add up in double; what varies by sample or channel is
// applied to one contiguous view after the other, since xtensor broadcasts about twenty times slower than it
// multiplies; softplus gets a tensor of its own, since a maximum in its expression turns off xtensor's SIMD.

#include "peers_xtensor.hpp"

#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/core/xnoalias.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace bench {
namespace {

using tensor = xt::xtensor<float, 4>;
using plane = xt::xtensor<float, 2>;
const auto now = xt::evaluation_strategy::immediate;

template <class Expression>
double total(const Expression& e) {
    return xt::sum<double>(e, now)();
}

double mean_of(const tensor& t) {
    return total(t) / static_cast<double>(t.size());
}

tensor sigmoid(const tensor& x) {
    return 1.0f / (1.0f + xt::exp(-x));
}

tensor bce_per_pixel(const tensor& x, const tensor& y) {
    const tensor softplus = xt::log1p(xt::exp(-xt::abs(x)));
    return xt::maximum(x, 0.0f) - x * y + softplus;
}

double bce(const tensor& x, const tensor& y, tensor& gradient) {
    const auto scale = 1.0f / static_cast<float>(x.size());
    xt::noalias(gradient) = (1.0f / (1.0f + xt::exp(-x)) - y) * scale;
    return mean_of(bce_per_pixel(x, y));
}

double focal(const tensor& x, const tensor& y, tensor& gradient, float gamma) {
    const auto alpha = 0.25f;
    const auto scale = 1.0f / static_cast<float>(x.size());
    const tensor p = sigmoid(x);
    const tensor ce = bce_per_pixel(x, y);
    const tensor u = p * (1.0f - y) + (1.0f - p) * y; // 1 - p_t
    const tensor at = (alpha * y + (1.0f - alpha) * (1.0f - y)) * scale;
    const auto of_u = (1.0f - 2.0f * y) * p * (1.0f - p);
    if (gamma == 2.0f) { // without pow, as one would
        xt::noalias(gradient) = at * u * (2.0f * of_u * ce + u * (p - y));
        return total(tensor(at * u * u * ce));
    }
    const tensor lower = xt::pow(u, gamma - 1.0f);
    xt::noalias(gradient) = at * lower * (gamma * of_u * ce + u * (p - y));
    return total(tensor(at * lower * u * ce));
}

double dice(const tensor& x, const tensor& y, tensor& gradient) {
    const std::array<std::size_t, 3> space{1, 2, 3};
    const auto samples = static_cast<double>(x.shape(0));
    const tensor p = sigmoid(x);
    const xt::xtensor<double, 1> overlap = xt::sum<double>(p * y, space, now);
    const xt::xtensor<double, 1> both = xt::sum<double>(p, space, now) + xt::sum<double>(y, space, now) + 1.0;
    double value = 1.0;
    for (std::size_t b = 0; b < x.shape(0); ++b) {
        const auto p_b = xt::view(p, b), y_b = xt::view(y, b);
        const auto score = (2.0 * overlap(b) + 1.0) / both(b);
        const auto scale = static_cast<float>(1.0 / (both(b) * samples));
        const auto slope = (static_cast<float>(score) - 2.0f * y_b) * scale;
        xt::noalias(xt::view(gradient, b)) = slope * p_b * (1.0f - p_b);
        value -= score / samples;
    }
    return value;
}

/// (tp + 1)/(tp + alpha fp + beta fn + 1), with fp = P - tp and fn = Y - tp.
double tversky(const tensor& x, const tensor& y, tensor& gradient, double alpha, double beta) {
    const std::array<std::size_t, 3> space{1, 2, 3};
    const auto samples = static_cast<double>(x.shape(0));
    const tensor p = sigmoid(x);
    const xt::xtensor<double, 1> overlap = xt::sum<double>(p * y, space, now);
    const xt::xtensor<double, 1> all = (1.0 - alpha - beta) * overlap +
                                       alpha * xt::sum<double>(p, space, now) +
                                       beta * xt::sum<double>(y, space, now) + 1.0;
    double value = 1.0;
    for (std::size_t b = 0; b < x.shape(0); ++b) {
        const auto p_b = xt::view(p, b), y_b = xt::view(y, b);
        const auto score = (overlap(b) + 1.0) / all(b);
        const auto scale = 1.0 / (all(b) * samples);
        const auto by_p = static_cast<float>(alpha * score * scale);
        const auto by_overlap = static_cast<float>(((1.0 - alpha - beta) * score - 1.0) * scale);
        xt::noalias(xt::view(gradient, b)) = (by_p + by_overlap * y_b) * p_b * (1.0f - p_b);
        value -= score / samples;
    }
    return value;
}

double bce_dice(const tensor& x, const tensor& y, tensor& gradient) {
    auto second = tensor::from_shape(x.shape());
    const auto value = bce(x, y, gradient) + dice(x, y, second);
    gradient += second;
    return value;
}

double focal_20_dice(const tensor& x, const tensor& y, tensor& gradient) {
    auto second = tensor::from_shape(x.shape());
    const auto value = 20.0 * focal(x, y, gradient, 2.0f) + dice(x, y, second);
    xt::noalias(gradient) = 20.0f * gradient + second;
    return value;
}

template <class Labels>
tensor one_hot(const Labels& labels, std::size_t classes) {
    auto y = tensor::from_shape({labels.shape(0), classes, labels.shape(1), labels.shape(2)});
    for (std::size_t b = 0; b < labels.shape(0); ++b)
        for (std::size_t c = 0; c < classes; ++c) {
            using label = typename Labels::value_type;
            if (c > static_cast<std::uint64_t>(std::numeric_limits<label>::max()))
                xt::view(y, b, c).fill(0.0f); // a number that wraps would find another class
            else
                xt::noalias(xt::view(y, b, c)) =
                    xt::cast<float>(xt::equal(xt::view(labels, b), static_cast<label>(c)));
        }
    return y;
}

/// Softmax over the channels, and its logarithm, which cross entropy takes its value from.
struct softmax_parts {
    tensor p, log_p;
};

softmax_parts softmax(const tensor& x) {
    softmax_parts s{tensor::from_shape(x.shape()), tensor::from_shape(x.shape())};
    for (std::size_t b = 0; b < x.shape(0); ++b) {
        plane top = xt::view(x, b, 0), sum = xt::zeros_like(top);
        for (std::size_t c = 1; c < x.shape(1); ++c)
            top = xt::maximum(top, xt::view(x, b, c));
        for (std::size_t c = 0; c < x.shape(1); ++c) {
            xt::noalias(xt::view(s.log_p, b, c)) = xt::view(x, b, c) - top;
            xt::noalias(xt::view(s.p, b, c)) = xt::exp(xt::view(s.log_p, b, c));
            sum += xt::view(s.p, b, c);
        }
        const plane scale = 1.0f / sum, log_sum = xt::log(sum);
        for (std::size_t c = 0; c < x.shape(1); ++c) {
            xt::view(s.p, b, c) *= scale;
            xt::view(s.log_p, b, c) -= log_sum;
        }
    }
    return s;
}

double cross_entropy(const softmax_parts& s, const tensor& y, tensor& gradient) {
    const auto pixels = static_cast<double>(y.size() / y.shape(1));
    xt::noalias(gradient) = (s.p - y) * static_cast<float>(1.0 / pixels);
    return -total(tensor(y * s.log_p)) / pixels;
}

/// With a weight for every pixel, by its class.
double weighted_cross_entropy(const softmax_parts& s, const tensor& y, tensor& gradient, formula loss) {
    const auto count = static_cast<std::int64_t>(y.shape(1));
    const auto weight_of = [&](std::size_t c) {
        const auto i = static_cast<std::int64_t>(c);
        if (loss == formula::cross_entropy_weighted)
            return static_cast<float>(class_weight(i, count));
        return i == ignored_class ? 0.0f : 1.0f;
    };
    double value = 0.0, weight = 0.0;
    for (std::size_t b = 0; b < y.shape(0); ++b) {
        plane w = xt::zeros<float>({y.shape(2), y.shape(3)});
        for (std::size_t c = 0; c < y.shape(1); ++c)
            w += weight_of(c) * xt::view(y, b, c);
        weight += total(w);
        for (std::size_t c = 0; c < y.shape(1); ++c) {
            const auto y_c = xt::view(y, b, c);
            value -= static_cast<double>(weight_of(c)) * total(plane(y_c * xt::view(s.log_p, b, c)));
            xt::noalias(xt::view(gradient, b, c)) = w * (xt::view(s.p, b, c) - y_c);
        }
    }
    gradient *= static_cast<float>(1.0 / weight);
    return value / weight;
}

double smoothed_cross_entropy(const softmax_parts& s, const tensor& y, tensor& gradient) {
    const auto even = static_cast<float>(smoothing / static_cast<double>(y.shape(1)));
    return cross_entropy(s, tensor(static_cast<float>(1.0 - smoothing) * y + even), gradient);
}

/// On the pixels where it is largest.
double top_k_cross_entropy(const softmax_parts& s, const tensor& y, tensor& gradient) {
    const xt::xtensor<float, 3> losses = -xt::sum(y * s.log_p, {1});
    std::vector<float> sorted(losses.begin(), losses.end());
    const auto kept = static_cast<std::size_t>(kept_fraction * static_cast<double>(sorted.size()));
    const auto last = sorted.begin() + static_cast<std::ptrdiff_t>(kept - 1);
    std::nth_element(sorted.begin(), last, sorted.end(), std::greater<>());
    const auto count = static_cast<double>(kept);
    double value = 0.0;
    for (std::size_t b = 0; b < y.shape(0); ++b) {
        const plane l = xt::view(losses, b);
        const plane mask = xt::cast<float>(l >= *last);
        value += total(plane(l * mask)) / count;
        for (std::size_t c = 0; c < y.shape(1); ++c)
            xt::noalias(xt::view(gradient, b, c)) =
                mask * static_cast<float>(1.0 / count) * (xt::view(s.p, b, c) - xt::view(y, b, c));
    }
    return value;
}

double focal(const softmax_parts& s, const tensor& y, tensor& gradient) {
    const auto scale = 1.0 / static_cast<double>(y.size() / y.shape(1));
    double value = 0.0;
    for (std::size_t b = 0; b < y.shape(0); ++b) {
        plane p = xt::zeros<float>({y.shape(2), y.shape(3)}), log_p = p;
        for (std::size_t c = 0; c < y.shape(1); ++c) {
            p += xt::view(y, b, c) * xt::view(s.p, b, c);
            log_p += xt::view(y, b, c) * xt::view(s.log_p, b, c);
        }
        const plane u = 1.0f - p;
        value -= total(plane(u * u * log_p)) * scale;
        const plane slope = u * (2.0f * p * log_p - u) * static_cast<float>(scale);
        for (std::size_t c = 0; c < y.shape(1); ++c)
            xt::noalias(xt::view(gradient, b, c)) = slope * (xt::view(y, b, c) - xt::view(s.p, b, c));
    }
    return value;
}

/// From the slope by p of a sample, left in `gradient`, to the slope by its logits.
void pull_back(const softmax_parts& s, std::size_t b, tensor& gradient) {
    plane inner = xt::zeros<float>({s.p.shape(2), s.p.shape(3)});
    for (std::size_t c = 0; c < s.p.shape(1); ++c)
        inner += xt::view(gradient, b, c) * xt::view(s.p, b, c);
    for (std::size_t c = 0; c < s.p.shape(1); ++c) {
        auto g = xt::view(gradient, b, c);
        xt::noalias(g) = xt::view(s.p, b, c) * (g - inner);
    }
}

double dice(const softmax_parts& s, const tensor& y, tensor& gradient) {
    const std::array<std::size_t, 2> space{2, 3};
    const auto regions = static_cast<double>(y.shape(0) * y.shape(1));
    const xt::xtensor<double, 2> overlap = xt::sum<double>(s.p * y, space, now);
    const xt::xtensor<double, 2> both =
        xt::sum<double>(s.p, space, now) + xt::sum<double>(y, space, now) + 1.0;
    double value = 1.0;
    for (std::size_t b = 0; b < y.shape(0); ++b) {
        for (std::size_t c = 0; c < y.shape(1); ++c) {
            const auto score = (2.0 * overlap(b, c) + 1.0) / both(b, c);
            const auto scale = static_cast<float>(1.0 / (both(b, c) * regions));
            xt::noalias(xt::view(gradient, b, c)) =
                (static_cast<float>(score) - 2.0f * xt::view(y, b, c)) * scale;
            value -= score / regions;
        }
        pull_back(s, b, gradient);
    }
    return value;
}

/// One score per sample over all its classes; every class is present in the data.
double generalized_dice(const softmax_parts& s, const tensor& y, tensor& gradient) {
    const std::array<std::size_t, 2> space{2, 3};
    const auto samples = static_cast<double>(y.shape(0));
    const xt::xtensor<double, 2> area = xt::sum<double>(y, space, now);
    const xt::xtensor<double, 2> weight = 1.0 / (area * area);
    const xt::xtensor<double, 2> overlap = weight * xt::sum<double>(s.p * y, space, now);
    const xt::xtensor<double, 2> both = weight * (xt::sum<double>(s.p, space, now) + area);
    double value = 1.0;
    for (std::size_t b = 0; b < y.shape(0); ++b) {
        const auto all = total(xt::view(both, b));
        const auto score = 2.0 * total(xt::view(overlap, b)) / all;
        for (std::size_t c = 0; c < y.shape(1); ++c) {
            const auto scale = static_cast<float>(weight(b, c) / (all * samples));
            xt::noalias(xt::view(gradient, b, c)) =
                (static_cast<float>(score) - 2.0f * xt::view(y, b, c)) * scale;
        }
        pull_back(s, b, gradient);
        value -= score / samples;
    }
    return value;
}

/// The Lovász extension of the Jaccard loss of n errors, by std::sort; their slopes replace them. Sums are
/// double, and equal errors share the mean of their slopes, as ours do.
double lovasz(std::vector<std::pair<float, std::uint32_t>>& errors, const std::vector<float>& y,
              std::vector<float>& slopes) {
    std::sort(errors.begin(), errors.end(), std::greater<>());
    const auto all = std::accumulate(y.begin(), y.end(), 0.0);
    double before = 0.0, intersection = all, both = all, value = 0.0;
    for (std::size_t first = 0, end = 0; first < errors.size(); first = end) {
        for (; end < errors.size() && errors[end].first == errors[first].first; ++end) {
            const auto is = static_cast<double>(y[errors[end].second]);
            intersection -= is;
            both += 1.0 - is;
        }
        const auto jaccard = 1.0 - intersection / both;
        const auto rise = errors[first].first > 0.0f ? jaccard - before : 0.0;
        before = jaccard;
        value += static_cast<double>(errors[first].first) * rise;
        for (auto k = first; k < end; ++k)
            slopes[errors[k].second] = static_cast<float>(rise / static_cast<double>(end - first));
    }
    return value;
}

/// Of one region: errors and targets of its pixels by number, and what is done with the slope of each.
template <class Error, class Target, class Take>
double lovasz_of(std::size_t n, Error&& error, Target&& target, Take&& take) {
    std::vector<std::pair<float, std::uint32_t>> errors(n);
    std::vector<float> y(n), slopes(n);
    for (std::size_t i = 0; i < n; ++i) {
        y[i] = target(i);
        errors[i] = {error(i), static_cast<std::uint32_t>(i)};
    }
    const auto value = lovasz(errors, y, slopes);
    for (std::size_t i = 0; i < n; ++i)
        take(i, slopes[i]);
    return value;
}

double lovasz_hinge(const tensor& x, const tensor& y, tensor& gradient) {
    const auto n = x.size() / x.shape(0);
    const auto scale = 1.0f / static_cast<float>(x.shape(0));
    const tensor sign = 2.0f * y - 1.0f, errors = 1.0f - x * sign;
    double value = 0.0;
    for (std::size_t b = 0; b < x.shape(0); ++b) {
        const auto* e = errors.data() + b * n;
        const auto* t = y.data() + b * n;
        auto* g = gradient.data() + b * n;
        value += lovasz_of(
            n, [=](std::size_t i) { return e[i]; }, [=](std::size_t i) { return t[i]; },
            [=](std::size_t i, float slope) { g[i] = slope * scale; });
    }
    gradient *= -sign;
    return value / static_cast<double>(x.shape(0));
}

double lovasz_sigmoid(const tensor& x, const tensor& y, tensor& gradient) {
    const tensor p = sigmoid(x), errors = xt::abs(y - p);
    const auto value = lovasz_of(
        x.size(), [e = errors.data()](std::size_t i) { return e[i]; },
        [t = y.data()](std::size_t i) { return t[i]; },
        [g = gradient.data()](std::size_t i, float slope) { g[i] = slope; });
    gradient *= (1.0f - 2.0f * y) * p * (1.0f - p);
    return value;
}

/// Of every class one region in `samples` samples at a time; every class is present in the data.
double lovasz_softmax(const softmax_parts& s, const tensor& y, tensor& gradient, std::size_t samples) {
    const auto classes = y.shape(1), pixels = y.shape(2) * y.shape(3), groups = y.shape(0) / samples;
    const auto scale = 1.0f / static_cast<float>(classes * groups);
    const tensor errors = xt::abs(y - s.p);
    double value = 0.0;
    for (std::size_t group = 0; group < groups; ++group)
        for (std::size_t c = 0; c < classes; ++c) {
            const auto place = [=](std::size_t i) {
                return ((group * samples + i / pixels) * classes + c) * pixels + i % pixels;
            };
            value += lovasz_of(
                samples * pixels, [&](std::size_t i) { return errors.data()[place(i)]; },
                [&](std::size_t i) { return y.data()[place(i)]; },
                [&](std::size_t i, float slope) { gradient.data()[place(i)] = slope * scale; });
        }
    gradient *= 1.0f - 2.0f * y;
    for (std::size_t b = 0; b < y.shape(0); ++b)
        pull_back(s, b, gradient);
    return value * static_cast<double>(scale);
}

double boundary(const tensor& x, const tensor& distance, tensor& gradient) {
    const auto scale = 1.0f / static_cast<float>(x.size());
    const tensor p = sigmoid(x);
    xt::noalias(gradient) = distance * scale * p * (1.0f - p);
    return mean_of(p * distance);
}

double boundary(const softmax_parts& s, const tensor& distance, tensor& gradient) {
    xt::noalias(gradient) = distance * (1.0f / static_cast<float>(distance.size()));
    for (std::size_t b = 0; b < distance.shape(0); ++b)
        pull_back(s, b, gradient);
    return mean_of(s.p * distance);
}

double binary(formula loss, const tensor& x, const tensor& y, tensor& gradient) {
    if (loss == formula::bce)
        return bce(x, y, gradient);
    if (loss == formula::focal_2)
        return focal(x, y, gradient, 2.0f);
    if (loss == formula::focal_1_5)
        return focal(x, y, gradient, 1.5f);
    if (loss == formula::dice)
        return dice(x, y, gradient);
    if (loss == formula::iou)
        return tversky(x, y, gradient, 1.0, 1.0);
    if (loss == formula::tversky)
        return tversky(x, y, gradient, tversky_alpha, tversky_beta);
    if (loss == formula::bce_dice)
        return bce_dice(x, y, gradient);
    if (loss == formula::focal_20_dice)
        return focal_20_dice(x, y, gradient);
    if (loss == formula::lovasz_hinge)
        return lovasz_hinge(x, y, gradient);
    if (loss == formula::lovasz_sigmoid)
        return lovasz_sigmoid(x, y, gradient);
    throw std::logic_error("not a binary formula");
}

double multiclass(formula loss, const tensor& x, const tensor& y, tensor& gradient) {
    const auto s = softmax(x);
    if (loss == formula::cross_entropy_ignoring || loss == formula::cross_entropy_weighted)
        return weighted_cross_entropy(s, y, gradient, loss);
    if (loss == formula::cross_entropy_smoothed)
        return smoothed_cross_entropy(s, y, gradient);
    if (loss == formula::cross_entropy_top_k)
        return top_k_cross_entropy(s, y, gradient);
    if (loss == formula::softmax_focal_2)
        return focal(s, y, gradient);
    if (loss == formula::softmax_dice)
        return dice(s, y, gradient);
    if (loss == formula::generalized_dice)
        return generalized_dice(s, y, gradient);
    if (loss == formula::lovasz_softmax)
        return lovasz_softmax(s, y, gradient, y.shape(0));
    if (loss == formula::lovasz_softmax_per_image)
        return lovasz_softmax(s, y, gradient, 1);
    const auto value = cross_entropy(s, y, gradient);
    if (loss == formula::cross_entropy)
        return value;
    auto second = tensor::from_shape(x.shape());
    double other = 0.0;
    auto share = 1.0f;
    if (loss == formula::cross_entropy_lovasz) {
        share = static_cast<float>(lovasz_weight);
        other = lovasz_softmax(s, y, second, y.shape(0));
    } else if (loss == formula::cross_entropy_dice)
        other = dice(s, y, second);
    else if (loss == formula::cross_entropy_generalized_dice)
        other = generalized_dice(s, y, second);
    else
        throw std::logic_error("not a multiclass formula");
    gradient += share * second;
    return value + static_cast<double>(share) * other;
}

template <class Y>
class xtensor_contender final : public contender {
public:
    xtensor_contender(formula loss, const problem& at) : loss_(loss), binary_(at.classes == 1) {
        const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
        const auto b = size(at.batch), c = size(at.classes), h = size(at.height), w = size(at.width);
        const auto* y = static_cast<const Y*>(at.target);
        logits_ = xt::adapt(at.logits, b * c * h * w, xt::no_ownership(), std::array{b, c, h, w});
        if (binary_)
            mask_ = xt::adapt(y, b * h * w, xt::no_ownership(), std::array{b, c, h, w});
        else
            labels_ = xt::adapt(y, b * h * w, xt::no_ownership(), std::array{b, h, w});
        gradient_ = xt::zeros<float>({b, c, h, w});
        if (at.distance)
            distance_ = xt::adapt(at.distance, b * c * h * w, xt::no_ownership(), std::array{b, c, h, w});
    }

    double step() override {
        if (loss_ == formula::boundary)
            return binary_ ? boundary(logits_, distance_, gradient_)
                           : boundary(softmax(logits_), distance_, gradient_);
        if (!binary_)
            return multiclass(loss_, logits_, one_hot(labels_, logits_.shape(1)), gradient_);
        if constexpr (std::is_same_v<Y, float>)
            return binary(loss_, logits_, mask_, gradient_);
        else
            return binary(loss_, logits_, xt::cast<float>(mask_), gradient_);
    }
    [[nodiscard]] const float* gradient() const override { return gradient_.data(); }

private:
    formula loss_;
    bool binary_;
    tensor logits_, gradient_, distance_;
    xt::xtensor<Y, 4> mask_;
    xt::xtensor<Y, 3> labels_;
};

} // namespace

std::unique_ptr<contender> make_xtensor(formula loss, const problem& at) {
    if (loss == formula::sobel_boundary || loss == formula::cl_dice)
        return nullptr; // filters and pools are no expressions
    if (at.kind == target_kind::float32)
        return std::make_unique<xtensor_contender<float>>(loss, at);
    if (at.kind == target_kind::uint8)
        return std::make_unique<xtensor_contender<std::uint8_t>>(loss, at);
    return std::make_unique<xtensor_contender<std::int64_t>>(loss, at);
}

} // namespace bench
