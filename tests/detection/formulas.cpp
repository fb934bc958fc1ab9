// The formulas of detection/, pair by pair: slopes written by hand against dual numbers, and what is finite.

#include "detection/box_cases.hpp"

#include <xloss/simd/dual.hpp>
#include <xloss/simd/number.hpp>

#include <algorithm>

using namespace box_cases;

namespace {

/// In long double: what cancels in the derivative of a quotient is left to the formulas.
using number = xloss::dual<4, long double>;

template <class V, class T>
xloss::box_pair<V> constants(const pair& p) {
    const auto box = [](const four& b) {
        const auto one = [](double v) { return V(static_cast<double>(static_cast<T>(v))); };
        return xloss::box<V>{one(b[0]), one(b[1]), one(b[2]), one(b[3])};
    };
    return {box(p.predicted), box(p.target)};
}

/// The predicted coordinates as the four variables.
xloss::box_pair<number> variables(const pair& p) {
    auto b = constants<number, double>(p);
    std::size_t direction = 0;
    for (number* v : {&b.predicted.x1, &b.predicted.y1, &b.predicted.x2, &b.predicted.y2})
        v->slope[direction++] = 1.0L;
    return b;
}

template <class V>
std::array<V, 4> listed(const xloss::box<V>& b) {
    return {b.x1, b.y1, b.x2, b.y2};
}

/// The size of the terms that a slope of the IoU is made of, whatever is left of them: IoU/side.
double size_of_terms(const pair& p) {
    const double iou = static_cast<double>(1.0L - xloss::box_iou::term{}.at_box(variables(p)).value.value);
    const four& b = p.predicted;
    return iou == 0.0 ? 0.0 : iou / std::max(std::abs(b[2] - b[0]), std::abs(b[3] - b[1]));
}

/// Largest difference, relative to the largest slope of the box or to the terms it is made of.
double difference(const pair& p, const four& by_hand, const four& exact) {
    double worst = 0.0, scale = std::max(size_of_terms(p), 1e-300);
    for (std::size_t c = 0; c < 4; ++c) {
        scale = std::max({scale, std::abs(by_hand[c]), std::abs(exact[c])});
        const double error = std::abs(by_hand[c] - exact[c]);
        worst = error >= 0.0 ? std::max(worst, error) : HUGE_VAL;
    }
    return worst / scale;
}

four values(const xloss::box<number>& b) {
    return {static_cast<double>(b.x1.value), static_cast<double>(b.y1.value), static_cast<double>(b.x2.value),
            static_cast<double>(b.y2.value)};
}

/// What dual numbers give for the slopes.
four derivatives(const number& v) {
    four d{};
    for (std::size_t c = 0; c < 4; ++c)
        d[c] = static_cast<double>(v.slope[c]);
    return d;
}

double value_of(const number& v) {
    return static_cast<double>(v.value);
}

template <class Term>
void check_slopes(const Term& term) {
    for (const pair& p : pairs) {
        INFO("boxes " << p.what);
        const auto found = term.at_box(variables(p));
        CHECK(difference(p, values(found.slope), derivatives(found.value)) <= 1e-12);
    }
}

/// Value and slopes are finite, in float too.
template <class T, class Term>
void check_finite(const Term& term, const pair& p) {
    using V = xloss::simd::number<T, 1>;
    const auto found = term.at_box(constants<V, T>(p));
    bool finite = std::isfinite(static_cast<T>(found.value));
    for (const V& slope : listed(found.slope))
        finite = finite && std::isfinite(static_cast<T>(slope));
    INFO("boxes " << p.what);
    CHECK(finite);
}

/// In float the error of a slope is that of a few roundings of its largest terms, where no two nearly equal
/// coordinates are subtracted.
template <class Term>
void check_float(const Term& term) {
    using V = xloss::simd::number<float, 1>;
    for (const pair& p : pairs) {
        INFO("boxes " << p.what);
        pair rounded = p;
        for (four* b : {&rounded.predicted, &rounded.target})
            for (double& v : *b)
                v = static_cast<double>(static_cast<float>(v));
        const auto found = term.at_box(constants<V, float>(rounded));
        const auto exact = term.at_box(variables(rounded));
        four slopes{};
        for (std::size_t c = 0; c < 4; ++c)
            slopes[c] = static_cast<double>(static_cast<float>(listed(found.slope)[c]));
        CHECK(difference(rounded, slopes, values(exact.slope)) <= 2e-6);
        const double value = static_cast<double>(static_cast<float>(found.value));
        CHECK(close(value, value_of(exact.value), 2e-6));
    }
}

template <class Term>
void check(const Term& term) {
    check_slopes(term);
    check_float(term);
    for (const pair& p : pairs) {
        check_finite<double>(term, p);
        check_finite<float>(term, p);
    }
}

} // namespace

TEST_CASE("box_iou: slopes against dual numbers") {
    check(xloss::box_iou::term{});
    check(xloss::box_iou::term{.eps = 1e-3});
}

TEST_CASE("giou: slopes against dual numbers") {
    check(xloss::giou::term{});
    check(xloss::giou::term{.eps = 1e-3});
}

TEST_CASE("diou: slopes against dual numbers") {
    check(xloss::diou::term{});
    check(xloss::diou::term{.eps = 1e-3});
}

TEST_CASE("eiou: slopes against dual numbers") {
    check(xloss::eiou::term{});
    check(xloss::eiou::term{.eps = 1e-3});
}

TEST_CASE("siou: slopes against dual numbers") {
    check(xloss::siou::term{});
    check(xloss::siou::term{.eps = 1e-3});
}

TEST_CASE("ciou: slopes against dual numbers where the trade-off is followed") {
    check(xloss::ciou::term{.follow_alpha = true, .eps = 1e-7});
    check(xloss::ciou::term{.follow_alpha = true, .eps = 1e-3});
}

TEST_CASE("ciou: without follow_alpha its slopes are those of diou and of v alone, times a constant") {
    for (const pair& p : pairs) {
        INFO("boxes " << p.what);
        const auto b = variables(p);
        const auto found = xloss::ciou::term{}.at_box(b);
        const auto of_diou = xloss::diou::term{}.at_box(b), of_iou = xloss::box_iou::term{}.at_box(b);
        const number angle = atan2(b.target.x2 - b.target.x1, b.target.y2 - b.target.y1) -
                             atan2(b.predicted.x2 - b.predicted.x1, b.predicted.y2 - b.predicted.y1);
        const double pi = 3.14159265358979323846;
        const number v = 4.0 / (pi * pi) * angle * angle;
        const double alpha = value_of(v) / (value_of(of_iou.value) + value_of(v) + 1e-7);
        four expected{};
        for (std::size_t c = 0; c < 4; ++c)
            expected[c] = derivatives(of_diou.value)[c] + alpha * derivatives(v)[c];
        CHECK(difference(p, values(found.slope), expected) <= 1e-12);
        CHECK(close(value_of(found.value), value_of(of_diou.value) + alpha * value_of(v)));
        check_finite<float>(xloss::ciou::term{}, p);
    }
}
