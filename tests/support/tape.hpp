#ifndef XLOSS_TESTS_SUPPORT_TAPE_HPP
#define XLOSS_TESTS_SUPPORT_TAPE_HPP

// Reverse-mode differentiation of plain scalar programs in long double: slow, small, and nothing of the
// library in it.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace reference {

using real = long double;

/// What was computed, in order: every number with its derivatives by the one or two it came from.
class tape {
public:
    static constexpr std::size_t constant = static_cast<std::size_t>(-1);

    std::size_t record(std::size_t a, real by_a, std::size_t b = constant, real by_b = 0) {
        nodes_.push_back({a, b, by_a, by_b});
        return nodes_.size() - 1;
    }

    void clear() { nodes_.clear(); }

    struct derivative {
        real value = 0; // of one number by another
        real scale = 0; // the same with every contribution taken absolutely: what its rounding is relative to
    };

    /// The derivatives of a number by all that were recorded before it.
    [[nodiscard]] std::vector<derivative> backwards(std::size_t from) const {
        std::vector<derivative> d(nodes_.size());
        if (from == constant)
            return d;
        d[from] = {1, 1};
        const auto pass = [&d](std::size_t to, real by, const derivative& given) {
            if (to == constant || given.scale == 0 || by == 0)
                return;
            d[to].value += by * given.value;
            d[to].scale += std::abs(by) * given.scale;
        };
        for (std::size_t i = from + 1; i-- > 0;) {
            pass(nodes_[i].a, nodes_[i].by_a, d[i]);
            pass(nodes_[i].b, nodes_[i].by_b, d[i]);
        }
        return d;
    }

    /// The one of this program: the tests are single-threaded.
    static tape& current() {
        static tape one;
        return one;
    }

private:
    struct node {
        std::size_t a, b;
        real by_a, by_b;
    };
    std::vector<node> nodes_{};
};

/// A number with its place on the tape, and the sum of the absolute values of what was added up to it.
struct number {
    real value = 0;
    real scale = 0;
    std::size_t place = tape::constant;

    number() = default;
    number(real v) : value(v), scale(std::abs(v)) {}
    number(double v) : number(static_cast<real>(v)) {}
    number(int v) : number(static_cast<real>(v)) {}
    number(real v, real s, std::size_t at) : value(v), scale(s), place(at) {}

    static number variable(real v) {
        number n(v);
        n.place = tape::current().record(tape::constant, 0);
        return n;
    }

    static number of(real v, real s, const number& a, real by_a) { return of(v, s, a, by_a, number(), 0); }
    static number of(real v, real s, const number& a, real by_a, const number& b, real by_b) {
        if (a.place == tape::constant && b.place == tape::constant)
            return {v, s, tape::constant};
        return {v, s, tape::current().record(a.place, by_a, b.place, by_b)};
    }

    friend number operator+(const number& a, const number& b) {
        return of(a.value + b.value, a.scale + b.scale, a, 1, b, 1);
    }
    friend number operator-(const number& a, const number& b) {
        return of(a.value - b.value, a.scale + b.scale, a, 1, b, -1);
    }
    friend number operator*(const number& a, const number& b) {
        return of(a.value * b.value, a.scale * b.scale, a, b.value, b, a.value);
    }
    friend number operator/(const number& a, const number& b) {
        const real v = a.value / b.value, size = std::abs(b.value);
        return of(v, a.scale / size * (b.scale / size), a, 1 / b.value, b, -v / b.value);
    }
    friend number operator-(const number& a) { return of(-a.value, a.scale, a, -1); }
    number& operator+=(const number& other) { return *this = *this + other; }

    friend number exp(const number& a) {
        const real e = std::exp(a.value);
        return of(e, e, a, e);
    }
    friend number log(const number& a) {
        const real l = std::log(a.value);
        return of(l, std::abs(l) + (a.scale - std::abs(a.value)) / std::abs(a.value), a, 1 / a.value);
    }
    friend number log1p(const number& a) {
        const real l = std::log1p(a.value);
        return of(l, std::abs(l), a, 1 / (1 + a.value));
    }
    /// u^g; at u = 0 the derivative is 0, as the library documents it.
    friend number pow(const number& u, real g) {
        const real v = std::pow(u.value, g);
        if (u.value == 0)
            return of(v, v, u, 0);
        return of(v, v * std::max<real>(1, u.scale / u.value), u, g * std::pow(u.value, g - 1));
    }
    friend number abs(const number& a) {
        return of(std::abs(a.value), a.scale, a, a.value > 0 ? 1 : a.value < 0 ? -1 : 0);
    }
};

} // namespace reference

#endif
